import type { Callback } from '../node-types.js';
import { nextTick } from '../turns.js';

export type Chunk = string | Uint8Array;
/** The call by which native code has made its head. */
export type Origin = 'writeHead' | 'flushHeaders' | 'write' | 'end';
/**
 * A call between two writes. `tick` is the end of a tick: from Node 24 on, what is written in one goes out in
 * one chunk.
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
 * - `read`: a middleware has begun to read it.
 * - `sunk`: it is dropped, with all that comes.
 * - `played`: it has gone out, and nobody had begun to read it.
 */
type Use = 'waits' | 'read' | 'sunk' | 'played';

const none: Write[] = [];

/**
 * The calls that native code has made while its head is held, in their order, to be made again at the
 * release.
 */
export class Tape {
  /** `undefined` before there is a head. */
  origin: Origin | undefined;
  use: Use = 'waits';
  /** How native code has ended its answer: its last chunk may have come with the end, as one call. */
  ended: 'alone' | 'withChunk' | undefined;
  /** The callback of `end`, which is called once. */
  endCallback: Callback | undefined;
  /** What stands before that callback where `end` had no chunk. */
  noChunk: null | undefined;
  /** The trailers at the end: what is added later comes too late, as without a hold. */
  trailer: string | undefined;
  /** Nothing more will come: readers get this error, unless all of it came before. */
  failure: Error | undefined;
  /** What waits, in bytes or characters. */
  size = 0;
  /** Told of everything that a reader may have waited for. */
  onChange: (() => void) | undefined;
  /** Told when native code that had to wait may go on. */
  onRoom: (() => void) | undefined;
  #writes = none;
  #marks: readonly Mark[] | undefined;
  #highWaterMark = 0;
  /** Corks less uncorks that the connection does not know of. */
  #corks = 0;
  #needsDrain = false;
  #isTickNoted = false;
  #isFlushed = false;
  #hasDropped = false;

  get #isDropping(): boolean {
    return this.use === 'sunk' || this.use === 'played';
  }

  /** Tells whether native code may go on to write. */
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
    if (!this.#isTickNoted) this.#noteTick();
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

  /** A call between two writes. Node itself ends all corks with the response. */
  mark(call: Mark): void {
    if (call === 'cork') this.#corks += 1;
    else if (call === 'uncork') this.#corks -= 1;
    else if (call !== 'tick') this.#isFlushed = true;
    if (!this.ended) this.#marks = this.#marks ? [...this.#marks, call] : [call];
  }

  /** Those since the last write. */
  takeMarks(): readonly Mark[] | undefined {
    const marks = this.#marks;
    this.#marks = undefined;
    return marks;
  }

  /** Whether what is corked was corked outside, before the hold. */
  get isCorkedOutside(): boolean {
    return this.#corks <= 0;
  }

  /** The corks are played or dropped. Returns how many corks from outside native code has undone. */
  takeCorks(): number {
    const undone = Math.max(-this.#corks, 0);
    this.#corks = 0;
    this.#marks = undefined;
    return undone;
  }

  #noteTick(): void {
    this.#isTickNoted = true;
    nextTick(() => {
      this.#isTickNoted = false;
      this.mark('tick');
    });
  }

  /** Node drops what is written where a response has no body; its size is not known then. */
  dropped(): void {
    this.#hasDropped = true;
  }

  /** Whether native code waits for something that only the wire can give. */
  get isAwaited(): boolean {
    const waits = this.#needsDrain || this.#isFlushed || this.endCallback !== undefined;
    return waits || this.#writes.some(({ callback }) => callback !== undefined);
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.onChange?.();
  }

  /** The size in bytes of a body that came with the end, and is there as a whole, as no stream is. */
  get wholeSize(): number | undefined {
    const isWhole = this.ended && this.#writes.length === (this.ended === 'withChunk' ? 1 : 0);
    if (!isWhole || this.#hasDropped || this.use !== 'waits') return undefined;
    const [write] = this.#writes;
    return write === undefined ? 0 : Buffer.byteLength(write.chunk, write.encoding);
  }

  /** The next write, for a reader: room is made by it, and its callback is called. */
  take(): Write | undefined {
    const write = this.#writes.shift();
    if (write === undefined) return undefined;
    this.size -= write.chunk.length;
    if (write.callback) nextTick(write.callback);
    this.makeRoom();
    return write;
  }

  /** All that waits. */
  takeAll(): Write[] {
    const writes = this.#writes;
    this.#writes = none;
    this.size = 0;
    return writes;
  }

  /** Keeps a copy of what goes out for a reader. */
  copy(chunk: Chunk, encoding: BufferEncoding | undefined): void {
    this.#push(chunk, encoding, undefined);
    this.onChange?.();
  }

  /** What was written went out: native code that was told to wait may go on. */
  makeRoom(): void {
    if (!this.#needsDrain || this.size >= Math.max(this.#highWaterMark, 1)) return;
    this.#needsDrain = false;
    this.onRoom?.();
  }

  /** Drops what waits and what will come; native code is told that all of it went. */
  sink(): void {
    if (this.use !== 'played') this.use = 'sunk';
    for (const { callback } of this.takeAll()) if (callback) nextTick(callback);
    this.onChange?.();
    this.makeRoom();
  }
}
