import {
  ClientDisconnect,
  contentTooLarge,
  misuse,
  type RequestSource,
  tooLarge,
} from '../../../core/adapter.js';
import { http2Stream } from '../http2-stream.js';
import type { RequestInternals as Internals, NativeRequest } from '../node-types.js';
import { setImmediate } from '../turns.js';
import { ArrivedBody } from './arrived-body.js';
import { NativeBacklog } from './native-backlog.js';
import { asBytes, define, failing, hasReader, refill } from './refill-request.js';
import { isCutOff, isGone } from './request-end.js';

/** How long one of our readers waits for a native reader that stands still, in milliseconds. */
const patience = 5_000;
/** How far one reader may always be ahead of the other, in bytes: as much as arrives at once. */
const readAhead = 256 * 1024;

/** How much of a body may be kept, and how much may arrive at all. */
interface Limits extends Pick<RequestSource, 'maxBodySize' | 'bodyLimit'> {
  /** Called when native code reads more than is allowed; `isTold` is whether it listens for errors. */
  refused(error: Error, isTold: boolean): void;
}

/**
 * The body of a native request for our readers and for native ones, whoever comes first.
 *
 * Arriving bytes go to the native stream as usual, and are kept for our reader up to the limit, beyond which
 * they are dropped; bytes in the native stream do not count. Bytes that our reader takes first are kept for
 * the native reader, up to the same limit. So a native reader is never delayed, and a reader that falls
 * behind by more gets a 413.
 */
export class RequestTap {
  readonly #req: Internals;
  /** `pipeline` removes it from a request that fails. */
  readonly #socket: NativeRequest['socket'];
  readonly #push: Internals['push'];
  readonly #read: Internals['_read'];
  readonly #limits: Limits;
  readonly #arrived = new ArrivedBody();
  /** The bytes for native code that its stream does not hold yet. */
  #backlog: NativeBacklog | undefined;
  /** Whether one of our readers is reading. */
  #isOpen = false;
  #wasOpened = false;
  /** Whether the native stream receives something else, or nothing. */
  #isCut = false;
  #isDraining = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  private constructor(req: Internals, limits: Limits) {
    this.#req = req;
    this.#socket = req.socket;
    this.#limits = limits;
    this.#push = req.push;
    this.#read = req._read;
    const { buffer, bufferIndex = 0, ended } = req._readableState;
    if (ended) this.#arrived.end();
    if (req.readableLength > 0)
      for (const chunk of [...buffer].slice(bufferIndex)) this.#arrived.keep(asBytes(chunk));
    define(req, 'push', (chunk: unknown, encoding?: BufferEncoding) => this.#pushed(chunk, encoding));
  }

  /** Starts to listen, unless something has read already or set an encoding. */
  static on(req: NativeRequest, limits: Limits): RequestTap | undefined {
    const isText = req.readableEncoding !== null && req.readableLength > 0;
    if (req.readableDidRead || req.readableEnded || isText) return undefined;
    return new RequestTap(req as Internals, limits);
  }

  /** Whether the body can be read from its start. */
  get isWhole(): boolean {
    this.#dropTooMuch();
    return !this.#arrived.isForgotten;
  }

  /** Opens the body for one reader: the `Body` of the request, which has its own readers. */
  open(): AsyncIterable<Uint8Array> {
    const declared = Number(this.#req.headers['content-length'] ?? this.#arrived.received);
    if (declared > this.#limits.bodyLimit) throw contentTooLarge(this.#limits.bodyLimit);
    this.#dropTooMuch();
    this.#isOpen = true;
    this.#wasOpened = true;
    if (!this.#arrived.hasEnded) {
      const gone = (): void => this.#arrived.fail(new ClientDisconnect());
      this.#req.once('close', gone);
      if (this.#req.destroyed) gone();
    }
    const iterator = { next: () => this.#next(), return: () => this.#leave() };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /** Stops feeding the native stream, which then receives something else. */
  cut(): void {
    this.#isCut = true;
    this.#backlog?.clear();
  }

  /**
   * Ends the tap when the response is out. Bytes that arrived can still be read; later bytes that nobody
   * waits for are taken off the connection, as Node does with an unread request.
   */
  close(): void {
    if (this.#arrived.hasEnded || (!this.#isCut && hasReader(this.#req))) return;
    const wasGone = isGone(this.#req, this.#socket);
    this.#arrived.fail(wasGone ? new ClientDisconnect() : misuse('BODY_CONSUMED', 'request'));
    if (wasGone || !(this.#wasOpened || this.#isCut)) return;
    this.#isDraining = true;
    this.#req.resume();
    this.#pull();
  }

  #pushed(chunk: unknown, encoding: BufferEncoding | undefined): boolean {
    if (chunk === null && http2Stream(this.#req)) setImmediate(() => this.#end());
    else if (chunk === null) this.#end();
    else if (!this.#isDraining) this.#arrived.keep(asBytes(chunk as Uint8Array | string));
    if (this.#isTooMuch && hasReader(this.#req)) this.#refuse();
    const hasRoom = !this.#isCut && this.#forward(chunk, encoding);
    this.#dropTooMuch();
    return hasRoom || this.#isDraining || this.#wantsMore;
  }

  /** Forwards a chunk. Returns whether the native side has room for more. */
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

  /** The number of bytes that native code has not read. */
  get #waitsForNative(): number {
    return this.#req.readableLength + (this.#backlog?.size ?? 0);
  }

  /** Drops the body if it exceeds the limit of the layers, of which the innermost is set last. */
  #dropTooMuch(): void {
    const { size } = this.#arrived;
    const alone = this.#isOpen || this.#isCut ? size : size - this.#waitsForNative;
    if (alone > (this.#isOpen ? this.#most : this.#limits.maxBodySize)) this.#arrived.forget();
  }

  get #isTooMuch(): boolean {
    return this.#arrived.received > this.#limits.bodyLimit;
  }

  /** Refuses readers if too much had arrived before the limit was set: each middleware sets its own. */
  watch(): void {
    const { read } = this.#req;
    define(this.#req, 'read', (size?: number) => {
      if (this.#isTooMuch && this.#isRead(size)) this.#refuse();
      return Reflect.apply(read, this.#req, [size]);
    });
  }

  /** Node itself reads 0 bytes to get more from the connection, and all of them when the response is out. */
  #isRead(size: number | undefined): boolean {
    return !this.#req._dumped && (size !== 0 || hasReader(this.#req));
  }

  /** Refuses a body that exceeds its limit: its readers get an error, and nothing is kept. */
  #refuse(): void {
    if (this.#isCut) return;
    this.cut();
    const error = contentTooLarge(this.#limits.bodyLimit);
    this.#arrived.fail(error);
    this.#arrived.forget();
    Reflect.deleteProperty(this.#req, 'read');
    refill(this.#req, failing(error), isTold => this.#limits.refused(error, isTold));
    // Readers that wait for more get the error at once.
    if (hasReader(this.#req)) this.#req.read(0);
  }

  #end(): void {
    if (this.#arrived.failure) return;
    if (isCutOff(this.#req, this.#arrived.received)) this.#arrived.fail(new ClientDisconnect());
    else this.#arrived.end();
  }

  get #most(): number {
    return Math.max(this.#limits.maxBodySize, readAhead);
  }

  /** Whether our reader has room, and the native stream has room or is not read. */
  get #wantsMore(): boolean {
    const { isForgotten, size } = this.#arrived;
    const isAhead = !this.#isCut && this.#waitsForNative > this.#most;
    return this.#isOpen && !isForgotten && size < this.#req.readableHighWaterMark && !isAhead;
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const arrived = this.#arrived;
    for (;;) {
      if (this.#isTooMuch) throw contentTooLarge(this.#limits.bodyLimit);
      const chunk = arrived.take();
      if (chunk !== undefined) return { value: chunk, done: false };
      if (arrived.isForgotten) throw tooLarge(this.#limits.maxBodySize);
      if (arrived.hasEnded) return { value: undefined, done: true };
      if (arrived.failure) throw arrived.failure;
      const more = arrived.more();
      this.#demand();
      await more;
      clearTimeout(this.#patience);
    }
  }

  async #leave(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isOpen = false;
    this.#arrived.forget();
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
   * Waits for a native reader, which may be slow. If it stands still, it may be waiting for our reader, so
   * our reader gives up.
   */
  #waitForNative(before: number): void {
    this.#patience = setTimeout(() => {
      const now = this.#waitsForNative;
      if (now < before) return this.#waitForNative(now);
      this.#arrived.forget();
      this.#arrived.wake();
    }, patience);
  }

  /** Makes Node read more from the connection. */
  #pull(): void {
    if (this.#req.socket) Reflect.apply(this.#read, this.#req, [this.#req.readableHighWaterMark]);
    else this.#socket?.resume();
  }
}
