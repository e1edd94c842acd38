import type { IncomingMessage, ServerResponse } from 'node:http';
import { isClass, type Middleware, misuse, optionsOf } from '../../core/adapter.js';
import { NativeExchange, runAmong } from '../node/shared.js';
import type { ExpressNext, ExpressReq } from './express-types.js';
import { setTarget } from './set-target.js';

/** A middleware of Express or connect: `(req, res, next)`. Its own types may require more of both. */
export type ConnectMiddleware = (req: never, res: never, next: ExpressNext) => unknown;

/**
 * Wraps an Express middleware as a callnext middleware.
 *
 * ```ts
 * layer.addMiddleware(fromExpress(helmet()));
 * layer.addMiddleware(fromExpress(compression()));
 * ```
 *
 * Outer middleware sees the headers that it sets, and the body as it transforms it (like `compression()`). It
 * receives the app's own `req` and `res`; below `toNode()`, Node's. An error that it throws or passes to
 * `next(error)` is an exception, which the app's error middleware may answer. Throws `FROM_NATIVE` when it is
 * built, and in requests of another framework.
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

/** For `fromExpress(helmet)` instead of `fromExpress(helmet())`: the request would hang. */
const uncalled = 'takes a middleware, not the function that creates it: call it first';

/** Rejects `next('route')` and `next('router')`: there is no route or router to leave. */
function checked(signal: unknown): unknown {
  const isOrder = signal === 'route' || signal === 'router';
  return isOrder ? wrong('takes a middleware that does not leave its router', signal) : signal;
}

function wrong(what: string, received: unknown): Error {
  return misuse('FROM_NATIVE', 'fromExpress', what, received);
}
