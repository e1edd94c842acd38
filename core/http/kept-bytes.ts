import { type Chunk, toBytes } from './body-source.js';
import type { Cursor, Kept } from './kept-chunks.js';

/** Chunks with fewer bytes are copied, because a separate object takes more memory than they do. */
const small = 1024;
/** A chunk smaller than this fraction of its buffer is copied, so that it does not keep the buffer alive. */
const share = 4;
const smallestPage = 1024;
const largestPage = 64 * 1024;
const nothing = new Uint8Array(0);

/**
 * The bytes of a body, in chunks of any size. Small chunks are copied into pages, which bounds the memory to
 * a small multiple of the size. A position is a number of bytes.
 */
export class KeptBytes implements Kept {
  #chunks: Uint8Array[] = [];
  /** The end position of each chunk. */
  #ends: number[] = [];
  /** The index of the first remaining chunk, in both arrays. */
  #first = 0;
  #start = 0;
  /** The page that the last chunk begins, if it has room. */
  #page: Uint8Array | undefined;

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#ends.at(-1) ?? this.#start;
  }

  /** In bytes. */
  get size(): number {
    return this.end - this.#start;
  }

  push(chunk: Chunk): void {
    const bytes = toBytes(chunk);
    if (bytes.byteLength === 0 || this.#fillPage(bytes)) return;
    const pageSize = this.#closePage();
    // Most bodies are a single chunk: return it without a copy.
    if (this.size === 0 || isCompact(bytes)) return this.#add(bytes);
    const page = new Uint8Array(Math.max(pageSize, bytes.byteLength));
    page.set(bytes);
    this.#page = page;
    this.#add(page.subarray(0, bytes.byteLength));
  }

  next(cursor: Cursor): Uint8Array | undefined {
    if (cursor.position >= this.end) return undefined;
    const index = this.#indexAt(cursor.position);
    const rest = this.#chunkFrom(index, cursor.position);
    cursor.position = this.#ends[index] as number;
    return rest;
  }

  /** Removes and returns the first chunk. */
  take(): Uint8Array | undefined {
    if (this.size === 0) return undefined;
    const chunk = this.#chunkFrom(this.#first, this.#start);
    this.forget(this.#ends[this.#first] as number);
    return chunk;
  }

  /** Removes and yields one chunk after the other. */
  *takeAll(): Generator<Uint8Array, void, unknown> {
    for (let chunk = this.take(); chunk; chunk = this.take()) yield chunk;
  }

  forget(position: number): void {
    this.#start = position;
    while ((this.#ends[this.#first] ?? Number.POSITIVE_INFINITY) <= position) {
      this.#chunks[this.#first] = nothing;
      this.#first += 1;
    }
    if (this.#first === this.#chunks.length) this.#page = undefined;
    // Compact when half of the arrays is unused, so that each entry is moved once.
    if (this.#first * 2 < this.#chunks.length) return;
    this.#chunks = this.#chunks.slice(this.#first);
    this.#ends = this.#ends.slice(this.#first);
    this.#first = 0;
  }

  chunks(): Uint8Array[] {
    const chunks = this.#chunks.slice(this.#first);
    if (this.size > 0) chunks[0] = this.#chunkFrom(this.#first, this.#start);
    return chunks;
  }

  /** All remaining bytes, as one array. */
  joined(): Uint8Array {
    const chunks = this.chunks();
    if (chunks.length === 1 && chunks[0]) return chunks[0];
    const whole = new Uint8Array(this.size);
    let offset = 0;
    for (const chunk of chunks) {
      whole.set(chunk, offset);
      offset += chunk.byteLength;
    }
    return whole;
  }

  #chunkFrom(index: number, position: number): Uint8Array {
    const chunk = this.#chunks[index] as Uint8Array;
    const unread = (this.#ends[index] as number) - position;
    return unread === chunk.byteLength ? chunk : chunk.subarray(chunk.byteLength - unread);
  }

  #add(bytes: Uint8Array): void {
    this.#ends.push(this.end + bytes.byteLength);
    this.#chunks.push(bytes);
  }

  /** Copies bytes to the page, if they fit. */
  #fillPage(bytes: Uint8Array): boolean {
    const last = this.#chunks.at(-1);
    const page = this.#page;
    if (!page || !last || last.byteLength + bytes.byteLength > page.byteLength) return false;
    page.set(bytes, last.byteLength);
    this.#chunks[this.#chunks.length - 1] = page.subarray(0, last.byteLength + bytes.byteLength);
    this.#ends[this.#ends.length - 1] = this.end + bytes.byteLength;
    return true;
  }

  /** Trims the page. Returns the size of the next one: twice what this one holds. */
  #closePage(): number {
    const page = this.#page;
    const last = this.#chunks.at(-1);
    if (!page || !last) return smallestPage;
    this.#page = undefined;
    if (last.byteLength * 2 < page.byteLength) this.#chunks[this.#chunks.length - 1] = last.slice();
    return Math.min(Math.max(last.byteLength * 2, smallestPage), largestPage);
  }

  #indexAt(position: number): number {
    let low = this.#first;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ends[middle] as number) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function isCompact(bytes: Uint8Array): boolean {
  return bytes.byteLength >= small && bytes.byteLength * share >= bytes.buffer.byteLength;
}
