import { type Chunk, toBytes } from './body-source.js';
import type { Cursor, Kept } from './kept-chunks.js';

/** A chunk of fewer bytes is copied: an object of its own takes more memory than they do. */
const small = 1024;
/**
 * A chunk that is less than this part of the memory it lies in is copied, so that it does not keep all of
 * that.
 */
const share = 4;
const smallestPage = 1024;
const largestPage = 64 * 1024;
const nothing = new Uint8Array(0);

/**
 * The bytes of a body, which a client may send in chunks of any size. Small chunks are copied into pages, so
 * that what is kept takes a small multiple of its size. A position is a number of bytes.
 */
export class KeptBytes implements Kept {
  #chunks: Uint8Array[] = [];
  /** Where each chunk ends. */
  #ends: number[] = [];
  /** The first chunk that is left, in both. */
  #first = 0;
  #start = 0;
  /** What the last chunk is the beginning of, where there is room for more. */
  #page: Uint8Array | undefined;

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#ends.at(-1) ?? this.#start;
  }

  /** Bytes. */
  get size(): number {
    return this.end - this.#start;
  }

  push(chunk: Chunk): void {
    const bytes = toBytes(chunk);
    if (bytes.byteLength === 0 || this.#fillPage(bytes)) return;
    const pageSize = this.#closePage();
    // The only one is what most bodies are: it is not copied.
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

  /** The first chunk, which is not kept any longer. */
  take(): Uint8Array | undefined {
    if (this.size === 0) return undefined;
    const chunk = this.#chunkFrom(this.#first, this.#start);
    this.forget(this.#ends[this.#first] as number);
    return chunk;
  }

  /** One chunk after the other, as `take` gives them. */
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
    // What was dropped is cut off when it is half of what there is, so that each is moved once.
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

  /** All that is left, in one. */
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

  /** Copies bytes behind the last chunk, where there is room for them. */
  #fillPage(bytes: Uint8Array): boolean {
    const last = this.#chunks.at(-1);
    const page = this.#page;
    if (!page || !last || last.byteLength + bytes.byteLength > page.byteLength) return false;
    page.set(bytes, last.byteLength);
    this.#chunks[this.#chunks.length - 1] = page.subarray(0, last.byteLength + bytes.byteLength);
    this.#ends[this.#ends.length - 1] = this.end + bytes.byteLength;
    return true;
  }

  /** Gives up what is free of the page. The next page is twice what this one was filled with. */
  #closePage(): number {
    const page = this.#page;
    const last = this.#chunks.at(-1);
    if (!page || !last) return smallestPage;
    this.#page = undefined;
    if (last.byteLength * 2 < page.byteLength) this.#chunks[this.#chunks.length - 1] = last.slice();
    return Math.min(Math.max(last.byteLength * 2, smallestPage), largestPage);
  }

  /** The chunk that holds the position. */
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
