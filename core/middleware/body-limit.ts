import { markFactory } from '../errors.js';
import { declaredLength, sourceOf } from '../http/request-parts.js';
import { PlainTextResponse } from '../http/responses.js';
import type { Middleware } from './middleware.js';
import { described, integer, readOptions, required } from './options.js';

/** The options of `bodyLimit()`: Starlette's `max_body_size`. */
export interface BodyLimitOptions {
  /** How many bytes a request body may have. */
  maxBodySize: number;
}

/**
 * Refuses larger request bodies with a 413, whoever reads them: middleware, native parsers or an endpoint.
 * The innermost limit applies. Starlette's `max_body_size`.
 *
 * ```ts
 * layer.addMiddleware(bodyLimit({ maxBodySize: 10_000_000 }));
 * app.use('/videos', toExpress(bodyLimit({ maxBodySize: 2_000_000_000 })));
 * ```
 *
 * A body with a larger `content-length` is refused before an endpoint runs, and when native code answers
 * without reading it. Any other body is refused at its reader, as soon as it exceeds the limit. How much is
 * held in memory for several readers is a separate limit: the layer's `maxBodySize`.
 *
 * The limit also applies to everything after `next()`, such as routes that follow a router which did not
 * answer. It does not apply to bytes that an earlier parser or an outer middleware has already read. Throws
 * `MIDDLEWARE_OPTIONS`.
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
