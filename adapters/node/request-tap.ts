import { Readable } from 'node:stream';
import { ClientDisconnect, misuse, tooLarge } from '../../core/index.js';
import type { NativeRequest } from './node-types.js';

/** What one reader may be ahead of the other in any case, in bytes: as much as arrives at once. */
const readAhead = 256 * 1024;

/** Parts of a readable stream that Node does not document; they are the same from Node 18 to 24. */
type Internals = NativeRequest & {
  readonly _readableState: {
    readonly buffer: Iterable<Uint8Array | string>;
    readonly bufferIndex?: number;
    readonly ended: boolean;
  };
  _read(size: number): void;
  push(chunk: unknown, encoding?: BufferEncoding): boolean;
};

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
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Whether a reader of ours is at work. */
  #isOpen = false;
  #wasOpened = false;
  /** Whether chunks were let go that no reader of ours has taken. */
  #isForgotten = false;
  /** Whether the native stream is given something else, or nothing. */
  #isCut = false;
  #isDraining = false;
  #ended = false;
  #failure: Error | undefined;
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

  /** Begins to listen; not where somebody has read already. */
  static on(req: NativeRequest, limit: () => number): RequestTap | undefined {
    if (req.readableDidRead || req.readableEnded || isCoded(req)) return undefined;
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
    if (this.#ended || !(this.#wasOpened || this.#isCut)) return;
    if (!this.#isCut && hasReader(this.#req)) return;
    this.#isDraining = true;
    const isGone = this.#req.destroyed || this.#req.socket?.destroyed;
    this.#fail(isGone ? new ClientDisconnect() : misuse('BODY_CONSUMED', 'request'));
    if (isGone) return;
    this.#req.resume();
    this.#pull();
  }

  #arrived(chunk: unknown, encoding: BufferEncoding | undefined): boolean {
    if (chunk === null) this.#end();
    else if (!this.#isDraining) this.#keep(chunk as Uint8Array | string);
    const hasRoom = !this.#isCut && Reflect.apply(this.#push, this.#req, [chunk, encoding]);
    return hasRoom || this.#isDraining || this.#wantsMore;
  }

  #keep(chunk: Uint8Array | string): void {
    if (this.#isForgotten) return;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#chunks.push(bytes);
    this.#size += bytes.byteLength;
    const most = this.#isOpen ? this.#most : this.#limit();
    if (this.#size > most) this.#forget();
    this.#wake();
  }

  #forget(): void {
    this.#isForgotten = true;
    this.#chunks = [];
    this.#size = 0;
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
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
    return this.#isOpen && !this.#isForgotten && this.#size < this.#req.readableHighWaterMark && !isAhead;
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.byteLength;
        return { value: chunk, done: false };
      }
      if (this.#isForgotten) throw tooLarge(this.#limit());
      if (this.#ended) return { value: undefined, done: true };
      if (this.#failure) throw this.#failure;
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve;
      });
      this.#demand();
      await woken;
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
      // A native reader that is at work takes its time, and goes on to read.
      if (hasReader(req)) return;
      refill(req, failing(tooLarge(this.#limit())));
      this.#isCut = true;
    }
    this.#pull();
  }

  /** Node gives more of the connection. */
  #pull(): void {
    Reflect.apply(this.#read, this.#req, [this.#req.readableHighWaterMark]);
  }
}

/** Whether native code listens to what arrives. */
function hasReader(req: NativeRequest): boolean {
  return req.listenerCount('data') > 0 || req.listenerCount('readable') > 0;
}

/** Whether somebody has told the stream to give texts. */
function isCoded(req: NativeRequest): boolean {
  return req.readableEncoding !== null;
}

function define(req: NativeRequest, name: string, value: unknown): void {
  Object.defineProperty(req, name, { value, configurable: true, writable: true });
}

/** A stream that has not been read, and gives these chunks to whoever reads it. */
export function refill(req: NativeRequest, chunks: AsyncIterator<Uint8Array | string>): void {
  const { readableHighWaterMark: highWaterMark, readableFlowing } = req;
  const { ReadableState } = Readable as unknown as {
    ReadableState: new (options: object, stream: unknown, isDuplex: boolean) => object;
  };
  Reflect.set(req, '_readableState', new ReadableState({ highWaterMark, autoDestroy: false }, req, false));
  // Without a tap there was no body, and its end is still to come.
  if (!Object.hasOwn(req, 'push')) define(req, 'push', () => true);
  const give = (chunk: unknown): boolean => Reflect.apply(Readable.prototype.push, req, [chunk]);
  define(req, '_read', () => {
    chunks.next().then(
      ({ value, done }) => give(done ? null : asBuffer(value)),
      error => {
        if (req.listenerCount('error') === 0 && hasReader(req)) return void req.destroy(error);
        if (req.listenerCount('error') > 0) req.emit('error', error);
        // body-parser reads on to the end after an error, and answers then.
        give(null);
      },
    );
  });
  if (readableFlowing === false) req.pause();
  else if (readableFlowing) req.resume();
}

function asBuffer(chunk: Uint8Array | string): Buffer {
  return typeof chunk === 'string'
    ? Buffer.from(chunk)
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function failing(error: Error): AsyncIterator<never> {
  return { next: () => Promise.reject(error) };
}
