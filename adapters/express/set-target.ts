import { belowMount } from '../node/index.js';
import type { ExpressReq } from './express-types.js';

/** Scheme and authority of a target in absolute form. Express goes by their length when it takes the path of a mount away. */
const origin = /^[^/?][^?]*?:\/\/[^/]*(?=\/)/;

/** Express strips the mount path from `req.url`, and Express 4 has parsed the query before. */
export function setTarget(req: ExpressReq, target: string): void {
  const { baseUrl = '', url = '' } = req;
  req.url = `${origin.exec(url)?.[0] ?? ''}${belowMount(target, baseUrl)}`;
  const parseQuery = req.app?.get?.('query parser fn');
  const hasOwnQuery = Object.hasOwn(req, 'query') && typeof parseQuery === 'function';
  if (hasOwnQuery) Reflect.set(req, 'query', parseQuery(target.split('?')[1] ?? ''));
}
