import { type AppRoute, type AppRoutes, type MountPaths, mountedIn } from '../../core/adapter.js';
import { joinedTemplates, type Template, templatesOf } from '../node/shared.js';
import type { ExpressApp } from './express-types.js';
import { dialectOf, isAt, isMountedAt, matches } from './hidden-apps.js';
import { mountPathsOf } from './mount-paths.js';
import { appPathsOf, type Prefixes, trimmed } from './prefixes.js';
import { type Before, type FoundRoute, isApp, type MountedRouter, walkRoutes } from './walk-routes.js';
import { wrappedBy } from './wrapped-by.js';

/** The templates of each part of a path; `undefined` for an unknown part. */
type Parts = readonly (readonly Template[] | undefined)[];

/** Reads the routes of an app or a router of Express; `undefined` for anything else. */
export function appRoutesOf(root: object, mounts: MountPaths): AppRoutes | undefined {
  if (!isRouter(root)) return undefined;
  const reader = new RouteReader(mounts);
  const routes = reader.read(root, rootPaths(root, mounts));
  // Express hides apps passed to `app.use`, and routers inside functions.
  const others = mounts.filter(([, router]) => router !== root && !reader.seen.has(router));
  const apart = others.flatMap(([path, router]) =>
    isRouter(router) ? reader.read(router, [[trimmed(path)]]) : [],
  );
  const pathsOf = (app: ExpressApp): Prefixes => wholes(rootPaths(app, mounts));
  const isHiddenElsewhere = ([path, router]: MountPaths[number]): boolean =>
    isApp(router) && !reader.seen.has(router) && !isMountedAt(trimmed(path), router, root, pathsOf);
  const wrong = mounts.filter(
    mount => reader.isWrong(mount) || !isRouter(mount[1]) || isUnreadable(mount) || isHiddenElsewhere(mount),
  );
  return { routes: [...routes, ...apart], wrongMounts: wrong };
}

function isUnreadable([path]: MountPaths[number]): boolean {
  return templatesOf(path, 'current') === undefined;
}

function isRouter(value: object): boolean {
  return isApp(value) || (typeof value === 'function' && Array.isArray(Reflect.get(value, 'stack')));
}

/** The paths at which the root of a walk is mounted. */
function rootPaths(root: object, mounts: MountPaths): (readonly (string | undefined)[])[] {
  const given = mounts.filter(([, router]) => router === root).map(([path]) => trimmed(path));
  if (given.length > 0) return [given];
  return isApp(root) ? appPathsOf(root as ExpressApp) : [];
}

/** Every combination of one path of each part; `undefined` for those with an unknown part. */
function wholes(parts: readonly Prefixes[]): Prefixes {
  return parts.reduce<Prefixes>(
    (outer, part) =>
      outer.flatMap(one =>
        part.map(each => (one === undefined || each === undefined ? undefined : one + each)),
      ),
    [''],
  );
}

class RouteReader {
  readonly seen = new Set<object>();
  readonly #mounts: MountPaths;
  /** The entries of `mounts` whose router is mounted at their path. */
  readonly #right = new Set<MountPaths[number]>();

  constructor(mounts: MountPaths) {
    this.#mounts = mounts;
  }

  isWrong(mount: MountPaths[number]): boolean {
    return this.seen.has(mount[1]) && !this.#right.has(mount);
  }

  read(root: object, at: readonly (readonly (string | undefined)[])[]): AppRoute[] {
    const outer = at.map(paths => templatesOfAll(paths, 'current'));
    const outermost = isApp(root) ? wrappedBy(root) : [];
    return walkRoutes(root).flatMap(found => this.#routes(found, outer, outermost, root));
  }

  #routes(found: FoundRoute, outer: Parts, outermost: readonly unknown[], root: object): AppRoute[] {
    const { route, entry, mounts, before } = found;
    const prefixes = mounts.map(mount => this.#pathsOf(mount));
    const own = templatesOfAll([route.path].flat(), dialectOf(entry));
    const lost = outer.includes(undefined) ? root : mounts.find((_each, at) => !prefixes[at])?.router;
    const templates = lost ? own : joinedTemplates([...outer, ...prefixes, own]);
    const path = String(route.path);
    const around = [...outermost, ...before.filter(each => covers(each, prefixes, own)).map(handlerOf)];
    return Object.entries(route.methods).map(([method]) => {
      const handlers = route.stack.filter(each => method === '_all' || isOf(each.method, method));
      return {
        method: method === '_all' ? 'all' : method,
        templates,
        path,
        handlers: handlers.map(({ handle }) => handle),
        around,
        lost,
      };
    });
  }

  /** The paths of a router; entries of `mounts` count if they match. */
  #pathsOf({ entry, router }: MountedRouter): readonly Template[] | undefined {
    const given = this.#mounts.filter(each => each[1] === router && isAt(each[0], entry));
    this.seen.add(router);
    for (const mount of given) this.#right.add(mount);
    const paths = mountPathsOf(entry) ?? (given.length > 0 ? given.map(([path]) => path) : undefined);
    return paths && templatesOfAll(paths, dialectOf(entry));
  }
}

function isOf(ownMethod: string | undefined, method: string): boolean {
  return ownMethod === undefined || ownMethod === method;
}

function templatesOfAll(
  paths: readonly unknown[],
  dialect: 'express 4' | 'current',
): readonly Template[] | undefined {
  const all = paths.map(path => (typeof path === 'string' ? templatesOf(path, dialect) : undefined));
  return all.includes(undefined) ? undefined : (all as (readonly Template[])[]).flat();
}

function handlerOf({ entry }: Before): unknown {
  return entry.handle;
}

/** Whether requests for a route pass through a handler mounted before it. */
function covers({ entry, depth }: Before, prefixes: Parts, own: readonly Template[] | undefined): boolean {
  if (mountedIn(entry.handle) === undefined) return false;
  if (entry.slash || entry.regexp?.fast_slash) return true;
  const below = joinedTemplates([...prefixes.slice(depth), own]);
  return below?.some(({ sample }) => matches(entry, sample)) === true;
}
