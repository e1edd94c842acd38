import { pipeline, Readable } from 'node:stream';
import { KeptBytes, RepeatedWait } from '../../../../core/adapter.js';
import { setImmediate } from '../../turns.js';
import type { Encoder } from './encoders.js';

/** The size up to which a body is compressed in one piece, in bytes. */
const mostAtOnce = 1024 * 1024;

type Chunks = AsyncIterator<Uint8Array, unknown>;

/** Compresses a body of known size in one piece if all of it is there, and any other body chunk by chunk. */
export async function encodeBody(
  encoder: Encoder,
  chunks: Chunks,
  isSized: boolean,
): Promise<AsyncIterable<Uint8Array> | Buffer> {
  if (!isSized) return encoded(encoder, [], chunks);
  const { head, rest } = await readAvailable(chunks);
  return rest ? encoded(encoder, head, rest) : encoder.whole(Buffer.concat(head));
}

/**
 * Reads as much of a body as is there without waiting, and returns the rest, if any: native code may set the
 * length of its response and write the body much later.
 */
async function readAvailable(chunks: Chunks): Promise<{ head: Uint8Array[]; rest?: Chunks }> {
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

/** The same chunks, where the next one was requested before. */
function resumed(pending: Promise<IteratorResult<Uint8Array, unknown>>, chunks: Chunks): Chunks {
  let requested: typeof pending | undefined = pending;
  // The reader gets the rejection; nobody may read.
  pending.catch(() => undefined);
  return {
    next() {
      const next = requested ?? chunks.next();
      requested = undefined;
      return next;
    },
    return: async () => (await chunks.return?.()) ?? { value: undefined, done: true },
  };
}

/** Compresses chunk by chunk, from the first read on. Closing the result closes the source. */
function encoded(encoder: Encoder, head: readonly Uint8Array[], rest: Chunks): AsyncIterable<Uint8Array> {
  const source = joined(head, rest);
  return { [Symbol.asyncIterator]: () => encodedFrom(source, encoder.stream()) };
}

function joined(head: readonly Uint8Array[], rest: Chunks): AsyncIterableIterator<Uint8Array, unknown> {
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
  return source;
}

function encodedFrom(
  source: AsyncIterableIterator<Uint8Array, unknown>,
  stream: ReturnType<Encoder['stream']>,
): AsyncIterator<Uint8Array, unknown> {
  // An error of the source reaches the reader through the stream.
  pipeline(Readable.from(source, { objectMode: false }), stream, () => undefined);
  const iterator = stream[Symbol.asyncIterator]();
  let isClosed = false;
  return {
    async next() {
      try {
        return await iterator.next();
      } catch (thrown) {
        // Closing the stream rejects the read that is under way, which is no failure.
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
}
