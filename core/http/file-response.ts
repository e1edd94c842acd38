import { create as dispositionOf } from 'content-disposition';
import { lookup } from 'mrmime';
import { misuse, misuseWith, toError } from '../errors.js';
import { checkOption, noOptions, type OptionNames } from '../options.js';
import type { Chunk } from './body-source.js';
import { type ByteRange, contentRange, partHead, rangesOf } from './byte-ranges.js';
import { hasChanged, isRangeFresh, isStillFresh } from './file-conditions.js';
import type { Files, OpenFile } from './files.js';
import { type ResponseInit, responseOptions } from './head.js';
import type { Request } from './request.js';
import { sharedOf } from './request-parts.js';
import { Response } from './response.js';
import { optionNames, prepare } from './response-keys.js';
import { bodyOf, headOf } from './response-parts.js';

/** The options of a `FileResponse`. */
export interface FileResponseInit extends ResponseInit {
  /** The file name offered to the client, in any characters. Setting it makes the response an attachment. */
  filename?: string;
  /** `attachment` by default if `filename` is set. */
  contentDispositionType?: 'attachment' | 'inline';
}

const knownOptions = {
  ...responseOptions,
  filename: true,
  contentDispositionType: true,
} satisfies OptionNames<FileResponseInit>;

/** Throws `ARGUMENT` and `OPTION_VALUE`. */
function checkFile(path: unknown, filename: unknown, type: unknown): void {
  const where = 'new FileResponse()';
  if (typeof path !== 'string')
    throw misuse(
      'ARGUMENT',
      where,
      'path',
      'a path as a string (of a file: URL, `fileURLToPath(url)`)',
      path,
    );
  checkOption(where, 'filename', filename, 'a string', value => typeof value === 'string');
  checkOption(where, 'contentDispositionType', type, "'attachment' or 'inline'", value =>
    ['attachment', 'inline'].includes(value as string),
  );
}

/**
 * Sends a file, read at the speed of the client.
 *
 * ```ts
 * return new FileResponse('/srv/reports/2026.pdf', { filename: 'Bericht für März.pdf' });
 * ```
 *
 * Sets `content-length`, `last-modified`, an `etag` of modification time and size, and a `content-type` by
 * file name, unless `headers` name them. Conditional requests get 304 or 412, and range requests 206 or 416
 * (RFC 9110, 13 and 14), before middleware sees the response. An invalid `range` is ignored, where Starlette
 * answers 400.
 *
 * The path is used as given: never build it from a request without a check. The file is opened when the
 * response is returned, which throws `FILE` on failure, and closed once it is sent or dropped. Starlette's
 * `FileResponse`.
 */
export class FileResponse extends Response {
  static override readonly [optionNames] = knownOptions;
  readonly path: string;

  constructor(path: string, init: FileResponseInit = noOptions) {
    const { filename, contentDispositionType } = init;
    checkFile(path, filename, contentDispositionType);
    super(unread(path), init, mediaTypeOf(filename ?? path));
    this.path = path;
    const isNamed = filename !== undefined || contentDispositionType !== undefined;
    if (!isNamed || this.headers.has('content-disposition')) return;
    const type = contentDispositionType ?? 'attachment';
    // A line break would end the header, and a lone surrogate cannot be encoded.
    const name = filename?.replace(/\p{Cc}|\p{Cs}/gu, '_');
    this.headers.set('content-disposition', dispositionOf(name, { type }));
  }

  /** Internal: makes the response that is sent for a request. */
  override async [prepare](request: Request, files: Files | undefined): Promise<Response> {
    const open = await openFile(this.path, files);
    try {
      const response = this.#answer(request, open);
      // Later changes must apply to the response that is sent.
      headOf(this).seal();
      // Sending a body also closes the file.
      if (bodyOf(response).whole !== undefined) await open.close();
      return response;
    } catch (thrown) {
      await open.close();
      throw thrown;
    }
  }

  #answer(request: Request, open: OpenFile): Response {
    const { headers, status } = this;
    const defaults = {
      'last-modified': open.modified.toUTCString(),
      etag: `"${open.modified.getTime().toString(16)}-${open.size.toString(16)}"`,
      'accept-ranges': 'bytes',
    };
    for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value);
    const isConditional = status === 200 && (request.method === 'GET' || request.method === 'HEAD');
    return (isConditional && answerTo(request, this, open)) || wholeOf(this, open);
  }
}

/** Answers a conditional or range request; `undefined` means: send the whole file. */
function answerTo(request: Request, file: FileResponse, open: OpenFile): Response | undefined {
  const { size } = open;
  const asked = request.headers;
  if (hasChanged(asked, file.headers)) return bodyless(file, 412);
  if (isStillFresh(asked, file.headers)) return unchanged(request, file);
  const ranges = isRangeFresh(asked, file.headers) ? rangesOf(asked.get('range'), size) : undefined;
  if (ranges === undefined) return undefined;
  const [first, second] = ranges;
  if (first) return second ? severalOf(file, open, ranges) : oneOf(file, open, first);
  const unsatisfiable = bodyless(file, 416);
  unsatisfiable.headers.set('content-range', `bytes */${size}`);
  return unsatisfiable;
}

/** Omits the headers that describe the unsent body (RFC 9110, 15.4.5). */
function bodyless(file: FileResponse, status: number): Response {
  const lines = [...file.headers].filter(([name]) => !/^content-/.test(name) || name === 'content-location');
  return new Response(null, { status, headers: lines });
}

/**
 * A 304. Notes the omitted content type, so that `gzip()` can set the same `etag` and `vary` as on the 200.
 */
function unchanged(request: Request, file: FileResponse): Response {
  sharedOf(request).unsentType = file.headers.get('content-type') ?? '';
  return bodyless(file, 304);
}

function wholeOf(file: FileResponse, open: OpenFile): Response {
  const { headers, status, statusText } = file;
  const { size } = open;
  const body = size === 0 ? '' : closing(open, open.read(0, size - 1));
  const response = new Response(body, { status, statusText, headers: [...headers] });
  response.headers.set('content-length', String(size));
  return response;
}

function oneOf(file: FileResponse, open: OpenFile, range: ByteRange): Response {
  const body = closing(open, open.read(range.start, range.end));
  const response = new Response(body, { status: 206, headers: [...file.headers] });
  response.headers.set('content-length', String(lengthOf(range)));
  response.headers.set('content-range', contentRange(range, open.size));
  return response;
}

function severalOf(file: FileResponse, open: OpenFile, ranges: readonly ByteRange[]): Response {
  const boundary = crypto.randomUUID().replaceAll('-', '');
  const type = file.headers.get('content-type') ?? defaultType;
  const parts = ranges.map(range => ({ range, head: partHead(boundary, type, range, open.size) }));
  const end = `--${boundary}--\r\n`;
  async function* body(): AsyncGenerator<string | Uint8Array, void, unknown> {
    for (const { range, head } of parts) {
      yield head;
      yield* open.read(range.start, range.end);
      yield '\r\n';
    }
    yield end;
  }
  const length = parts.reduce((sum, { range, head }) => sum + head.length + lengthOf(range) + 2, end.length);
  const response = new Response(closing(open, body()), { status: 206, headers: [...file.headers] });
  response.headers.set('content-type', `multipart/byteranges; boundary=${boundary}`);
  response.headers.set('content-length', String(length));
  return response;
}

/**
 * Chunks of an open file, which is closed when they end, fail or are dropped. Not a generator: `return()` on
 * one that has not started skips its `finally`.
 */
function closing(open: OpenFile, chunks: AsyncIterable<Chunk>): AsyncIterable<Chunk> {
  const iterator = chunks[Symbol.asyncIterator]();
  const close = async (): Promise<IteratorReturnResult<undefined>> => {
    await open.close();
    return { value: undefined, done: true };
  };
  const next = async (): Promise<IteratorResult<Chunk, undefined>> => {
    try {
      const result = await iterator.next();
      return result.done ? close() : result;
    } catch (thrown) {
      await open.close();
      throw thrown;
    }
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: close }) };
}

function lengthOf({ start, end }: ByteRange): number {
  return end - start + 1;
}

/**
 * Opens the file before the head is sent, so that a failure becomes an error response instead of a cut body.
 */
async function openFile(path: string, files: Files | undefined): Promise<OpenFile> {
  if (files === undefined) throw misuse('FILE', path, 'cannot be read: this adapter has no files');
  let open: OpenFile | undefined;
  try {
    open = await files.open(path);
  } catch (cause) {
    const { code } = toError(cause) as { code?: unknown };
    const reason = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `cannot be read (${code})`;
    throw misuseWith({ cause }, 'FILE', path, reason);
  }
  if (open === undefined) throw misuse('FILE', path, 'is not a file');
  return open;
}

const defaultType = 'application/octet-stream';

function mediaTypeOf(name: string): string {
  const known: unknown = name.includes('.') ? lookup(name) : undefined;
  const type = typeof known === 'string' ? known : defaultType;
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

/** The body until the response is returned: it refuses every read. */
function unread(path: string): AsyncIterable<Uint8Array> {
  const refuse = async (): Promise<never> => {
    throw misuse('FILE', path, 'is only read when it is sent');
  };
  const close = async (): Promise<IteratorReturnResult<undefined>> => ({ value: undefined, done: true });
  return { [Symbol.asyncIterator]: () => ({ next: refuse, return: close }) };
}
