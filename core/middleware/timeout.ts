import { markFactory, misuse } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import { Request } from '../http/request.js';
import type { Response } from '../http/response.js';
import type { Middleware } from './middleware.js';
import { described, integer, readOptions, required } from './options.js';

/** The options of `timeout()`. */
export interface TimeoutOptions {
  /** Milliseconds until the head of the response is there. */
  timeoutMs: number;
}

/**
 * Answers with a 504 where what is below has not answered in time, and aborts `request.signal` for it.
 *
 * ```ts
 * layer.addMiddleware(timeout({ timeoutMs: 5_000 }));
 * ```
 *
 * JavaScript can not be stopped from outside. What goes on running: an endpoint, dependency or native handler
 * that does not listen to the signal, to its end; it keeps its dependencies until then, which get the
 * exception thrown in after that; its tasks are dropped, and its answer is not sent. A body that is on its
 * way is not timed. To take dependencies from what never ends, use `new Layer({ timeout })`. The exception is
 * an `HTTPException(504)`, which handlers may render; its `cause` is `MIDDLEWARE_TIMEOUT`. Throws
 * `MIDDLEWARE_OPTIONS` when it is built.
 */
export function timeout(given: TimeoutOptions): Middleware {
  const options = readOptions<TimeoutOptions>('timeout', given, {
    timeoutMs: required(integer(1, 1, 2 ** 31 - 1)),
  });
  return described(async function timeout(request, callNext) {
    const controller = new AbortController();
    const signal = AbortSignal.any([request.signal, controller.signal]);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const cause = misuse('MIDDLEWARE_TIMEOUT', options.timeoutMs);
        controller.abort(cause);
        reject(new HTTPException(504, undefined, { cause }));
      }, options.timeoutMs);
    });
    try {
      return await Promise.race<Response>([callNext(new Request(request, { signal })), late]);
    } finally {
      clearTimeout(timer);
    }
  }, options);
}
markFactory(timeout);
