import {
  ClientDisconnect,
  contentTooLarge,
  KeptBytes,
  misuse,
  type RequestSource,
  tooLarge,
} from '../../../core/adapter.js';
import { http2Stream } from '../http2-stream.js';
import type { RequestInternals as Internals, NativeRequest } from '../node-types.js';
import { setImmediate } from '../turns.js';
import { NativeBacklog } from './native-backlog.js';
import { define, hasReader, refill } from './refill-request.js';

/** How long a reader of ours waits for a native one that does not go on, in milliseconds. */
const patience = 5_000;
/** What one reader may be ahead of the other in any case, in bytes: as much as arrives at once. */
const readAhead = 256 * 1024;

/** How much of a body may be held, and how much may come at all. */
interface Limits extends Pick<RequestSource, 'maxBodySize' | 'bodyLimit'> {
  /** Native code reads on where more has come than may: whether it can be told is told. */
  refused(error: Error, isTold: boolean): void;
}

/**
 * The body of a native request for readers of ours beside the native ones, whoever comes first.
 *
 * What arrives goes to the native stream as it always has, and is kept until a reader of ours has taken it: up to the limit, beyond
 * which it is dropped. What the native stream holds itself does not count. Where a reader of ours comes first, what it reads waits for
 * the native reader that comes next, up to the limit, too. So a native reader is never held up by one of ours, and sees no difference;
 * a reader that is left behind by more than the limit gets a 413.
 */
export class RequestTap {
  readonly #req: Internals;
  /** `pipeline` takes it off a request that fails. */
  readonly #socket: NativeRequest['socket'];
  readonly #push: Internals['push'];
  readonly #read: Internals['_read'];
  readonly #limits: Limits;
  /** What no reader of ours has taken yet. */
  readonly #kept = new KeptBytes();
  /** What native code has yet to be given, beyond what its stream holds; made when a reader of ours gets ahead of it. */
  #backlog: NativeBacklog | undefined;
  /** Whether a reader of ours is at work. */
  #isOpen = false;
  #wasOpened = false;
  /** Whether something was dropped that no reader of ours has taken. */
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

  private constructor(req: Internals, limits: Limits) {
    this.#req = req;
    this.#socket = req.socket;
    this.#limits = limits;
    this.#push = req.push;
    this.#read = req._read;
    const { buffer, bufferIndex = 0, ended } = req._readableState;
    this.#ended = ended;
    if (req.readableLength > 0) for (const chunk of [...buffer].slice(bufferIndex)) this.#keep(chunk);
    define(req, 'push', (chunk: unknown, encoding?: BufferEncoding) => this.#arrived(chunk, encoding));
  }

  /** Begins to listen; not where somebody has read already, or where what has arrived has been made a text. */
  static on(req: NativeRequest, limits: Limits): RequestTap | undefined {
    const isText = req.readableEncoding !== null && req.readableLength > 0;
    if (req.readableDidRead || req.readableEnded || isText) return undefined;
    return new RequestTap(req as Internals, limits);
  }

  /** Whether the body can be read from its beginning. */
  get isWhole(): boolean {
    this.#dropTooMuch();
    return !this.#isForgotten;
  }

  /** The body, for one reader: the `Body` of the request, which has readers of its own. */
  open(): AsyncIterable<Uint8Array> {
    const declared = Number(this.#req.headers['content-length'] ?? this.#received);
    if (declared > this.#limits.bodyLimit) throw contentTooLarge(this.#limits.bodyLimit);
    this.#dropTooMuch();
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
    this.#backlog?.clear();
  }

  /**
   * The response is out. What has arrived may still be read; what is yet to come and nobody waits for is taken off the connection, as Node
   * does it with a request that nobody has read.
   */
  close(): void {
    if (this.#ended || (!this.#isCut && hasReader(this.#req))) return;
    const isGone = this.#isGone;
    this.#fail(isGone ? new ClientDisconnect() : misuse('BODY_CONSUMED', 'request'));
    if (isGone || !(this.#wasOpened || this.#isCut)) return;
    this.#isDraining = true;
    this.#req.resume();
    this.#pull();
  }

  /** A request that is told to be closed may still be coming in. */
  get #isGone(): boolean {
    return http2Stream(this.#req)?.destroyed === true || this.#socket?.destroyed === true;
  }

  #arrived(chunk: unknown, encoding: BufferEncoding | undefined): boolean {
    if (chunk === null && http2Stream(this.#req)) setImmediate(() => this.#end());
    else if (chunk === null) this.#end();
    else if (!this.#isDraining) this.#keep(chunk as Uint8Array | string);
    if (this.#isTooMuch && hasReader(this.#req)) this.#refuse();
    const hasRoom = !this.#isCut && this.#forward(chunk, encoding);
    this.#dropTooMuch();
    return hasRoom || this.#isDraining || this.#wantsMore;
  }

  #keep(chunk: Uint8Array | string): void {
    const bytes = asBytes(chunk);
    this.#received += bytes.byteLength;
    if (this.#isForgotten) return;
    this.#kept.push(bytes);
    this.#wake();
  }

  /** Whether there is room for more on the native side. */
  #forward(chunk: unknown, encoding: BufferEncoding | undefined): boolean {
    const req = this.#req;
    const isBehind = this.#backlog !== undefined && this.#backlog.size > 0;
    const isLeftBehind = this.#isOpen && req.readableLength > 0 && !req.readableFlowing && !hasReader(req);
    if (!isBehind && (chunk === null || !isLeftBehind))
      return Reflect.apply(this.#push, req, [chunk, encoding]);
    this.#backlog ??= new NativeBacklog(req, given => Reflect.apply(this.#push, req, [given]));
    if (chunk === null) this.#backlog.end();
    else this.#backlog.add(asBytes(chunk as Uint8Array | string, encoding));
    return this.#waitsForNative < req.readableHighWaterMark;
  }

  /** Bytes that native code has not read. */
  get #waitsForNative(): number {
    return this.#req.readableLength + (this.#backlog?.size ?? 0);
  }

  /** How much is kept for readers of ours is said by the layers, the innermost last. */
  #dropTooMuch(): void {
    const alone = this.#isOpen || this.#isCut ? this.#kept.size : this.#kept.size - this.#waitsForNative;
    if (alone > (this.#isOpen ? this.#most : this.#limits.maxBodySize)) this.#forget();
  }

  get #isTooMuch(): boolean {
    return this.#received > this.#limits.bodyLimit;
  }

  /** Who reads may find that what has come already is too much: how much may come is said when middleware is reached, the innermost last. */
  watch(): void {
    const { read } = this.#req;
    define(this.#req, 'read', (size?: number) => {
      if (this.#isTooMuch && this.#isRead(size)) this.#refuse();
      return Reflect.apply(read, this.#req, [size]);
    });
  }

  /** Node itself asks for nothing where it only wants more to come, and takes off what nobody has read when the response is out. */
  #isRead(size: number | undefined): boolean {
    return !this.#req._dumped && (size !== 0 || hasReader(this.#req));
  }

  /** More has come than may come at all: whoever reads is told so, and nothing of it is kept. */
  #refuse(): void {
    if (this.#isCut) return;
    this.cut();
    const error = contentTooLarge(this.#limits.bodyLimit);
    this.#fail(error);
    this.#forget();
    Reflect.deleteProperty(this.#req, 'read');
    refill(this.#req, failing(error), isTold => this.#limits.refused(error, isTold));
    // Who waits for more is told at once.
    if (hasReader(this.#req)) this.#req.read(0);
  }

  #forget(): void {
    this.#isForgotten = true;
    this.#kept.forget(this.#kept.end);
  }

  #end(): void {
    if (this.#failure) return;
    if (this.#isCutOff) return this.#fail(new ClientDisconnect());
    this.#ended = true;
    this.#wake();
  }

  /** HTTP/2 ends a stream that is aborted in the same way as one that is complete, and tells of the abort after that. */
  get #isCutOff(): boolean {
    const stream = http2Stream(this.#req);
    if (!stream) return false;
    const { aborted, headers } = this.#req;
    const declared = Number(headers['content-length'] ?? this.#received);
    return aborted || stream.aborted || this.#received < declared;
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#failure ??= error;
    this.#wake();
  }

  get #most(): number {
    return Math.max(this.#limits.maxBodySize, readAhead);
  }

  /** Whether a reader of ours has room, and the native stream has, or is not read. */
  get #wantsMore(): boolean {
    const isAhead = !this.#isCut && this.#waitsForNative > this.#most;
    return (
      this.#isOpen && !this.#isForgotten && this.#kept.size < this.#req.readableHighWaterMark && !isAhead
    );
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      if (this.#isTooMuch) throw contentTooLarge(this.#limits.bodyLimit);
      const chunk = this.#kept.take();
      if (chunk !== undefined) return { value: chunk, done: false };
      if (this.#isForgotten) throw tooLarge(this.#limits.maxBodySize);
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
    if (!this.#isCut && this.#waitsForNative > this.#most) {
      if (hasReader(req)) return this.#waitForNative(this.#waitsForNative);
      this.cut();
      refill(req, failing(tooLarge(this.#limits.maxBodySize)));
    }
    this.#pull();
  }

  /**
   * A native reader that is at work takes its time, and goes on to read. One that stands still may never do so, and may itself wait for whoever
   * reads here: then this one is left behind.
   */
  #waitForNative(before: number): void {
    this.#patience = setTimeout(() => {
      const now = this.#waitsForNative;
      if (now < before) return this.#waitForNative(now);
      this.#forget();
      this.#wake();
    }, patience);
  }

  /** Node gives more of the connection. */
  #pull(): void {
    if (this.#req.socket) Reflect.apply(this.#read, this.#req, [this.#req.readableHighWaterMark]);
    else this.#socket?.resume();
  }
}

function asBytes(chunk: Uint8Array | string, encoding?: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

function failing(error: Error): AsyncIterator<never> {
  return { next: () => Promise.reject(error) };
}
