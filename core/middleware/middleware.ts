import { adapterOf, isClass, isFactory, isGeneratorFunction } from '../errors/kinds.js';
import { nameOf } from '../errors/show.js';
import { misuse } from '../errors.js';
import type { Request } from '../http/request.js';
import type { RequestState } from '../http/request-init.js';
import type { Response } from '../http/response.js';
import type { ResponseLike } from '../http/response-like.js';

/**
 * Runs everything below: the next middleware, the dependencies, then an endpoint or native code. Resolves
 * with the response once it has a head, and rejects with what was thrown.
 *
 * If you pass a request with another method, url or headers, everything below sees that one. A second call
 * rejects with `CALL_NEXT_TWICE`.
 */
export type CallNext = (request?: Request | globalThis.Request) => Promise<Response>;

/**
 * Code around a request: the code before `callNext` runs on the way in, the code after it on the way out.
 * FastAPI's `@app.middleware("http")`.
 *
 * ```ts
 * async function poweredBy(request, callNext) {
 *   const response = await callNext(request);
 *   response.headers.set('x-powered-by', 'callnext');
 *   return response;
 * }
 * ```
 *
 * A middleware may return the response it received, another one, or any object with the shape of a Fetch
 * `Response`. If it does not call `callNext`, nothing below runs.
 */
export type Middleware<State extends object = RequestState> = (
  request: Request<State>,
  callNext: CallNext,
) => ResponseLike | Promise<ResponseLike>;

/** Throws `MIDDLEWARE_NOT_A_FUNCTION`, `MIDDLEWARE_NATIVE` and `UNCALLED`. */
export function checkedMiddleware(middleware: unknown): Middleware {
  if (typeof middleware !== 'function' || !mayReturnResponse(middleware))
    throw misuse('MIDDLEWARE_NOT_A_FUNCTION', middleware);
  if (isFactory(middleware)) throw misuse('UNCALLED', nameOf(middleware, 'middleware'));
  if (middleware.length > 2) throw misuse('MIDDLEWARE_NATIVE', nameOf(middleware, 'middleware'));
  return middleware as Middleware;
}

function mayReturnResponse(fn: object): boolean {
  return !isClass(fn) && !isGeneratorFunction(fn) && adapterOf(fn) === undefined;
}
