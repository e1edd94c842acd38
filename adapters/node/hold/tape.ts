import type { Callback } from '../node-types.js';
import { nextTick } from '../turns.js';

export type Chunk = string | Uint8Array;
/** The call by which native code made its head. */
export type Origin = 'writeHead' | 'flushHeaders' | 'write' | 'end';
/**
 * A call between two writes. `tick` is the end of a tick: since Node 24, the writes of one tick form one
 * chunk.
 */
export type Mark = 'cork' | 'uncork' | 'flush' | 'flushHeaders' | 'tick';

/** A call of `write`, or the chunk of `end`, and the calls before it. */
export interface Write {
  readonly chunk: Chunk;
  readonly encoding: BufferEncoding | undefined;
  readonly callback: Callback | undefined;
  readonly before: readonly Mark[] | undefined;
}

/**
 * - `waits`: for the release, or for a middleware that reads it.
 * - `read`: a middleware has started to read it.
 * - `sunk`: it is dropped, as are later writes.
 * - `played`: it was sent, and nobody had started to read it.
 */
type Use = 'waits' | 'read' | 'sunk' | 'played';

const none: Write[] = [];

/** The calls that native code made while its head is held, in order, to be repeated at the release. */
export class Tape {
  /** `undefined` before there is a head. */
  origin: Origin | undefined;
  use: Use;
  /** How native code ended its answer: its last chunk may have come in the same call as the end. */
  ended: 'alone' | 'withChunk' | undefined;
  /** The callback of `end`, which is called once. */
  endCallback: Callback | undefined;
  /** The argument before that callback if `end` had no chunk. */
  noChunk: null | undefined;
  /** The trailers at the end: those added later have no effect, as without a hold. */
  trailer: string | undefined;
  /** The error for readers when nothing more arrives, unless the body is complete. */
  failure: Error | undefined;
  /** The size of what waits, in bytes or characters. */
  size = 0;
  /** Called on every change that a reader may wait for. */
  onChange: (() => void) | undefined;
  /** Called when native code that had to wait may continue. */
  onRoom: (() => void) | undefined;
  #writes = none;
  #marks: readonly Mark[] | undefined;
  #highWaterMark = 0;
  /** The number of corks minus uncorks that the connection has not received. */
  #corks = 0;
  #needsDrain = false;
  #isTickNoted = false;
  #isFlushed = false;
  #hasDropped = false;

  constructor(use: Use = 'waits') {
    this.use = use;
  }

  get #isDropping(): boolean {
    return this.use === 'sunk' || this.use === 'played';
  }

  /** Records a write. Returns whether native code may continue to write. */
  write(
    chunk: Chunk,
    encoding: BufferEncoding | undefined,
    callback: Callback | undefined,
    room: number,
  ): boolean {
    if (this.#isDropping) {
      if (callback) nextTick(callback);
      return true;
    }
    this.#push(chunk, encoding, callback);
    this.#highWaterMark = room;
    this.#needsDrain ||= this.size >= room;
    this.onChange?.();
    return !this.#needsDrain;
  }

  end(chunk: Chunk | undefined, encoding: BufferEncoding | undefined): void {
    if (chunk && !this.#isDropping) this.#push(chunk, encoding, undefined);
    this.ended = chunk ? 'withChunk' : 'alone';
    this.onChange?.();
  }

  #push(chunk: Chunk, encoding: BufferEncoding | undefined, callback: Callback | undefined): void {
    const write = { chunk, encoding, callback, before: this.takeMarks() };
    if (this.#writes.length === 0) this.#writes = [write];
    else this.#writes.push(write);
    this.size += chunk.length;
  }

  /** Records a call between two writes. Node itself ends all corks with the response. */
  mark(call: Mark): void {
    if (call === 'cork') this.#corks += 1;
    else if (call === 'uncork') this.#corks -= 1;
    else if (call !== 'tick') this.#isFlushed = true;
    if (!this.ended) this.#marks = this.#marks ? [...this.#marks, call] : [call];
  }

  /** Takes the calls since the last write. */
  takeMarks(): readonly Mark[] | undefined {
    const marks = this.#marks;
    this.#marks = undefined;
    return marks;
  }

  /** Whether the current corks come from outside, before the hold. */
  get isCorkedOutside(): boolean {
    return this.#corks <= 0;
  }

  /** Forgets the corks, which were played or dropped. Returns how many outer corks native code has undone. */
  takeCorks(): number {
    const undone = Math.max(-this.#corks, 0);
    this.#corks = 0;
    this.#marks = undefined;
    return undone;
  }

  /** Notes the end of this tick, for a release that plays the writes. */
  noteTick(): void {
    if (this.#isTickNoted || this.#isDropping) return;
    this.#isTickNoted = true;
    nextTick(() => {
      this.#isTickNoted = false;
      this.mark('tick');
    });
  }

  /** Notes that Node dropped a write because the response has no body; its size is then unknown. */
  dropped(): void {
    this.#hasDropped = true;
  }

  /** Whether native code waits for something that only the wire can provide. */
  get isAwaited(): boolean {
    const waits = this.#needsDrain || this.#isFlushed || this.endCallback !== undefined;
    return waits || this.#writes.some(({ callback }) => callback !== undefined);
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.onChange?.();
  }

  /** The size in bytes of a body that arrived complete with the end, unlike a stream. */
  get wholeSize(): number | undefined {
    const isWhole = this.ended && this.#writes.length === (this.ended === 'withChunk' ? 1 : 0);
    if (!isWhole || this.#hasDropped || this.use !== 'waits') return undefined;
    const write = this.#writes[0];
    return write === undefined ? 0 : Buffer.byteLength(write.chunk, write.encoding);
  }

  /** Takes the next write for a reader: this makes room and calls its callback. */
  take(): Write | undefined {
    const write = this.#writes[0];
    if (write === undefined) return undefined;
    if (this.#writes.length === 1) this.#writes = none;
    else this.#writes.shift();
    this.size -= write.chunk.length;
    if (write.callback) nextTick(write.callback);
    this.makeRoom();
    return write;
  }

  /** Takes all waiting writes. */
  takeAll(): Write[] {
    const writes = this.#writes;
    this.#writes = none;
    this.size = 0;
    return writes;
  }

  /** Keeps a copy of what is sent for a reader. */
  copy(chunk: Chunk, encoding: BufferEncoding | undefined): void {
    this.#push(chunk, encoding, undefined);
    this.onChange?.();
  }

  /** Lets waiting native code continue, because its writes were sent. */
  makeRoom(): void {
    if (!this.#needsDrain || this.size >= Math.max(this.#highWaterMark, 1)) return;
    this.#needsDrain = false;
    this.onRoom?.();
  }

  /** Drops waiting and later writes; to native code they look sent. */
  sink(): void {
    if (this.use !== 'played') this.use = 'sunk';
    for (const { callback } of this.takeAll()) if (callback) nextTick(callback);
    this.onChange?.();
    this.makeRoom();
  }
}
