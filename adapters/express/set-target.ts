import type { ExpressReq } from './express-types.js';

/** Express strips the mount path from `req.url`, and Express 4 has parsed the query before. */
export function setTarget(req: ExpressReq, target: string): void {
  const { baseUrl } = req;
  req.url = baseUrl && target.startsWith(baseUrl) ? target.slice(baseUrl.length) || '/' : target;
  const parseQuery = req.app?.get?.('query parser fn');
  const hasOwnQuery = Object.hasOwn(req, 'query') && typeof parseQuery === 'function';
  if (hasOwnQuery) Reflect.set(req, 'query', parseQuery(target.split('?')[1] ?? ''));
}
