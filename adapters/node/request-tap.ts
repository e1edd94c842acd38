import { ClientDisconnect, misuse, tooLarge } from '../../core/index.js';
import { ChunkQueue } from './chunk-queue.js';
import type { RequestInternals as Internals, NativeRequest } from './node-types.js';
import { define, hasReader, refill } from './refill-request.js';

/** How long a reader of ours waits for a native one that does not go on, in milliseconds. */
const patience = 5_000;
/** What one reader may be ahead of the other in any case, in bytes: as much as arrives at once. */
const readAhead = 256 * 1024;

/**
 * The body of a native request for readers of ours beside the native ones, whoever comes first.
 *
 * What arrives goes to the native stream as it always has, and its chunks (not copies of them) are kept until a reader of ours has taken
 * them: up to the limit, beyond which they are let go. Where a reader of ours comes first, what it reads waits in the native stream
 * for whoever comes next, up to the limit, too. So a native reader is never held up by one of ours, nor changed in anything that it sees;
 * and who is left behind by more than the limit gets a 413.
 */
export class RequestTap {
  readonly #req: Internals;
  readonly #push: Internals['push'];
  readonly #read: Internals['_read'];
  readonly #limit: () => number;
  readonly #chunks = new ChunkQueue();
  /** Whether a reader of ours is at work. */
  #isOpen = false;
  #wasOpened = false;
  /** Whether chunks were let go that no reader of ours has taken. */
  #isForgotten = false;
  /** Whether the native stream is given something else, or nothing. */
  #isCut = false;
  #isDraining = false;
  #ended = false;
  /** Bytes that have arrived. */
  #received = 0;
  #failure: Error | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #wake: () => void = () => undefined;

  private constructor(req: Internals, limit: () => number) {
    this.#req = req;
    this.#limit = limit;
    this.#push = req.push;
    this.#read = req._read;
    const { buffer, bufferIndex = 0, ended } = req._readableState;
    this.#ended = ended;
    if (req.readableLength > 0) for (const chunk of [...buffer].slice(bufferIndex)) this.#keep(chunk);
    define(req, 'push', (chunk: unknown, encoding?: BufferEncoding) => this.#arrived(chunk, encoding));
  }

  /** Begins to listen; not where somebody has read already, or where what has arrived has been made a text. */
  static on(req: NativeRequest, limit: () => number): RequestTap | undefined {
    const isText = req.readableEncoding !== null && req.readableLength > 0;
    if (req.readableDidRead || req.readableEnded || isText) return undefined;
    return new RequestTap(req as Internals, limit);
  }

  /** Whether the body can be read from its beginning. */
  get isWhole(): boolean {
    return !this.#isForgotten;
  }

  /** The body, for one reader: the `Body` of the request, which has readers of its own. */
  open(): AsyncIterable<Uint8Array> {
    this.#isOpen = true;
    this.#wasOpened = true;
    if (!this.#ended) {
      const gone = (): void => this.#fail(new ClientDisconnect());
      this.#req.once('close', gone);
      if (this.#req.destroyed) gone();
    }
    const iterator = { next: () => this.#next(), return: () => this.#leave() };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /** From here on the native stream is given something else. */
  cut(): void {
    this.#isCut = true;
  }

  /**
   * The response is out. What has arrived may still be read; what is yet to come and nobody waits for is taken off the connection, as Node
   * does it with a request that nobody has read.
   */
  close(): void {
    if (this.#ended || (!this.#isCut && hasReader(this.#req))) return;
    const isGone = this.#req.destroyed || this.#req.socket?.destroyed;
    this.#fail(isGone ? new ClientDisconnect() : misuse('BODY_CONSUMED', 'request'));
    if (isGone || !(this.#wasOpened || this.#isCut)) return;
    this.#isDraining = true;
    this.#req.resume();
    this.#pull();
  }

  #arrived(chunk: unknown, encoding: BufferEncoding | undefined): boolean {
    if (chunk === null && this.#req.httpVersionMajor >= 2) setImmediate(() => this.#end());
    else if (chunk === null) this.#end();
    else if (!this.#isDraining) this.#keep(chunk as Uint8Array | string);
    const hasRoom = !this.#isCut && Reflect.apply(this.#push, this.#req, [chunk, encoding]);
    return hasRoom || this.#isDraining || this.#wantsMore;
  }

  #keep(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#received += bytes.byteLength;
    if (this.#isForgotten) return;
    this.#chunks.push(bytes);
    const most = this.#isOpen ? this.#most : this.#limit();
    if (this.#chunks.size > most) this.#forget();
    this.#wake();
  }

  #forget(): void {
    this.#isForgotten = true;
    this.#chunks.clear();
  }

  #end(): void {
    if (this.#failure) return;
    if (this.#isCutOff) return this.#fail(new ClientDisconnect());
    this.#ended = true;
    this.#wake();
  }

  /** HTTP/2 ends a stream that is aborted in the same way as one that is complete, and tells of the abort after that. */
  get #isCutOff(): boolean {
    const { aborted, stream, headers, httpVersionMajor } = this.#req;
    if (httpVersionMajor < 2) return false;
    const declared = Number(headers['content-length'] ?? this.#received);
    return aborted || stream?.aborted === true || this.#received < declared;
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#failure ??= error;
    this.#wake();
  }

  get #most(): number {
    return Math.max(this.#limit(), readAhead);
  }

  /** Whether a reader of ours has room, and the native stream has, or is not read. */
  get #wantsMore(): boolean {
    const isAhead = !this.#isCut && this.#req.readableLength > this.#most;
    return (
      this.#isOpen && !this.#isForgotten && this.#chunks.size < this.#req.readableHighWaterMark && !isAhead
    );
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.take();
      if (chunk !== undefined) return { value: chunk, done: false };
      if (this.#isForgotten) throw tooLarge(this.#limit());
      if (this.#ended) return { value: undefined, done: true };
      if (this.#failure) throw this.#failure;
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve;
      });
      this.#demand();
      await woken;
      clearTimeout(this.#patience);
    }
  }

  async #leave(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isOpen = false;
    this.#forget();
    return { value: undefined, done: true };
  }

  #demand(): void {
    const req = this.#req;
    if (!this.#isCut && req.readableLength > this.#most) {
      if (hasReader(req)) return this.#waitForNative(req.readableLength);
      refill(req, failing(tooLarge(this.#limit())));
      this.#isCut = true;
    }
    this.#pull();
  }

  /**
   * A native reader that is at work takes its time, and goes on to read. One that stands still may never do so, and may itself wait for whoever
   * reads here: then this one is left behind.
   */
  #waitForNative(before: number): void {
    this.#patience = setTimeout(() => {
      const now = this.#req.readableLength;
      if (now < before) return this.#waitForNative(now);
      this.#forget();
      this.#wake();
    }, patience);
  }

  /** Node gives more of the connection. */
  #pull(): void {
    Reflect.apply(this.#read, this.#req, [this.#req.readableHighWaterMark]);
  }
}

function failing(error: Error): AsyncIterator<never> {
  return { next: () => Promise.reject(error) };
}
