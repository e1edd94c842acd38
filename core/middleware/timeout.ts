import { markFactory, misuse } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import { Request } from '../http/request.js';
import type { Response } from '../http/response.js';
import type { Middleware } from './middleware.js';
import { described, integer, readOptions, required } from './options.js';

export interface TimeoutOptions {
  /** How many milliseconds the head of the response may take. */
  timeoutMs: number;
}

/**
 * Answers with a 504 if nothing below answers in time, and aborts `request.signal` there.
 *
 * ```ts
 * layer.addMiddleware(timeout({ timeoutMs: 5_000 }));
 * ```
 *
 * JavaScript cannot be interrupted, so code that ignores the signal runs to its end. Its dependencies stay
 * open until then and receive the exception afterwards; its tasks are dropped, and its answer is not sent.
 * Use `new Layer({ timeout })` to close the dependencies of code that never ends. A body that is being sent
 * is not timed. The exception is an `HTTPException(504)`, which handlers may render; its `cause` is
 * `MIDDLEWARE_TIMEOUT`. Throws `MIDDLEWARE_OPTIONS`.
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
