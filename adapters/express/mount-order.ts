import type { ExpressApp } from './express-types.js';
import { routerOf } from './stack-end.js';

/** The part of a router's stack entry that shows its kind. */
interface MountedEntry {
  readonly handle: unknown;
  readonly route?: { readonly path?: unknown; readonly methods?: Readonly<Record<string, boolean>> };
  /** Whether it is mounted at `/`, in Express 5 and 4. */
  readonly slash?: boolean;
  readonly regexp?: { readonly fast_slash?: boolean };
}

/**
 * Names the routes before a handler for the whole app, for a warning. `undefined` without any, or if other
 * routes follow: a route such as a health check may be left out on purpose.
 */
export function routesBefore(app: ExpressApp | undefined, handler: unknown): string | undefined {
  const stack = ((app && routerOf(app)?.stack) ?? []) as readonly MountedEntry[];
  const index = stack.findIndex(({ handle }) => handle === handler);
  if (index < 0 || stack.slice(index).some(isBeyondRoot)) return undefined;
  const names = stack.slice(0, index).flatMap(nameOfRoute);
  return names.length > 1 ? `${names[0]} and ${names.length - 1} more` : names[0];
}

/** Whether an entry is a route, router or app, or has a mount path. */
function isBeyondRoot(entry: MountedEntry): boolean {
  const isForAll = entry.slash === true || entry.regexp?.fast_slash === true;
  const { name } = entry.handle as { name?: unknown };
  return !isForAll || nameOfRoute(entry).length > 0 || name === 'mounted_app';
}

function nameOfRoute({ handle, route }: MountedEntry): string[] {
  if (route) {
    const [method = 'all'] = Object.keys(route.methods ?? {});
    return [`\`${method === '_all' ? 'all' : method.toUpperCase()} ${String(route.path)}\``];
  }
  const { stack } = (typeof handle === 'function' ? handle : {}) as { stack?: readonly MountedEntry[] };
  return Array.isArray(stack) && stack.some(entry => entry.route) ? ['a router'] : [];
}
