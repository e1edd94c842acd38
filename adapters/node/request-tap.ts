import { Readable } from 'node:stream';
import { ClientDisconnect, misuse, tooLarge } from '../../core/index.js';
import { ChunkQueue } from './chunk-queue.js';
import type { NativeRequest } from './node-types.js';

/** How long a reader of ours waits for a native one that does not go on, in milliseconds. */
const patience = 5_000;
/** What one reader may be ahead of the other in any case, in bytes: as much as arrives at once. */
const readAhead = 256 * 1024;

/** Parts of a readable stream that Node does not document; they are the same from Node 18 to 24. */
type Internals = NativeRequest & {
  /** Whether Node drops what arrives, because the response is out and nobody has read. */
  readonly _dumped?: boolean;
  /** HTTP/2 only. */
  readonly stream?: { readonly aborted: boolean };
  readonly _readableState: {
    autoDestroy: boolean;
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
    // The stream that took its place has ended before, and closes now.
    if (this.#isCut && this.#req.readableEnded) this.#req.destroy();
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

/** Whether native code listens to what arrives. */
function hasReader(req: NativeRequest): boolean {
  return req.listenerCount('data') > 0 || req.listenerCount('readable') > 0;
}

function define(req: NativeRequest, name: string, value: unknown): void {
  Object.defineProperty(req, name, { value, configurable: true, writable: true });
}

/** A stream that has not been read, and gives these chunks to whoever reads it. */
export function refill(given: NativeRequest, chunks: AsyncIterator<Uint8Array | string>): void {
  const req = given as Internals;
  const { readableHighWaterMark: highWaterMark, readableFlowing } = req;
  const { ReadableState } = Readable as unknown as {
    ReadableState: new (options: object, stream: unknown, isDuplex: boolean) => object;
  };
  // Where this is told of its end, the stream before would go on to destroy what is the new one by then.
  req._readableState.autoDestroy = false;
  Reflect.set(req, '_readableState', new ReadableState({ highWaterMark, autoDestroy: false }, req, false));
  // The request itself may still be on its way, and destroying it before would cut the connection.
  req.once('end', () => {
    if (req.complete) req.destroy();
  });
  // Without a tap there was no body, and its end is still to come.
  if (!Object.hasOwn(req, 'push')) define(req, 'push', () => true);
  const give = (chunk: unknown): boolean => Reflect.apply(Readable.prototype.push, req, [chunk]);
  define(req, '_read', () => {
    chunks.next().then(
      ({ value, done }) => give(done ? null : asBuffer(value)),
      error => failRead(req, error, () => give(null)),
    );
  });
  if (readableFlowing === false) req.pause();
  else if (readableFlowing) req.resume();
}

/** As Node tells of a request that fails: by an error, and by no end for those who read. */
function failRead(req: NativeRequest, error: Error, end: () => void): void {
  if (req.listenerCount('error') > 0) req.emit('error', error);
  else if (hasReader(req)) return void req.destroy(error);
  // Who has let go on the error may wait for the end before it answers, as body-parser does.
  if (!hasReader(req)) end();
}

function asBuffer(chunk: Uint8Array | string): Buffer {
  return typeof chunk === 'string'
    ? Buffer.from(chunk)
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function failing(error: Error): AsyncIterator<never> {
  return { next: () => Promise.reject(error) };
}
