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
 * What arrives goes to the native stream as always, and is kept for a reader of ours up to the limit, beyond
 * which it is dropped. What the native stream itself holds does not count. What a reader of ours takes first
 * waits for the native reader, up to the limit, too. So a native reader is never held up; a reader that falls
 * behind by more gets a 413.
 */
export class RequestTap {
  readonly #req: Internals;
  /** `pipeline` takes it off a request that fails. */
  readonly #socket: NativeRequest['socket'];
  readonly #push: Internals['push'];
  readonly #read: Internals['_read'];
  readonly #limits: Limits;
  readonly #arrived = new ArrivedBody();
  /** What native code has yet to be given, beyond what its stream holds. */
  #backlog: NativeBacklog | undefined;
  /** Whether a reader of ours is at work. */
  #isOpen = false;
  #wasOpened = false;
  /** Whether the native stream is given something else, or nothing. */
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

  /** Begins to listen, unless somebody has read already or has set an encoding. */
  static on(req: NativeRequest, limits: Limits): RequestTap | undefined {
    const isText = req.readableEncoding !== null && req.readableLength > 0;
    if (req.readableDidRead || req.readableEnded || isText) return undefined;
    return new RequestTap(req as Internals, limits);
  }

  /** Whether the body can be read from its beginning. */
  get isWhole(): boolean {
    this.#dropTooMuch();
    return !this.#arrived.isForgotten;
  }

  /** The body, for one reader: the `Body` of the request, which has readers of its own. */
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

  /** From here on the native stream is given something else. */
  cut(): void {
    this.#isCut = true;
    this.#backlog?.clear();
  }

  /**
   * The response is out. What has arrived may still be read; what is yet to come, and nobody waits for, is
   * taken off the connection, as Node does with a request that nobody has read.
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
    const { size } = this.#arrived;
    const alone = this.#isOpen || this.#isCut ? size : size - this.#waitsForNative;
    if (alone > (this.#isOpen ? this.#most : this.#limits.maxBodySize)) this.#arrived.forget();
  }

  get #isTooMuch(): boolean {
    return this.#arrived.received > this.#limits.bodyLimit;
  }

  /** Refuses readers where too much has come before the limit was set: each middleware sets its own. */
  watch(): void {
    const { read } = this.#req;
    define(this.#req, 'read', (size?: number) => {
      if (this.#isTooMuch && this.#isRead(size)) this.#refuse();
      return Reflect.apply(read, this.#req, [size]);
    });
  }

  /** Node itself reads 0 bytes to get more of the connection, and all of them when the response is out. */
  #isRead(size: number | undefined): boolean {
    return !this.#req._dumped && (size !== 0 || hasReader(this.#req));
  }

  /** More has come than may come at all: whoever reads is told so, and nothing of it is kept. */
  #refuse(): void {
    if (this.#isCut) return;
    this.cut();
    const error = contentTooLarge(this.#limits.bodyLimit);
    this.#arrived.fail(error);
    this.#arrived.forget();
    Reflect.deleteProperty(this.#req, 'read');
    refill(this.#req, failing(error), isTold => this.#limits.refused(error, isTold));
    // Who waits for more is told at once.
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

  /** Whether a reader of ours has room, and the native stream has, or is not read. */
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
   * A native reader at work takes its time, and goes on to read. One that stands still may never do so, and
   * may itself wait for whoever reads here: then the reader here is left behind.
   */
  #waitForNative(before: number): void {
    this.#patience = setTimeout(() => {
      const now = this.#waitsForNative;
      if (now < before) return this.#waitForNative(now);
      this.#arrived.forget();
      this.#arrived.wake();
    }, patience);
  }

  /** Node gives more of the connection. */
  #pull(): void {
    if (this.#req.socket) Reflect.apply(this.#read, this.#req, [this.#req.readableHighWaterMark]);
    else this.#socket?.resume();
  }
}
