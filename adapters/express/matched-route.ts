import { MatchedRoute, type Route } from '../../core/adapter.js';
import type { ExpressApp, ExpressReq } from './express-types.js';
import { mountPathsOf } from './mount-paths.js';
import { walkRoutes } from './walk-routes.js';

/** The prefixes of a route in an app; `undefined` for each one that Express does not keep. */
type Prefixes = readonly (string | undefined)[];

const known = new WeakMap<object, Prefixes>();

/** The matched route; `undefined` for a route that is not a string, such as a regular expression. */
export function matchedRoute({ app, baseUrl = '', route }: ExpressReq): Route | undefined {
  if (typeof route?.path !== 'string') return undefined;
  return new MatchedRoute(route.path, () => (baseUrl === '' ? '' : prefixOf(app, route, baseUrl)));
}

/** The template that fits `baseUrl`: Express keeps the matched path only. */
function prefixOf(app: ExpressApp | undefined, route: object, baseUrl: string): string | undefined {
  if (app === undefined) return undefined;
  const prefixes = known.get(route) ?? prefixesIn(app, route);
  known.set(route, prefixes);
  const fitting = new Set(prefixes.filter(prefix => prefix === undefined || fits(prefix, baseUrl)));
  const [only] = fitting;
  return fitting.size === 1 ? only : undefined;
}

function prefixesIn(app: ExpressApp, route: object): Prefixes {
  const found = walkRoutes(app).filter(each => each.route === route);
  const inside = found.flatMap(({ mounts }) => joined(mounts.map(({ entry }) => mountPathsOf(entry))));
  return joined([...appPathsOf(app), inside]);
}

/** The paths at which an app is mounted in other apps, outermost first. */
export function appPathsOf(app: ExpressApp): Prefixes[] {
  if (app.parent === undefined) return [];
  const paths = [app.mountpath].flat().map(path => (typeof path === 'string' ? trimmed(path) : undefined));
  return [...appPathsOf(app.parent), paths];
}

function trimmed(path: string): string {
  return path.replace(/\/$/, '');
}

/** Every combination of one prefix of each part. */
function joined(parts: readonly (Prefixes | undefined)[]): Prefixes {
  return parts.reduce<Prefixes>(
    (wholes, part = [undefined]) =>
      wholes.flatMap(whole =>
        part.map(each => (whole === undefined || each === undefined ? undefined : whole + each)),
      ),
    [''],
  );
}

function fits(template: string, path: string): boolean {
  const [expected, given] = [template.split('/'), path.split('/')];
  return (
    expected.length === given.length &&
    expected.every((segment, index) => /^:\w+$/.test(segment) || isSame(segment, given[index] ?? ''))
  );
}

function isSame(segment: string, given: string): boolean {
  try {
    return decodeURIComponent(given).toLowerCase() === decodeURIComponent(segment).toLowerCase();
  } catch {
    return false;
  }
}
