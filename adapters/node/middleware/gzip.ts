import {
  addToVary,
  bodyOf,
  bytesOf,
  described,
  type Headers,
  integer,
  list,
  type Middleware,
  markFactory,
  type Request,
  Response,
  readOptions,
} from '../../../core/adapter.js';
import { holdsUncoded, isConditional, notingUnsent, type Unsent, wholeOf } from '../unchanged.js';
import { codedHeaders, weakenTag } from './gzip/coded-headers.js';
import { compressedTypes, type Head, isCompressible, sizeOf, typeMatcher } from './gzip/compressible.js';
import { encodeBody } from './gzip/encode-body.js';
import { type Encoder, type Encoding, encoderOf, preferredEncoding } from './gzip/encoders.js';

export type { Encoding };

/** The options of `gzip()`: those of Starlette's `GZipMiddleware`, and Brotli. */
export interface GzipOptions {
  /** Smaller bodies are not compressed; in bytes, 500 by default. A stream of unknown length always is. */
  minimumSize?: number;
  /** The level of gzip: 0 (none) to 9 (smallest, the default). */
  compressLevel?: number;
  /** The quality of Brotli: 0 to 11 (smallest, and very slow); 4 by default. */
  brotliQuality?: number;
  /** The first one that the client likes as much as any other is used; `['gzip']` by default. */
  encodings?: readonly Encoding[];
  /**
   * Content types that are not compressed, such as `video/*`. Replaces the list of types that already are.
   */
  excludeContentTypes?: readonly string[];
}

type Options = Required<GzipOptions>;

const noneUnsent: Unsent = new Map();

/**
 * Compresses bodies for clients that accept it: Starlette's `GZipMiddleware`, with Brotli if `encodings` has
 * it.
 *
 * ```ts
 * layer.addMiddleware(gzip({ minimumSize: 1000, encodings: ['br', 'gzip'] }));
 * ```
 *
 * A complete body is sent with its new length; a stream goes out chunk by chunk, each as soon as it comes.
 * Event streams, partial content (206), encoded bodies and responses with `no-transform` are not compressed.
 * `etag` becomes weak, and `vary` names `Accept-Encoding` if another client would get a compressed body. A
 * 304 and a response to HEAD have the `etag` and `vary` of the full response. Throws `MIDDLEWARE_OPTIONS`
 * when built.
 */
export function gzip(given: GzipOptions = {}): Middleware {
  const options = parseOptions(given);
  const { minimumSize, encodings, excludeContentTypes } = options;
  const isExcluded = typeMatcher(['text/event-stream', ...excludeContentTypes]);
  const mayBeCoded = (head: Head, size: number | undefined): boolean =>
    (size === undefined || size >= minimumSize) && isCompressible(head, isExcluded);
  return described(async function gzip(request, callNext) {
    const { response, unsent } = isConditional(request)
      ? await notingUnsent(request, callNext)
      : { response: await callNext(request), unsent: noneUnsent };
    if (response.status === 304) {
      const whole = wholeOf(request, response, unsent);
      return mayBeCoded(whole, whole.size)
        ? asUnchanged(request, response, whole.isCertain, encodings)
        : response;
    }
    const size = sizeOf(response);
    if (!mayBeCoded(response, size)) return response;
    addToVary(response.headers, 'Accept-Encoding');
    const encoding = size === 0 ? undefined : accepted(request, encodings);
    if (encoding === undefined) return response;
    if (request.method === 'HEAD') return withBody(response, null, codedHeaders(response));
    return compress(response, encoderOf(encoding, options), encoding, size !== undefined);
  }, options);
}
markFactory(gzip);

function parseOptions(given: GzipOptions): Options {
  return readOptions<Options>('gzip', given, {
    minimumSize: integer(500),
    compressLevel: integer(9, 0, 9),
    brotliQuality: integer(4, 0, 11),
    encodings: list<Encoding>(
      ['gzip'],
      value => value === 'gzip' || value === 'br',
      "a list of 'gzip' and 'br'",
    ),
    excludeContentTypes: list(
      compressedTypes,
      value => typeof value === 'string' && /^[\w.+-]+\/(?:\*|[\w.+-]+)$/.test(value),
      "a list of content types such as 'image/png' or 'video/*'",
    ),
  });
}

function accepted({ headers }: Request, encodings: readonly Encoding[]): Encoding | undefined {
  return preferredEncoding(headers.get('accept-encoding'), encodings);
}

/** Gives a 304 the headers that a compressed 200 would have for this client (RFC 9110, 15.4.5). */
function asUnchanged(
  request: Request,
  response: Response,
  isCertain: boolean,
  encodings: readonly Encoding[],
): Response {
  const isCoded = accepted(request, encodings) !== undefined;
  if (isCoded && !isCertain && holdsUncoded(request, response)) return response;
  addToVary(response.headers, 'Accept-Encoding');
  if (isCoded) weakenTag(response.headers);
  return response;
}

async function compress(
  response: Response,
  encoder: Encoder,
  encoding: Encoding,
  isSized: boolean,
): Promise<Response> {
  const headers = codedHeaders(response);
  headers.set('content-encoding', encoding);
  const body = await encodeBody(encoder, bytesOf(bodyOf(response).take()), isSized);
  return withBody(response, body, headers);
}

/** The same response with another body. */
function withBody(
  response: Response,
  body: AsyncIterable<Uint8Array> | Buffer | null,
  headers: Headers,
): Response {
  const { status, statusText, background } = response;
  return new Response(body, { status, statusText, headers, ...(background ? { background } : {}) });
}
