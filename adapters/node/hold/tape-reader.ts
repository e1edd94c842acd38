import { Body, bodyOf, misuse, type Response } from '../../../core/adapter.js';
import type { Chunk, Mark, Tape, Write } from './tape.js';

const none: readonly never[] = [];

/** Lets middleware read what native code has written, even after that has been sent. */
export class TapeReader {
  readonly #tape: Tape;
  #onStarved: (() => void) | undefined;
  #wakers: readonly (() => void)[] = none;
  /** The body whose readers receive a copy of what is sent. */
  #copiedFor: Body | undefined;
  /** The number of writes taken, and the calls before some of them, in case they are put back. */
  #taken = 0;
  #takenMarks: Map<number, readonly Mark[]> | undefined;

  constructor(tape: Tape) {
    this.#tape = tape;
    tape.onChange = () => this.#wake();
  }

  /** Opens the body for middleware; `null` for HEAD, 204, 205 and 304. */
  open(head: { readonly hasBody: boolean }): Body {
    const tape = this.#tape;
    const writes = { next: () => this.#next(), return: () => this.#close() };
    return new Body(
      () => {
        if (!head.hasBody) return null;
        if (tape.use === 'played') throw misuse('BODY_CONSUMED', 'response');
        if (tape.use === 'waits') tape.use = 'read';
        return { [Symbol.asyncIterator]: () => writes };
      },
      { size: () => tape.wholeSize },
    );
  }

  /**
   * Returns everything that will be sent, with the part that was read put back in front. Current readers get
   * a copy.
   */
  rewind(view: Response | undefined): Write[] {
    const body = view && bodyOf(view);
    const unread = this.#putBack(body?.takeUnread() ?? []);
    const writes = this.#tape.takeAll();
    this.#copiedFor = body;
    for (const { chunk, encoding } of writes) this.copy(chunk, encoding);
    return [...unread, ...writes];
  }

  /** Returns the chunks that were read, corked as they were written. Forgotten ones came before them. */
  #putBack(chunks: readonly Chunk[]): Write[] {
    const first = this.#taken - chunks.length;
    return chunks.map((chunk, index) => ({
      chunk,
      encoding: undefined,
      callback: undefined,
      before: this.#takenMarks?.get(first + index),
    }));
  }

  /** Copies what is sent while a middleware still reads: a clone, or a `text()` that it did not await. */
  copy(chunk: unknown, encoding: unknown): void {
    if (this.#copiedFor?.isBeingRead !== true) return;
    const isChunk = typeof chunk === 'string' || chunk instanceof Uint8Array;
    const codec = typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined;
    if (isChunk) this.#tape.copy(chunk, codec);
  }

  /** Calls `tell` when a reader has nothing left to read: now, or later. */
  whenStarved(tell: () => void): void {
    this.#onStarved = tell;
    if (this.#wakers.length > 0) this.#starve();
  }

  async #next(): Promise<IteratorResult<Chunk, undefined>> {
    const tape = this.#tape;
    for (;;) {
      const write = tape.take();
      if (write) return { value: this.#taking(write), done: false };
      if (tape.ended || tape.use === 'sunk') return { value: undefined, done: true };
      if (tape.failure) throw tape.failure;
      const woken = new Promise<void>(resolve => {
        this.#wakers = [...this.#wakers, resolve];
      });
      this.#starve();
      await woken;
    }
  }

  #taking({ chunk, encoding, before }: Write): Chunk {
    if (before) {
      this.#takenMarks ??= new Map();
      this.#takenMarks.set(this.#taken, before);
    }
    this.#taken += 1;
    const isText = encoding === undefined || /^utf-?8$/i.test(encoding);
    return typeof chunk === 'string' && !isText ? Buffer.from(chunk, encoding) : chunk;
  }

  #starve(): void {
    const tell = this.#onStarved;
    this.#onStarved = undefined;
    tell?.();
  }

  #wake(): void {
    const wakers = this.#wakers;
    this.#wakers = none;
    for (const wake of wakers) wake();
  }

  async #close(): Promise<IteratorResult<Chunk, undefined>> {
    this.#tape.sink();
    return { value: undefined, done: true };
  }
}

/** Returns the reader of a hold's tape, created when something reads the body. */
export function readerOf(hold: { reader: TapeReader | undefined; readonly tape: Tape }): TapeReader {
  hold.reader ??= new TapeReader(hold.tape);
  return hold.reader;
}
