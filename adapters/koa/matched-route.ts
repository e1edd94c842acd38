import { MatchedRoute, type Route } from '../../core/adapter.js';
import type { KoaContext } from './koa-types.js';

/** The part of a route of @koa/router that is used. */
interface RouterLayer {
  readonly path?: unknown;
  readonly methods: readonly string[];
  match(path: string): boolean;
}

/** What @koa/router sets on the context. */
interface Noted {
  readonly matched?: readonly RouterLayer[];
  readonly _matchedRoute?: unknown;
}

/** The matched route, with the path at which koa-mount mounted its router. */
export function matchedRoute(ctx: KoaContext, whole: string): Route | undefined {
  const { matched = [], _matchedRoute: noted } = ctx as Noted;
  const routes = matched.filter(({ methods }) => methods.includes(ctx.req.method ?? ''));
  // @koa/router sets `_matchedRoute` for middleware of a router too.
  const layer = routes.findLast(({ path }) => path === noted) ?? routes.at(-1);
  const path = layer ? layer.path : noted;
  if (typeof path !== 'string') return undefined;
  return new MatchedRoute(path, () => prefixOf(layer, ctx.mountPath, whole));
}

/** koa-mount does not clear `ctx.mountPath` when a request leaves the mount. */
function prefixOf(layer: RouterLayer | undefined, mountPath = '', whole = ''): string | undefined {
  if (layer === undefined) return mountPath === '' ? '' : undefined;
  if (layer.match(whole)) return '';
  const mount = mountPath.replace(/\/$/, '');
  return whole.startsWith(mount) && layer.match(whole.slice(mount.length) || '/') ? mount : undefined;
}
