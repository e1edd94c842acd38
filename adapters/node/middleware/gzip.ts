import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import Negotiator from 'negotiator';
import {
  addToVary,
  bodyOf,
  bytesOf,
  described,
  Headers,
  integer,
  isBodyless,
  KeptBytes,
  list,
  type Middleware,
  markFactory,
  RepeatedWait,
  Response,
  readOptions,
} from '../../../core/adapter.js';
import { setImmediate } from '../turns.js';
import { holdsUncoded, isConditional, notingUnsent, type Unsent, wholeOf } from '../unchanged.js';

/** A content coding that `gzip()` speaks. */
export type Encoding = 'gzip' | 'br';

/** The options of `gzip()`: those of Starlette's `GZipMiddleware`, and Brotli. */
export interface GzipOptions {
  /** Bytes from which on a body is compressed; 500 unless set. One of unknown length, a stream, is compressed in any case. */
  minimumSize?: number;
  /** 0 (none) to 9 (smallest), which it is unless set, of gzip. */
  compressLevel?: number;
  /** 0 to 11 (smallest, and very slow), of Brotli; 4 unless set. */
  brotliQuality?: number;
  /** The first one that the client likes as much as any other is used; `['gzip']` unless set. */
  encodings?: readonly Encoding[];
  /** Content types that stay as they are, or with `/*` all of a kind, in place of those that are compressed already. */
  excludeContentTypes?: readonly string[];
}

const compressedAlready = [
  'application/grpc',
  'application/gzip',
  'application/x-gzip',
  'application/zip',
  'audio/*',
  'font/woff',
  'font/woff2',
  'image/avif',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'video/*',
];

/**
 * Compresses bodies for clients that like them compressed: Starlette's `GZipMiddleware`, with Brotli where `encodings` has it.
 *
 * ```ts
 * layer.addMiddleware(gzip({ minimumSize: 1000, encodings: ['br', 'gzip'] }));
 * ```
 *
 * A body that is there as a whole is sent with its new length; one that is streamed goes out chunk by chunk, each as soon as it comes. Event streams, parts of a body
 * (206), what is coded already and what says `no-transform` stay as they are. An `etag` becomes a weak one, since the bytes are others. `vary` names `Accept-Encoding` wherever another client would
 * get it compressed. A 304 and the answer to HEAD have the `etag` and the `vary` of the whole response. Throws `MIDDLEWARE_OPTIONS` when it is built.
 */
export function gzip(given: GzipOptions = {}): Middleware {
  const options = readOptions<Required<GzipOptions>>('gzip', given, {
    minimumSize: integer(500),
    compressLevel: integer(9, 0, 9),
    brotliQuality: integer(4, 0, 11),
    encodings: list<Encoding>(
      ['gzip'],
      value => value === 'gzip' || value === 'br',
      "a list of 'gzip' and 'br'",
    ),
    excludeContentTypes: list(
      compressedAlready,
      value => typeof value === 'string' && /^[\w.+-]+\/(?:\*|[\w.+-]+)$/.test(value),
      "a list of content types such as 'image/png' or 'video/*'",
    ),
  });
  const isExcluded = typeMatcher(['text/event-stream', ...options.excludeContentTypes]);
  const mayBeCoded = (head: Head, size: number | undefined): boolean =>
    (size === undefined || size >= options.minimumSize) && isCompressible(head, isExcluded);
  return described(async function gzip(request, callNext) {
    const { response, unsent } = isConditional(request)
      ? await notingUnsent(request, callNext)
      : { response: await callNext(request), unsent: noneUnsent };
    const negotiate = (): Encoding | undefined =>
      preferred(request.headers.get('accept-encoding'), options.encodings);
    if (response.status === 304) {
      const whole = wholeOf(request, response, unsent);
      const isCoded = negotiate() !== undefined;
      const isUncoded = isCoded && !whole.isCertain && holdsUncoded(request, response);
      return isUncoded || !mayBeCoded(whole, whole.size) ? response : asUnchanged(response, isCoded);
    }
    const size = sizeOf(response);
    if (!mayBeCoded(response, size)) return response;
    addToVary(response.headers, 'Accept-Encoding');
    const encoding = size === 0 ? undefined : negotiate();
    if (encoding === undefined) return response;
    if (request.method === 'HEAD') return headOfCoded(response);
    return compress(response, coders[encoding](options), encoding, size !== undefined);
  }, options);
}
markFactory(gzip);

/** The size of a body in bytes, where it is known; what has a length to be sent is not a stream, wherever its bytes are. */
function sizeOf(response: Response): number | undefined {
  const declared = response.headers.get('content-length');
  return declared !== null ? Number(declared) : bodySize(response);
}

/** Of a body that has been taken over by somebody else nothing is left. */
function bodySize(response: Response): number | undefined {
  try {
    return bodyOf(response).size;
  } catch {
    return 0;
  }
}

function isCompressible({ status, headers }: Head, isExcluded: (type: string) => boolean): boolean {
  if (status < 200 || status > 599 || status === 206 || isBodyless(status)) return false;
  if (headers.has('content-encoding') || headers.has('content-range')) return false;
  // RFC 9111, 5.2.2.6.
  if (/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(headers.get('cache-control') ?? '')) return false;
  return !isExcluded(headers.get('content-type') ?? '');
}

/** A structured suffix belongs to its type: `application/grpc+proto`. */
function typeMatcher(patterns: readonly string[]): (type: string) => boolean {
  const exact = new Set(patterns.map(pattern => pattern.toLowerCase()));
  return type => {
    const [essence = ''] = type.toLowerCase().split(';', 1);
    const [kind = '', name = ''] = essence.trim().split('/');
    const [base] = name.split('+', 1);
    return exact.has(`${kind}/*`) || exact.has(`${kind}/${name}`) || exact.has(`${kind}/${base}`);
  };
}

interface PreferringNegotiator {
  encodings(available: readonly string[], options: { preferred: readonly string[] }): string[];
}

function preferred(accepted: string | null, encodings: readonly Encoding[]): Encoding | undefined {
  const headers = { 'accept-encoding': accepted ?? '' };
  // Its types do not know of `preferred` yet.
  const negotiator = new Negotiator({ headers }) as unknown as PreferringNegotiator;
  const [first] = negotiator.encodings([...encodings, 'identity'], { preferred: encodings });
  return first === 'identity' ? undefined : (first as Encoding | undefined);
}

/** How a coding is written: at once, or chunk by chunk. */
interface Coder {
  whole(bytes: Buffer): Promise<Buffer>;
  stream(): zlib.Gzip | zlib.BrotliCompress;
}

const gzipWhole = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);
const brotliWhole = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);

const coders: Record<Encoding, (options: Required<GzipOptions>) => Coder> = {
  gzip: ({ compressLevel: level }) => ({
    whole: bytes => gzipWhole(bytes, { level }),
    stream: () => zlib.createGzip({ level, flush: zlib.constants.Z_SYNC_FLUSH }),
  }),
  br: ({ brotliQuality }) => {
    const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: brotliQuality };
    return {
      whole: bytes => brotliWhole(bytes, { params }),
      stream: () => zlib.createBrotliCompress({ params, flush: zlib.constants.BROTLI_OPERATION_FLUSH }),
    };
  },
};

/** What was said of the bytes as they were, and does not hold for those that are sent (RFC 9110, 14.3; RFC 9530). */
const ofOtherBytes = [
  'content-length',
  'accept-ranges',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
];

async function compress(
  response: Response,
  coder: Coder,
  encoding: Encoding,
  isSized: boolean,
): Promise<Response> {
  const { status, statusText, background } = response;
  const headers = headersOfCoded(response);
  headers.set('content-encoding', encoding);
  const chunks = bytesOf(bodyOf(response).take());
  const { head, rest } = isSized ? await whatIsThere(chunks) : { head: [], rest: chunks };
  const body = rest ? coded(coder, head, rest) : await coder.whole(Buffer.concat(head));
  return new Response(body, { status, statusText, headers, ...(background ? { background } : {}) });
}

/** What the headers of a compressed response are, but for the coding itself. */
function headersOfCoded(response: Response): Headers {
  const headers = new Headers(response.headers);
  for (const name of ofOtherBytes) headers.delete(name);
  weaken(headers);
  return headers;
}

/** The answer to HEAD: no header of it differs from those that GET has. How long the body would be is not known. */
function headOfCoded(response: Response): Response {
  const { status, statusText, background } = response;
  const headers = headersOfCoded(response);
  return new Response(null, { status, statusText, headers, ...(background ? { background } : {}) });
}

interface Head {
  readonly status: number;
  readonly headers: Headers;
}

const noneUnsent: Unsent = new Map();

/** A 304 says of the stored response what a 200 would say (RFC 9110, 15.4.5), of which this client would get one that is coded. */
function asUnchanged(response: Response, isCoded: boolean): Response {
  addToVary(response.headers, 'Accept-Encoding');
  if (isCoded) weaken(response.headers);
  return response;
}

/** The bytes of a representation are others in each coding (RFC 9110, 8.8.1). */
function weaken(headers: Headers): void {
  const etag = headers.get('etag');
  if (etag !== null && !etag.startsWith('W/')) headers.set('etag', `W/${etag}`);
}

/** What of a body is sent in one piece, in bytes. */
const mostAtOnce = 1024 * 1024;

type Chunks = AsyncIterator<Uint8Array, unknown>;

/**
 * A body as far as it can be had without waiting for anything to happen, and what comes after that, if it is not all of it: native code may say how long its
 * answer is, and take its time to write it.
 */
async function whatIsThere(chunks: Chunks): Promise<{ head: Uint8Array[]; rest?: Chunks }> {
  const head = new KeptBytes();
  const later = new RepeatedWait(new Promise<undefined>(resolve => setImmediate(resolve, undefined)));
  while (head.size < mostAtOnce) {
    const next = chunks.next();
    const got = await later.or(next);
    if (got === undefined) return { head: head.chunks(), rest: resumed(next, chunks) };
    if (got.done) return { head: head.chunks() };
    head.push(got.value);
  }
  return { head: head.chunks(), rest: chunks };
}

/** The same chunks, of which the next one has been asked for. */
function resumed(pending: Promise<IteratorResult<Uint8Array, unknown>>, chunks: Chunks): Chunks {
  let asked: typeof pending | undefined = pending;
  // Who reads hears of it; nobody may read.
  pending.catch(() => undefined);
  return {
    next() {
      const next = asked ?? chunks.next();
      asked = undefined;
      return next;
    },
    return: async () => (await chunks.return?.()) ?? { value: undefined, done: true },
  };
}

/** A body as it is coded, chunk by chunk; nothing happens before it is read, and closing it closes where it comes from. */
function coded(coder: Coder, head: readonly Uint8Array[], rest: Chunks): AsyncIterable<Uint8Array> {
  const ahead = [...head];
  let closing: Promise<unknown> | undefined;
  const source: AsyncIterableIterator<Uint8Array, unknown> = {
    next: async () => {
      const first = ahead.shift();
      return first ? { value: first, done: false } : rest.next();
    },
    return: () => {
      closing ??= Promise.resolve(rest.return?.());
      return closing.then(() => ({ value: undefined, done: true }));
    },
    [Symbol.asyncIterator]: () => source,
  };
  return {
    [Symbol.asyncIterator]() {
      const stream = coder.stream();
      // What fails in the source is what reading from the coded stream, or closing it, fails with.
      pipeline(Readable.from(source, { objectMode: false }), stream, () => undefined);
      const iterator = stream[Symbol.asyncIterator]();
      let isClosed = false;
      return {
        async next() {
          try {
            return await iterator.next();
          } catch (thrown) {
            // Closing it ends the read that is under way, which fails nobody.
            if (isClosed) return { value: undefined, done: true };
            throw thrown;
          }
        },
        async return() {
          isClosed = true;
          stream.destroy();
          await source.return?.();
          return { value: undefined, done: true };
        },
      };
    },
  };
}
