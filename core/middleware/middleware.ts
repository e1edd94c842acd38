import type { Request } from '../http/request.js';
import type { Response } from '../http/response.js';
import type { ResponseLike } from '../http/response-like.js';

/**
 * Goes on to what is below: the next middleware, the dependencies, then an endpoint or native code. Resolves
 * when its response has a head, and rejects with what it threw.
 *
 * Given a request with another method, url or headers, everything below sees that one.
 * A second call rejects with `CALL_NEXT_TWICE`.
 */
export type CallNext = (request?: Request | globalThis.Request) => Promise<Response>;

/**
 * Code around a request: what stands before `callNext` runs on the way in, what stands after it on the way
 * out. FastAPI's `@app.middleware("http")`.
 *
 * ```ts
 * async function poweredBy(request, callNext) {
 *   const response = await callNext(request);
 *   response.headers.set('x-powered-by', 'callnext');
 *   return response;
 * }
 * ```
 *
 * It may return the response it got, another one, or any object of the shape of a Fetch `Response`.
 * One that does not call `callNext` answers by itself: nothing below runs.
 */
export type Middleware = (request: Request, callNext: CallNext) => ResponseLike | Promise<ResponseLike>;
