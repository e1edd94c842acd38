import type { Chunk } from './body-source.js';

/** How far somebody has read. */
export interface Cursor {
  position: number;
}

/**
 * The chunks of a body that somebody may still read, in their order. Positions count from the beginning of
 * the body.
 */
export interface Kept {
  /** Where what is left begins. */
  readonly start: number;
  readonly end: number;
  push(chunk: Chunk): void;
  /** What comes next, and moves the cursor behind it; `undefined` where there is no more yet. */
  next(cursor: Cursor): Chunk | undefined;
  /** Drops what is before the position. */
  forget(position: number): void;
  /** What is left. */
  chunks(): Chunk[];
}

/**
 * Chunks as they came: a response goes out in those that its producer made. A position is a number of chunks.
 */
export class KeptChunks implements Kept {
  readonly #chunks: Chunk[] = [];
  #start = 0;

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#start + this.#chunks.length;
  }

  push(chunk: Chunk): void {
    this.#chunks.push(chunk);
  }

  next(cursor: Cursor): Chunk | undefined {
    const chunk = this.#chunks[cursor.position - this.#start];
    if (chunk !== undefined) cursor.position += 1;
    return chunk;
  }

  forget(position: number): void {
    this.#chunks.splice(0, position - this.#start);
    this.#start = position;
  }

  chunks(): Chunk[] {
    return [...this.#chunks];
  }
}
