import { misuse, toError } from '../errors.js';
import { isOfPlatform } from './platform.js';

/**
 * Bytes as platform streams carry them: over an `ArrayBuffer`, which TypeScript distinguishes from 5.7 on.
 */
export type Bytes = ReturnType<Uint8Array['slice']>;

export type Chunk = string | Uint8Array;

/** What the body of a response can be made of: the Fetch kinds, and any iterable of chunks. */
export type BodySource =
  | string
  | Uint8Array
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | FormData
  | URLSearchParams
  | ReadableStream<Chunk>
  | AsyncIterable<Chunk>
  | Iterable<Chunk>
  | null
  | undefined;

/** A body as an adapter sends it: none, complete, or chunks still to be produced. */
export type Content = null | string | Uint8Array | AsyncIterable<Chunk>;

/** Converts a body source to content, with the content type of its kind (Fetch, "extract a body"). */
export function contentOf(source: BodySource): { content: Content; type?: string | undefined } {
  if (source === null || source === undefined) return { content: null };
  if (typeof source === 'string') return { content: source, type: 'text/plain;charset=UTF-8' };
  if (source instanceof Uint8Array) return { content: source };
  if (source instanceof ArrayBuffer) return { content: new Uint8Array(source) };
  if (ArrayBuffer.isView(source)) {
    return { content: new Uint8Array(source.buffer, source.byteOffset, source.byteLength) };
  }
  if (source instanceof URLSearchParams) {
    return { content: source.toString(), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  if (source instanceof Blob) return { content: chunksOf(source.stream()), type: source.type || undefined };
  if (isOfPlatform('FormData', source)) {
    const encoded = new globalThis.Response(source);
    return { content: chunksOf(encoded.body), type: encoded.headers.get('content-type') ?? undefined };
  }
  return { content: chunksOf(checkedIterable(source)) };
}

/** Throws `BODY_SOURCE` for an object that is not iterable, such as an uncalled generator function. */
export function checkedIterable<Source extends object>(source: Source): Source {
  const isObject = typeof source === 'object' && source !== null;
  const gives =
    isObject && (Symbol.asyncIterator in source || Symbol.iterator in source || 'getReader' in source);
  if (!gives) throw misuse('BODY_SOURCE', source);
  return source;
}

type Chunks = ReadableStream<Chunk> | AsyncIterable<Chunk> | Iterable<Chunk>;

/** Chunks as an async iterable. Its `return()` closes the source even if nothing was read from it. */
function chunksOf(source: Chunks | null): Content {
  return source === null ? null : { [Symbol.asyncIterator]: () => iteratorOf(source) };
}

/**
 * Iterates a generator, a list, a Node stream or a Web stream. `return()` closes it even during a pending
 * read. Failures are converted to Errors, since a Node stream may be destroyed with any value.
 */
export function iteratorOf<T>(
  source: ReadableStream<T> | AsyncIterable<T> | Iterable<T>,
): AsyncIterator<T, undefined> {
  if ('getReader' in source) return readerIterator(source);
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const { destroy } = source as { destroy?: unknown };
  return {
    next() {
      try {
        return Promise.resolve(iterator.next() as Promise<IteratorResult<T, undefined>>).catch(rethrow);
      } catch (thrown) {
        return Promise.reject(toError(thrown));
      }
    },
    async return() {
      // Destroy a Node stream: its iterator's `return()` would wait for a pending read.
      if (typeof destroy === 'function') Reflect.apply(destroy, source, []);
      else await iterator.return?.();
      return { value: undefined, done: true };
    },
  };
}

function rethrow(thrown: unknown): never {
  throw toError(thrown);
}

function readerIterator<T>(source: ReadableStream<T>): AsyncIterator<T, undefined> {
  let reader: ReadableStreamDefaultReader<T> | undefined;
  return {
    next() {
      try {
        reader ??= source.getReader();
        return (reader.read() as Promise<IteratorResult<T, undefined>>).catch(rethrow);
      } catch (thrown) {
        return Promise.reject(toError(thrown));
      }
    },
    async return() {
      await (reader ?? source).cancel();
      return { value: undefined, done: true };
    },
  };
}

/** Created on first use, because jest's jsdom environment lacks `TextEncoder` at load time. */
let encoder: InstanceType<typeof TextEncoder> | undefined;

export function toBytes(chunk: Chunk): Uint8Array {
  if (typeof chunk !== 'string') return chunk;
  encoder ??= new TextEncoder();
  return encoder.encode(chunk);
}

/** Yields the bytes of a body, whatever its form. */
export async function* bytesOf(content: Content): AsyncGenerator<Uint8Array, void, unknown> {
  if (content === null) return;
  if (isChunk(content)) yield toBytes(content);
  else for await (const chunk of content) yield toBytes(chunk);
}

/** Whether a body is complete, in one chunk. */
export function isChunk(content: Exclude<Content, null>): content is Chunk {
  return typeof content === 'string' || content instanceof Uint8Array;
}

/** Throws `BODY_CHUNK`. */
export function checkedChunk(chunk: unknown): Chunk {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return chunk;
  throw misuse('BODY_CHUNK', chunk);
}
