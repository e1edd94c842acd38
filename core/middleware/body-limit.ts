import { markFactory } from '../errors.js';
import { declaredLength, sourceOf } from '../http/request-parts.js';
import { PlainTextResponse } from '../http/responses.js';
import type { Middleware } from './middleware.js';
import { described, integer, readOptions, required } from './options.js';

/** The options of `bodyLimit()`: Starlette's `max_body_size`. */
export interface BodyLimitOptions {
  /** Bytes of a request body that may come at all. */
  maxBodySize: number;
}

/**
 * Refuses request bodies of more than so many bytes with a 413, whoever reads them: middleware, native
 * parsers, an endpoint. Starlette's `max_body_size`, of which the innermost one holds, too.
 *
 * ```ts
 * layer.addMiddleware(bodyLimit({ maxBodySize: 10_000_000 }));
 * app.use('/videos', toExpress(bodyLimit({ maxBodySize: 2_000_000_000 })));
 * ```
 *
 * A body that announces itself as larger is refused before an endpoint begins, and where native code answers
 * without having asked for it; one that does not is refused when it has become larger, in who reads it. It
 * does not change how much of a body is held in memory for several readers: that is the layer's
 * `maxBodySize`.
 *
 * Everything that comes after `next()` is inside: the limit of a router which does not answer holds for what
 * follows it. What a parser before the layer, or a middleware further out, has read was let in. Throws
 * `MIDDLEWARE_OPTIONS` when it is built.
 */
export function bodyLimit(given: BodyLimitOptions): Middleware {
  const options = readOptions<BodyLimitOptions>('bodyLimit', given, { maxBodySize: required(integer(0)) });
  const { maxBodySize } = options;
  return described(async function bodyLimit(request, callNext) {
    const source = sourceOf(request);
    source.bodyLimit = maxBodySize;
    const response = await callNext(request);
    const isRefused = source.bodyLimit === maxBodySize && declaredLength(request) > maxBodySize;
    if (!isRefused || response.status === 413) return response;
    return new PlainTextResponse('Content Too Large', { status: 413 });
  }, options);
}
markFactory(bodyLimit);
