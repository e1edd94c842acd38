import type { Chunk } from './body-source.js';

/** The position of a reader. */
export interface Cursor {
  position: number;
}

/** The chunks of a body that may still be read, in order. Positions count from the start of the body. */
export interface Kept {
  /** The position of the first remaining chunk. */
  readonly start: number;
  readonly end: number;
  push(chunk: Chunk): void;
  /** Returns the next chunk and advances the cursor; `undefined` if it has not arrived. */
  next(cursor: Cursor): Chunk | undefined;
  /** Drops everything before the position. */
  forget(position: number): void;
  /** The remaining chunks. */
  chunks(): Chunk[];
}

const none: Chunk[] = [];

/** Chunks as their producer made them, which is how a response is sent. A position is a number of chunks. */
export class KeptChunks implements Kept {
  #chunks = none;
  #start = 0;

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#start + this.#chunks.length;
  }

  push(chunk: Chunk): void {
    if (this.#chunks === none) this.#chunks = [chunk];
    else this.#chunks.push(chunk);
  }

  next(cursor: Cursor): Chunk | undefined {
    const chunk = this.#chunks[cursor.position - this.#start];
    if (chunk !== undefined) cursor.position += 1;
    return chunk;
  }

  forget(position: number): void {
    const count = position - this.#start;
    if (count >= this.#chunks.length) this.#chunks = none;
    else if (count === 1) this.#chunks.shift();
    else this.#chunks.splice(0, count);
    this.#start = position;
  }

  chunks(): Chunk[] {
    return [...this.#chunks];
  }
}
