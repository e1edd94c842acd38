import { isClass, type Middleware, misuse, optionsOf } from '../../core/adapter.js';
import { runAmong } from './below.js';
import type { KoaContext, KoaNext } from './koa-types.js';
import { exchangeAt } from './open-exchange.js';

/**
 * Wraps a Koa middleware as a callnext middleware.
 *
 * ```ts
 * layer.addMiddleware(fromKoa(cors()));
 * ```
 *
 * Outer middleware receives what it leaves on the context as the response. `await next()` resolves when
 * everything below has answered on the context, and rejects as natively. Throws `FROM_NATIVE` when it is
 * built, and in requests of another framework.
 */
export function fromKoa(middleware: KoaMiddleware): Middleware {
  const wrong = (what: string, received: unknown): Error => misuse('FROM_NATIVE', 'fromKoa', what, received);
  if (typeof middleware !== 'function' || middleware.length > 2 || isClass(middleware))
    throw wrong('takes a Koa middleware (ctx, next)', middleware);
  if (optionsOf(middleware as unknown as Middleware))
    throw wrong('takes a Koa middleware; add a callnext middleware without it', middleware);
  const run = (ctx: KoaContext, next: KoaNext): unknown => {
    const returned = middleware(ctx as never, next);
    if (typeof returned === 'function') throw wrong(uncalled, middleware);
    return returned;
  };
  const named: Middleware = (request, callNext) => {
    const { res } = (request.raw ?? {}) as { res?: object };
    const koa = res && exchangeAt(res);
    if (!koa) throw wrong('only runs in requests of Koa', request.raw);
    return runAmong(koa, request, callNext, run);
  };
  return Object.defineProperty(named, 'name', { value: middleware.name || 'fromKoa' });
}

/** For `fromKoa(cors)` instead of `fromKoa(cors())`: nothing below would run. */
const uncalled = 'takes a middleware, not the function that creates it: call it first';

/** A middleware of Koa: `(ctx, next)`. Its own types may require more of the context. */
export type KoaMiddleware = (ctx: never, next: KoaNext) => unknown;
