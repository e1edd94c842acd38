import { Body, bodyOf, misuse, type Response } from '../../../core/adapter.js';
import type { Callback } from '../node-types.js';
import { nextTick } from '../turns.js';

/** A write that waits. */
export interface HeldWrite {
  readonly chunk: string | Uint8Array;
  readonly encoding: BufferEncoding | undefined;
  readonly callback: Callback | undefined;
  /** Called before it: what is written corked goes out in one chunk. */
  readonly corks: readonly Cork[] | undefined;
}

/** `tick`: the tick has ended in which something was written. From Node 24 on its writes go out in one chunk. */
export type Cork = 'cork' | 'uncork' | 'tick';

const none: readonly never[] = [];

/**
 * What native code has written while its head is held: at most `writableHighWaterMark` bytes before `write()` answers
 * false. It waits for the release, or for the middleware that reads it.
 */
export class HeldBody {
  readonly #producer: { emitDrain(): void };
  #writes: HeldWrite[] = [];
  #bytes = 0;
  #highWaterMark = 0;
  #needsDrain = false;
  #corks: readonly Cork[] | undefined;
  #isTickNoted = false;
  #ended = false;
  #isWhole = false;
  #hasDropped = false;
  #sunk = false;
  #reading = false;
  #isGone = false;
  #failure: Error | undefined;
  #onStarved: (() => void) | undefined;
  /** Whose readers are to be given a copy of what goes out. */
  #copiedFor: Body | undefined;
  #wakers: readonly (() => void)[] = none;
  /** How many writes a reader has taken, and the corks of those that have some, for the case that they are put back. */
  #taken = 0;
  #takenCorks: Map<number, readonly Cork[]> | undefined;

  /** `producer`: who may go on when what it has written went out. */
  constructor(producer: { emitDrain(): void }) {
    this.#producer = producer;
  }

  push(
    chunk: string | Uint8Array,
    encoding: BufferEncoding | undefined,
    callback: Callback | undefined,
    highWaterMark: number,
  ): boolean {
    if (this.#sunk) {
      if (callback) nextTick(callback);
      return true;
    }
    this.#writes.push({ chunk, encoding, callback, corks: this.takeCorks() });
    // What comes with the end is not followed by anything.
    if (Number.isFinite(highWaterMark)) this.#noteTick();
    this.#bytes += chunk.length;
    this.#highWaterMark = highWaterMark;
    this.#wake();
    this.#needsDrain ||= this.#bytes >= highWaterMark;
    return !this.#needsDrain;
  }

  #noteTick(): void {
    if (this.#isTickNoted) return;
    this.#isTickNoted = true;
    nextTick(() => {
      this.#isTickNoted = false;
      this.endTick();
    });
  }

  /** Node drops what is written where a response has no body; its size is not known then. */
  dropped(): void {
    this.#hasDropped = true;
  }

  endTick(): void {
    if (!this.#ended) this.cork('tick');
  }

  /** Whether nothing has been written, so that a flush means the head. */
  get isUnwritten(): boolean {
    return this.#writes.length === 0 && this.#taken === 0;
  }

  /** `cork` or `uncork` is called between two writes. */
  cork(call: Cork): void {
    this.#corks = [...(this.#corks ?? []), call];
  }

  /** Those that were called since the last write. */
  takeCorks(): readonly Cork[] | undefined {
    const corks = this.#corks;
    this.#corks = undefined;
    return corks;
  }

  /** Whether native code was told to wait for room, or waits for a callback. */
  get isAwaited(): boolean {
    return this.#needsDrain || this.#writes.some(({ callback }) => callback !== undefined);
  }

  /** What waits, in bytes or characters. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `withChunk`: the last chunk came with it. A body that is nothing else is there as a whole, as no stream is. */
  end(withChunk = false): void {
    this.#isWhole = !this.#reading && this.#writes.length === (withChunk ? 1 : 0);
    this.#ended = true;
    this.#wake();
  }

  /** Nothing more will come: readers get this error, unless all of it came before. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** The body that middleware reads; `null` for HEAD, 204, 205 and 304. */
  open(head: { readonly hasBody: boolean }): Body {
    const writes = { next: () => this.#next(), return: () => this.#close() };
    return new Body(
      () => {
        if (!head.hasBody) return null;
        if (this.#isGone) throw misuse('BODY_CONSUMED', 'response');
        this.#reading = true;
        return { [Symbol.asyncIterator]: () => writes };
      },
      { size: () => this.#size },
    );
  }

  /** Of one that is there as a whole, in bytes. */
  get #size(): number | undefined {
    if (!this.#isWhole || this.#reading || this.#hasDropped) return undefined;
    return this.#writes.reduce((size, { chunk, encoding }) => size + Buffer.byteLength(chunk, encoding), 0);
  }

  /** All that waits, with what a middleware has read put back in front of it. Those who still read get a copy of it. */
  takeAll(view: Response | undefined): HeldWrite[] {
    // From here on what is written goes out by itself: who has not begun to read it comes too late.
    this.#isGone = !this.#reading;
    if (this.#isGone) {
      const writes = this.#writes;
      this.#writes = [];
      this.#bytes = 0;
      return writes;
    }
    const body = view && bodyOf(view);
    const unread = this.#putBack(body?.takeUnread() ?? []);
    const writes = this.#writes;
    this.#writes = [];
    this.#bytes = 0;
    this.#copiedFor = body;
    if (this.isCopied) for (const { chunk, encoding } of writes) this.copy(chunk, encoding, false);
    return [...unread, ...writes];
  }

  /** What was read, corked as it was written. What was forgotten of it went before. */
  #putBack(chunks: (string | Uint8Array)[]): HeldWrite[] {
    const first = this.#taken - chunks.length;
    const corks = this.#takenCorks;
    return chunks.map((chunk, index) => ({ ...bare(chunk), corks: corks?.get(first + index) }));
  }

  /** Whether somebody reads what goes out. */
  get isCopied(): boolean {
    return this.#copiedFor?.isBeingRead === true;
  }

  /** What goes out natively while a middleware still reads the body: a clone, or a `text()` that it did not await. */
  copy(chunk: unknown, encoding: unknown, isLast: boolean): void {
    const codec = typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined;
    const isChunk = typeof chunk === 'string' || chunk instanceof Uint8Array;
    if (isChunk) this.#writes.push({ ...bare(chunk), encoding: codec });
    if (isLast) this.#ended = true;
    this.#wake();
  }

  /** What was written went out: a producer that was told to wait may go on. */
  drained(): void {
    if (!this.#needsDrain || this.#bytes >= Math.max(this.#highWaterMark, 1)) return;
    this.#needsDrain = false;
    this.#producer.emitDrain();
  }

  /** Drops what waits and what will come; the producer is told that all of it went. */
  sink(): void {
    this.#sunk = true;
    for (const { callback } of this.#writes.splice(0)) if (callback) nextTick(callback);
    this.#bytes = 0;
    this.#wake();
    this.drained();
  }

  async #next(): Promise<IteratorResult<string | Uint8Array, undefined>> {
    for (;;) {
      const write = this.#writes.shift();
      if (write) return { value: this.#take(write), done: false };
      if (this.#ended || this.#sunk) return { value: undefined, done: true };
      if (this.#failure) throw this.#failure;
      const woken = new Promise<void>(resolve => {
        this.#wakers = [...this.#wakers, resolve];
      });
      this.#starve();
      await woken;
    }
  }

  whenStarved(tell: () => void): void {
    this.#onStarved = tell;
    if (this.#wakers.length > 0) this.#starve();
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

  #take({ chunk, encoding, callback, corks }: HeldWrite): string | Uint8Array {
    this.#bytes -= chunk.length;
    if (corks) {
      this.#takenCorks ??= new Map();
      this.#takenCorks.set(this.#taken, corks);
    }
    this.#taken += 1;
    if (callback) nextTick(callback);
    this.drained();
    const isText = encoding === undefined || /^utf-?8$/i.test(encoding);
    return typeof chunk === 'string' && !isText ? Buffer.from(chunk, encoding) : chunk;
  }

  async #close(): Promise<IteratorResult<string | Uint8Array, undefined>> {
    this.sink();
    return { value: undefined, done: true };
  }
}

function bare(chunk: string | Uint8Array): HeldWrite {
  return { chunk, encoding: undefined, callback: undefined, corks: undefined };
}
