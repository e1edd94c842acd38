import { AsyncResource } from 'node:async_hooks';
import { type Content, checkedChunk, misuse, toError } from '../../../core/adapter.js';

export type Chunk = string | Uint8Array;
type Chunks = Exclude<Content, null | Chunk>;

/**
 * One pass over a streamed body: counts the declared length, remembers a failure, and closes the producer
 * when the client disconnects.
 */
export class BodyProducer {
  /** The error of the producer. */
  error: Error | undefined;
  readonly #iterator: AsyncIterator<Chunk>;
  readonly #declared: number | undefined;
  /** The context of the endpoint: a producer is asked for chunks wherever the client has read some. */
  readonly #context = new AsyncResource('callnext.body');
  #produced = 0;
  #ended = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  constructor(chunks: Chunks, declaredLength: number | undefined) {
    this.#iterator = chunks[Symbol.asyncIterator]();
    this.#declared = declaredLength;
  }

  /**
   * Returns the next chunk, `undefined` at the end. Rejects with the producer's error, `BODY_CHUNK` and
   * `CONTENT_LENGTH`.
   */
  next(): Promise<Chunk | undefined> {
    return this.ask(
      step => this.accept(step),
      thrown => this.refuse(thrown),
    );
  }

  /** Asks for the next step, and hands it to `accept` or `refuse` by one of the functions. */
  ask<T>(received: (step: IteratorResult<Chunk>) => T, failed: (thrown: unknown) => T): Promise<T> {
    return this.#context.runInAsyncScope(stepOf, undefined, this.#iterator, received, failed) as Promise<T>;
  }

  /** Returns the chunk of a step, `undefined` at the end. Throws as `next` rejects. */
  accept(step: IteratorResult<Chunk>): Chunk | undefined {
    try {
      // Not in the parameters: an iterator may give something else than a step.
      const { value, done } = step;
      this.#ended = done === true;
      const chunk = done ? undefined : countable(checkedChunk(value));
      if (this.#declared !== undefined) this.#count(chunk, this.#declared);
      return chunk;
    } catch (thrown) {
      return this.refuse(thrown);
    }
  }

  /** Throws the error of the producer, unless it was closed. */
  refuse(thrown: unknown): undefined {
    // Closing it ends the pending read, which is not a failure.
    if (this.#isClosed) return undefined;
    this.fail(thrown);
    // The connection is cut now, however long closing takes.
    void this.close();
    throw this.error;
  }

  /**
   * Closes the producer, unless it has ended by itself. Resolves when it has closed, if ever: a generator
   * that waits cannot be interrupted, and closes when its wait is over. Never rejects.
   */
  close(): Promise<void> | undefined {
    if (!this.#ended) this.#closing = this.#return();
    return this.#closing;
  }

  async #return(): Promise<void> {
    this.#ended = true;
    this.#isClosed = true;
    try {
      await this.#iterator.return?.();
    } catch (thrown) {
      this.error ??= toError(thrown);
    }
  }

  /** Notes that a chunk could not be sent. */
  fail(thrown: unknown): void {
    this.error ??= toError(thrown);
  }

  #count(chunk: Chunk | undefined, declared: number): void {
    this.#produced += chunk === undefined ? 0 : Buffer.byteLength(chunk);
    const short = chunk === undefined && this.#produced < declared;
    if (short || this.#produced > declared) throw misuse('CONTENT_LENGTH', declared, this.#produced);
  }
}

type Received = (step: IteratorResult<Chunk>) => unknown;

/** Not a closure, because creating one for each chunk costs more than the chunk. */
function stepOf(
  iterator: AsyncIterator<Chunk>,
  received: Received,
  failed: (thrown: unknown) => unknown,
): Promise<unknown> {
  let step: Promise<IteratorResult<Chunk>>;
  try {
    step = Promise.resolve(iterator.next());
  } catch (thrown) {
    step = Promise.reject(thrown);
  }
  return step.then(received, failed);
}

/**
 * Converts non-ASCII text to bytes. Since Node 24 a chunked response counts the bytes that it writes in one
 * tick, and its socket the characters of text: `write` then returns false, and no 'drain' follows.
 */
function countable(chunk: Chunk): Chunk {
  const isText = typeof chunk === 'string' && Buffer.byteLength(chunk) !== chunk.length;
  return isText ? Buffer.from(chunk) : chunk;
}
