import type { ExpressApp } from './express-types.js';

/** Paths of a mount; `undefined` for each one that is not a string. */
export type Prefixes = readonly (string | undefined)[];

/** The paths at which an app is mounted in other apps, outermost first. */
export function appPathsOf(app: ExpressApp): Prefixes[] {
  if (app.parent === undefined) return [];
  const paths = [app.mountpath].flat().map(path => (typeof path === 'string' ? trimmed(path) : undefined));
  return [...appPathsOf(app.parent), paths];
}

export function trimmed(path: string): string {
  return path.replace(/\/$/, '');
}
