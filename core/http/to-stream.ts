import { type Bytes, type Chunk, toBytes } from './body-source.js';

type Chunks = AsyncIterator<Chunk, unknown>;

interface ValuesOptions {
  preventCancel?: boolean;
}

/** Converts chunks to a Web stream. Iterating over it costs about what iterating over the chunks costs. */
export function toStream(chunks: Chunks): ReadableStream<Bytes> {
  let isPulled = false;
  const stream = new ReadableStream<Bytes>(
    {
      async pull(controller) {
        isPulled = true;
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(toBytes(value as Chunk) as Bytes);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    // Nothing is pulled before the first read, so that an unread `response.body` leaves the native stream
    // alone.
    { highWaterMark: 0 },
  );
  const { values } = stream;
  // After a read, the stream itself may have a chunk that no reader has received.
  const iterate = (options?: ValuesOptions): AsyncIterator<Bytes, unknown> =>
    isPulled ? values.call(stream, options) : new Iteration(chunks, stream.getReader(), options);
  for (const key of ['values', Symbol.asyncIterator])
    Object.defineProperty(stream, key, { value: iterate, configurable: true, writable: true });
  return stream;
}

type Step = IteratorResult<Bytes, unknown>;

/**
 * Iterates over a stream without its queue and its promises: takes the chunks themselves, while a reader
 * keeps others out. Behaves like the iterator of the platform's streams.
 */
class Iteration implements AsyncIterableIterator<Bytes, unknown> {
  readonly #chunks: Chunks;
  readonly #isCancelling: boolean;
  /** Until the iteration has ended. */
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  #unfinished = 0;
  #latest: Promise<Step> | undefined;

  constructor(chunks: Chunks, reader: ReadableStreamDefaultReader<Bytes>, options?: ValuesOptions) {
    this.#chunks = chunks;
    this.#reader = reader;
    this.#isCancelling = options?.preventCancel !== true;
  }

  next(): Promise<Step> {
    return this.#inTurn(this.#advance);
  }

  return(value?: unknown): Promise<Step> {
    return this.#inTurn(() => this.#leave(value));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #inTurn(step: () => Promise<Step>): Promise<Step> {
    const latest = this.#unfinished > 0 ? this.#latest : undefined;
    this.#unfinished += 1;
    this.#latest = latest ? latest.then(step, step) : step();
    return this.#latest;
  }

  /** Not methods but functions of the iteration: otherwise each chunk would need its own. */
  readonly #advance = (): Promise<Step> =>
    this.#reader ? this.#chunks.next().then(this.#received, this.#end) : this.#end();

  readonly #received = (step: IteratorResult<Chunk, unknown>): Step | Promise<Step> => {
    if (step.done) return this.#end();
    this.#unfinished -= 1;
    return typeof step.value === 'string'
      ? { value: toBytes(step.value) as Bytes, done: false }
      : (step as Step);
  };

  /** Lets the stream itself end, or fail with the same error. */
  readonly #end = async (): Promise<Step> => {
    const reader = this.#reader;
    this.#reader = undefined;
    try {
      return (await reader?.read()) ?? { value: undefined, done: true };
    } finally {
      reader?.releaseLock();
      this.#unfinished -= 1;
    }
  };

  async #leave(value: unknown): Promise<Step> {
    const reader = this.#reader;
    this.#reader = undefined;
    try {
      if (this.#isCancelling) await reader?.cancel(value);
      return { value, done: true };
    } finally {
      reader?.releaseLock();
      this.#unfinished -= 1;
    }
  }
}

/** Yields a single chunk. */
export async function* once(chunk: Chunk): AsyncGenerator<Chunk, void, unknown> {
  yield chunk;
}
