import { belowMount } from '../node/shared.js';
import type { ExpressReq } from './express-types.js';

/**
 * The scheme and authority of an absolute target. Express counts their length when it strips a mount path.
 */
const origin = /^[^/?][^?]*?:\/\/[^/]*(?=\/)/;

/**
 * Restores the mount paths that were stripped from `req.url`, like Express when a mounted handler calls
 * `next`.
 */
export function leaveMounts(req: ExpressReq): void {
  const { baseUrl = '', url = '', originalUrl } = req;
  const host = origin.exec(url)?.[0] ?? '';
  const below = url.slice(host.length);
  // At the mount path itself, Express adds a slash.
  const hasAddedSlash = originalUrl === host + baseUrl + below.slice(1);
  req.url = hasAddedSlash ? originalUrl : host + baseUrl + below;
  req.baseUrl = '';
}

/** Sets the target below the mount path, and the query that Express 4 has already parsed. */
export function setTarget(req: ExpressReq, target: string): void {
  const { baseUrl = '', url = '' } = req;
  req.url = `${origin.exec(url)?.[0] ?? ''}${belowMount(target, baseUrl)}`;
  const parseQuery = req.app?.get?.('query parser fn');
  const hasOwnQuery = Object.hasOwn(req, 'query') && typeof parseQuery === 'function';
  if (hasOwnQuery) Reflect.set(req, 'query', parseQuery(target.split('?')[1] ?? ''));
}
