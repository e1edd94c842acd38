/** A chunk is small where what describes it is more than what it holds. */
const small = 1024;
const run = 256;
/** What one reader is given at once, where there are many chunks, in bytes. */
const atOnce = 64 * 1024;

/** Chunks that wait to be taken. A body that comes in tiny ones costs no more than its bytes: they are put together. */
export class ChunkQueue {
  #chunks: Uint8Array[] = [];
  #first = 0;
  /** How many small ones are last. */
  #run = 0;
  #size = 0;

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    this.#run = chunk.byteLength < small ? this.#run + 1 : 0;
    if (this.#run < run) return;
    this.#chunks.push(Buffer.concat(this.#chunks.splice(-run)));
    this.#run = 0;
  }

  /** The next chunk, or several as one; `undefined` where none waits. */
  take(): Uint8Array | undefined {
    const first = this.#chunks[this.#first];
    if (first === undefined) return undefined;
    let end = this.#first + 1;
    let size = first.byteLength;
    for (let next = this.#chunks[end]; next && size + next.byteLength <= atOnce; next = this.#chunks[end]) {
      size += next.byteLength;
      end += 1;
    }
    const taken = this.#chunks.slice(this.#first, end);
    this.#first = end;
    this.#size -= size;
    this.#run = Math.min(this.#run, this.#chunks.length - end);
    // What has been taken is dropped when it is half of what there is, so that each is moved once.
    if (this.#first * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
    return taken.length === 1 ? first : Buffer.concat(taken, size);
  }

  clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#run = 0;
    this.#size = 0;
  }
}
