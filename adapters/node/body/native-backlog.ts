import { KeptBytes } from '../../../core/adapter.js';
import type { RequestInternals as Internals } from '../node-types.js';
import { nextTick } from '../turns.js';
import { asBuffer, define } from './refill-request.js';

/**
 * What a reader of ours is ahead of the native stream. The stream itself would keep an object for each chunk,
 * however small; it is given the bytes in pages when native code reads.
 *
 * While data waits here some is left in the native stream, so that listeners for 'readable' are called.
 */
export class NativeBacklog {
  readonly #req: Internals;
  readonly #push: (chunk: Buffer | null) => boolean;
  readonly #kept = new KeptBytes();
  #isEnded = false;
  #isHooked = false;
  /** Whether it is about to give more. */
  #isGiving = false;

  /** `push` is the stream's own. */
  constructor(req: Internals, push: (chunk: Buffer | null) => boolean) {
    this.#req = req;
    this.#push = push;
  }

  /** Bytes. */
  get size(): number {
    return this.#kept.size;
  }

  add(chunk: Uint8Array): void {
    this.#kept.push(chunk);
    if (!this.#isHooked) this.#hook();
  }

  /** The body ends behind what waits. */
  end(): void {
    this.#isEnded = true;
  }

  /** The stream is given something else. */
  clear(): void {
    this.#kept.forget(this.#kept.end);
    this.#isEnded = false;
  }

  #hook(): void {
    const req = this.#req;
    const { read } = req;
    this.#isHooked = true;
    define(req, 'read', (size?: number) => {
      const chunk = Reflect.apply(read, req, [size]);
      // As what arrives does, it comes when native code has what it has read.
      if (this.#isWaiting && !this.#isGiving) {
        this.#isGiving = true;
        nextTick(() => this.#give());
      }
      return chunk;
    });
  }

  get #isWaiting(): boolean {
    return this.#isEnded || this.#kept.size > 0;
  }

  /** Fills the stream up to its mark. */
  #give(): void {
    const req = this.#req;
    this.#isGiving = false;
    while (this.#kept.size > 0 && req.readableLength < req.readableHighWaterMark)
      this.#push(asBuffer(this.#kept.take() as Uint8Array));
    if (!this.#isEnded || this.#kept.size > 0) return;
    this.#isEnded = false;
    this.#push(null);
  }
}
