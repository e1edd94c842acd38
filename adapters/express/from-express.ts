import type { IncomingMessage, ServerResponse } from 'node:http';
import { isClass, type Middleware, misuse, optionsOf } from '../../core/adapter.js';
import { NativeExchange, runAmong } from '../node/shared.js';
import type { ExpressNext, ExpressReq } from './express-types.js';
import { setTarget } from './set-target.js';

/** A middleware of Express, or of connect: `(req, res, next)`. Its own types may ask for more of the two. */
export type ConnectMiddleware = (req: never, res: never, next: ExpressNext) => unknown;

/**
 * A middleware of Express as one of ours, at its place among them.
 *
 * ```ts
 * layer.addMiddleware(fromExpress(helmet()));
 * layer.addMiddleware(fromExpress(compression()));
 * ```
 *
 * The headers it sets, and what it makes of the body (as `compression()` does), are part of the response that
 * the outer middleware gets. It runs with the app's own `req` and `res`; below `toNode()` with Node's. What
 * it throws or passes to `next(error)` is an exception, which error middleware of the app may answer. Throws
 * `FROM_NATIVE` when it is built, and in a request of another framework.
 */
export function fromExpress(middleware: ConnectMiddleware): Middleware {
  if (typeof middleware !== 'function' || middleware.length > 3 || isClass(middleware))
    throw wrong('takes an Express middleware (req, res, next)', middleware);
  if (optionsOf(middleware as unknown as Middleware))
    throw wrong('takes an Express middleware; add a callnext middleware without it', middleware);
  const run = (req: IncomingMessage, res: ServerResponse, next: ExpressNext): unknown => {
    const returned = middleware(req as never, res as never, next);
    if (typeof returned === 'function') throw wrong(uncalled, middleware);
    return returned;
  };
  const named: Middleware = (request, callNext) => {
    const { req, res } = (request.raw ?? {}) as { req?: ExpressReq; res?: ServerResponse };
    const native = res && NativeExchange.of(res);
    if (!native || !req || native.framework.kind !== 'node')
      throw wrong('only runs in requests of Express or Node', request.raw);
    const start = (next: ExpressNext): unknown => run(req, res, signal => next(checked(signal)));
    return runAmong(native, request, callNext, start, target => setTarget(req, target));
  };
  return Object.defineProperty(named, 'name', { value: middleware.name || 'fromExpress' });
}

/** Helmet itself in place of `helmet()`: the request would hang. */
const uncalled = 'takes a middleware, not the function that creates it: call it first';

/** What Express takes for an order to leave a route or a router has nothing to leave here. */
function checked(signal: unknown): unknown {
  const isOrder = signal === 'route' || signal === 'router';
  return isOrder ? wrong('takes a middleware that does not leave its router', signal) : signal;
}

function wrong(what: string, received: unknown): Error {
  return misuse('FROM_NATIVE', 'fromExpress', what, received);
}
