import { belowMount } from '../node/shared.js';
import type { ExpressReq } from './express-types.js';

/**
 * Scheme and authority of a target in absolute form. Express goes by their length when it takes the path of a
 * mount away.
 */
const origin = /^[^/?][^?]*?:\/\/[^/]*(?=\/)/;

/**
 * Gives `req.url` back what the mounts have taken away from it, as Express does when a mounted handler goes
 * on.
 */
export function leaveMounts(req: ExpressReq): void {
  const { baseUrl = '', url = '', originalUrl } = req;
  const host = origin.exec(url)?.[0] ?? '';
  const below = url.slice(host.length);
  // At the path of the mount itself Express adds a slash.
  const hasAddedSlash = originalUrl === host + baseUrl + below.slice(1);
  req.url = hasAddedSlash ? originalUrl : host + baseUrl + below;
  req.baseUrl = '';
}

/** Express strips the mount path from `req.url`, and Express 4 has parsed the query before. */
export function setTarget(req: ExpressReq, target: string): void {
  const { baseUrl = '', url = '' } = req;
  req.url = `${origin.exec(url)?.[0] ?? ''}${belowMount(target, baseUrl)}`;
  const parseQuery = req.app?.get?.('query parser fn');
  const hasOwnQuery = Object.hasOwn(req, 'query') && typeof parseQuery === 'function';
  if (hasOwnQuery) Reflect.set(req, 'query', parseQuery(target.split('?')[1] ?? ''));
}
