import { templatesOf } from '../node/shared.js';
import type { ExpressApp } from './express-types.js';
import type { MountEntry } from './mount-paths.js';
import type { Prefixes } from './prefixes.js';
import { routerOf } from './stack-end.js';

/**
 * Whether an app is mounted at a path, as far as Express shows it: an app in `app.use` knows the app around
 * it. `pathsOf` returns the whole paths of `root` and of an app without another around it.
 */
export function isMountedAt(
  path: string,
  app: ExpressApp,
  root: object,
  pathsOf: (app: ExpressApp) => Prefixes,
): boolean {
  const { parent } = app;
  if (app === root || parent === undefined) {
    const whole = pathsOf(app);
    return whole.includes(undefined) || whole.includes(path);
  }
  const mounts = mountsIn(parent);
  return splits(path).some(
    ([prefix, rest]) => mounts.some(entry => isAt(rest, entry)) && isMountedAt(prefix, parent, root, pathsOf),
  );
}

function mountsIn(app: ExpressApp): readonly MountEntry[] {
  const stack = (routerOf(app)?.stack ?? []) as readonly MountEntry[];
  return stack.filter(({ handle }) => (handle as { readonly name?: string }).name === 'mounted_app');
}

/** A path in two parts, in every way. */
function splits(path: string): (readonly [prefix: string, rest: string])[] {
  const parts = path.split('/').slice(1);
  const joined = (some: readonly string[]): string => some.map(part => `/${part}`).join('');
  return [...parts.keys(), parts.length].map(at => [joined(parts.slice(0, at)), joined(parts.slice(at))]);
}

/** Whether an entry is mounted at exactly this path. */
export function isAt(path: string, entry: MountEntry): boolean {
  const templates = templatesOf(path.replace(/\/$/, ''), dialectOf(entry)) ?? [];
  return templates.some(({ sample }) => matchedPart(entry, sample) === sample);
}

/** The part of a path that an entry is mounted at; `undefined` if it does not match. */
function matchedPart(entry: MountEntry, path: string): string | undefined {
  const match = entry.match(path === '' ? '/' : path);
  if (!match) return undefined;
  // Since router 2.3, `match` returns what it stored on the entry before.
  const { path: part } = (match === true ? entry : match) as { readonly path?: string };
  return part ?? '';
}

export function dialectOf({ regexp }: MountEntry): 'express 4' | 'current' {
  return regexp ? 'express 4' : 'current';
}

export function matches(entry: MountEntry, path: string): boolean {
  return Boolean(entry.match(path === '' ? '/' : path));
}
