import { AsyncResource } from 'node:async_hooks';
import { ServerResponse } from 'node:http';
import { isUint8Array } from 'node:util/types';
import { misuse, partsOf, type Response } from '../../core/index.js';
import type { BodyProducer } from './body-producer.js';
import { CapturedHead } from './captured-head.js';
import { attachHeaders, detachHeaders } from './detached-headers.js';
import { discardSource, type Source } from './discard-source.js';
import type { HeaderSnapshot } from './header-snapshot.js';
import { type Cork, HeldBody } from './held-body.js';
import { heldView } from './held-view.js';
import type { Callback, NativeResponse } from './node-types.js';
import { showEnd } from './writable-ended.js';
import { type Sink, setReason, writeResponse } from './write-response.js';

/** The methods that are called instead of the response's own: those that were there before. */
export type PreviousMethods = Sink &
  Pick<NativeResponse, '_implicitHeader' | '_send' | 'flush' | 'cork' | 'uncork'>;

/** Somebody who waits for the response: a middleware at its `callNext`. */
export interface Waiter {
  /** Called with the response when it has a head. */
  answered(response: Response): void;
}

/**
 * - `open`: nobody has answered; all calls are native, and the first that makes a head is captured.
 * - `held`: there is a head; what is written waits.
 * - `passing`: released, or never held; all calls go through.
 * - `replaced`: another response is sent; what is written is dropped, or read where the other one is made of it.
 */
type State = 'open' | 'held' | 'passing' | 'replaced';

type Listener = (...args: unknown[]) => void;

const native = ServerResponse.prototype as NativeResponse;
/** Lists that are made anew when something is added have no room to spare: a response may last for hours. */
const none: readonly never[] = [];
const destroyed = 'The response was destroyed before it was complete.';

/**
 * A native response whose head is held until the middleware is through, and which is then released as it was written:
 * by the same calls, on the methods that were there before. The table of its states is in docs/held-response.md.
 *
 * Longer than other files: the states and what each call does in each of them are one thing to read.
 */
export class HeldResponse {
  state: State = 'open';
  /** Whether native code has ended the response. */
  ended = false;
  /** The methods that stand on the response itself, where the framework's prototype must act natively. */
  ownNames: ReadonlySet<string> | undefined;
  /** The methods as they were put there, to see whether somebody has covered them since. */
  installed: Pick<NativeResponse, 'write' | 'end' | 'writeHead'> | undefined;
  /** What holds when another response is sent: the headers that stay, and whether native code has yet to answer. */
  substitute: { base: HeaderSnapshot | undefined; downstreamRuns: boolean } = {
    base: undefined,
    downstreamRuns: false,
  };
  /** Called when native code answers although another response is sent. */
  onLateAnswer: (() => void) | undefined;
  /**
   * Called when native code asks for what only the wire can give: a callback, room, or the head to be sent.
   */
  onAwaited: (() => void) | undefined;
  /** Called once when native code itself writes, not a method that somebody has put on the response. */
  onWritten: (() => void) | undefined;
  /** The hold below the foreign methods that this one stands above. */
  outer: HeldResponse | undefined;
  /** How many listeners there were for `close` when the head was made. */
  listenersAtHead = 0;
  /** The innermost one is last. */
  waiters: readonly Waiter[] = none;
  readonly res: NativeResponse;
  readonly previous: PreviousMethods;
  readonly #head: CapturedHead;
  readonly #body = new HeldBody(() => this.#emitDrain());
  #view: Response | undefined;
  /** Where native code has made the head. */
  #context: AsyncResource | undefined;
  /** Whether the head came from `write`, `end` or `flushHeaders`: after an `end(chunk)` alone Node computes a Content-Length. */
  #isImplicit = false;
  #isFromEnd = false;
  #isMakingHead = false;
  /** Whether the last chunk came with the end, as one call. */
  #endsWithChunk = false;
  #flushedBody = false;
  #isDestroyed = false;
  /** Whether the end came when it had been destroyed. */
  #isEndedLate = false;
  #endCallback: Callback | undefined;
  /** The trailers at the end: what is added later comes too late, as without a hold. */
  #trailer: string | undefined;
  /** What native code pipes into the response. */
  #sources: Set<Source> | undefined;
  #releasing = false;
  #writing = false;
  /** Emits to native code, past those who keep it from hearing of the wire. */
  #emit: NativeResponse['emit'] | undefined;
  #drainListeners: readonly Listener[] = none;
  /** Who waits for room on the wire itself: what stands outside, and the one that pumps another response. */
  #wireListeners: Set<Listener> | undefined;
  #afterwards: readonly (() => void)[] = none;

  constructor(res: NativeResponse, previous: PreviousMethods, head = new CapturedHead(res)) {
    this.res = res;
    this.previous = previous;
    this.#head = head;
    const outside = listenersFor(res);
    if (outside.length > 0) this.#wireListeners = new Set(outside);
    native.on.call(res, 'pipe', source => {
      this.#sources ??= new Set();
      this.#sources.add(source);
    });
  }

  /** A response whose head is out already: nothing is held, and the view of it can not be changed. */
  static sent(res: NativeResponse): HeldResponse {
    const held = new HeldResponse(res, res);
    held.state = 'passing';
    held.#head.status = res.statusCode;
    held.#body.fail(misuse('HEADERS_SENT', 'read the body'));
    return held;
  }

  /** The response that native code has begun, for the middleware. */
  get view(): Response {
    this.#view ??= heldView(this.res, this.#head, this.#body, () => this.state === 'held');
    return this.#view;
  }

  /** Whether it makes the calls that come now: Node's methods call others of the response, which may be an inner hold's. */
  get isWriting(): boolean {
    return this.#writing || this.#releasing;
  }

  /** Of the holds below this one, the one nearest to the wire that makes the calls that come now. */
  get #outermostWriting(): HeldResponse | undefined {
    let found: HeldResponse | undefined;
    for (let each = this.outer; each; each = each.outer) if (each.isWriting) found = each;
    return found;
  }

  isViewedBy(response: Response): boolean {
    return this.#view === response;
  }

  /** Whether native code has ended what is still held, as `res.writableEnded` tells it. */
  get endedInHold(): boolean {
    return (this.ended || this.#isEndedLate) && (this.state === 'held' || this.state === 'replaced');
  }

  /** Whether native code waits for something that only the wire can answer. */
  get isAwaited(): boolean {
    const hasAsked = this.#flushedBody || this.#head.isFlushed || this.#endCallback !== undefined;
    return hasAsked || this.#body.isAwaited || this.#afterwards.length > 0;
  }

  // What native code calls.

  writeHead(...args: Parameters<NativeResponse['writeHead']>): NativeResponse {
    // Who makes the head of what is written further out calls the method that is topmost (compression does).
    const writer = this.state === 'replaced' && !this.#writing ? this.#outermostWriting : undefined;
    if (writer) return writer.writeHead(...args);
    // Another protocol begins: there is no response to hold.
    if (this.state === 'open' && args[0] === 101 && !this.#isMakingHead) this.#pass();
    if (this.state === 'open') this.#capture(args);
    else if (this.state === 'held') this.#head.refuse(args);
    // compression calls it from its own `end`, while the other response is written.
    else if (this.state === 'passing' || this.#writing) this.previous.writeHead.apply(this.res, args);
    return this.res;
  }

  _implicitHeader(): void {
    const { res, previous } = this;
    const writer = this.#outermostWriting;
    if (writer) writer._implicitHeader();
    else if (this.#releasing || this.state === 'replaced') previous.writeHead.call(res, res.statusCode);
    else if (this.state === 'open') res.writeHead(res.statusCode);
    else previous._implicitHeader.call(res);
  }

  flushHeaders(): void {
    if (this.state === 'passing') return this.previous.flushHeaders.call(this.res);
    if (this.state === 'open') this.#makeHead();
    if (!this.#isDestroyed && !this.ended) this.#head.flush();
    this.onAwaited?.();
  }

  write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    if (this.onWritten) this.#tellWritten('write');
    if (this.state === 'passing') return this.#writeThrough('write', [chunk, encoding, callback]) as boolean;
    if (typeof encoding === 'function') return this.write(chunk, undefined, encoding);
    assertChunk(chunk);
    if (this.ended || this.#isDestroyed) return this.#writeAfterEnd('write', [chunk, encoding, callback]);
    if (this.state === 'open') this.#makeHead();
    // Node itself drops it, or refuses it where the server is told to.
    if (this.state === 'held' && this.res._hasBody === false)
      return Reflect.apply(native.write, this.res, [chunk, encoding, callback]);
    const room = this.res.writableHighWaterMark;
    const hasRoom = this.#body.push(
      chunk,
      encoding as BufferEncoding,
      callback as Callback | undefined,
      room,
    );
    if (!hasRoom || callback) this.onAwaited?.();
    return hasRoom;
  }

  end(chunk?: unknown, encoding?: unknown, callback?: unknown): NativeResponse {
    if (this.onWritten) this.#tellWritten('end');
    if (this.state === 'passing')
      return this.#writeThrough('end', [chunk, encoding, callback]) as NativeResponse;
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk);
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    if (this.ended || this.#isDestroyed)
      return this.#endAgain(chunk, encoding, callback as Callback | undefined);
    if (chunk) assertChunk(chunk);
    if (this.state === 'open') this.#makeHeadFromEnd(chunk as string | undefined, encoding);
    if (chunk)
      this.#body.push(chunk as string, encoding as BufferEncoding, undefined, Number.POSITIVE_INFINITY);
    this.ended = true;
    this.#endsWithChunk = Boolean(chunk);
    if (this.state === 'held') this.#head.end();
    this.#showEnd();
    this.#trailer = this.res._trailer;
    this.#keepEndCallback(callback as Callback | undefined);
    this.#body.end(this.#endsWithChunk);
    if (callback) this.onAwaited?.();
    this.onLateAnswer?.();
    return this.res;
  }

  /** compression adds `res.flush`; called during the hold it is repeated when there is something to flush. */
  flush(): void {
    if (this.state === 'passing') return this.previous.flush?.call(this.res);
    this.#flushedBody = true;
    this.onAwaited?.();
  }

  cork(): void {
    this.#corkNow('cork');
  }

  uncork(): void {
    this.#corkNow('uncork');
  }

  destroy(error?: Error): NativeResponse {
    const { res, previous } = this;
    if (this.state === 'open') this.#pass();
    this.willBeDestroyed(error);
    if (this.state === 'passing') return previous.destroy.call(res, error) as NativeResponse;
    if (this.state === 'replaced') return res;
    // What was written before would be in the kernel by now, so it goes out first.
    this.afterRelease(() => previous.destroy.call(res, error));
    return res;
  }

  /** While the head is held only a direct call of a method of Node's prototype gets here: it can not be held. */
  _send(...args: unknown[]): boolean {
    const { res, previous } = this;
    if (this.state !== 'held') return Reflect.apply(previous._send, res, args);
    this.#head.lift();
    this.state = 'passing';
    this.#head.replay(previous);
    this.#head.replayFlush(previous);
    // The caller has decided on the framing before there was a head; Node frames the chunk anew where it is chunked.
    const isFramed = !res.chunkedEncoding || args[0] === '';
    const sent: boolean = Reflect.apply(
      isFramed ? previous._send : previous.write,
      res,
      isFramed ? args : args.slice(0, 3),
    );
    this.#pass();
    return sent;
  }

  /** Where somebody outside redirects `drain` listeners (compression does), ours would not reach them during the hold. */
  on(event: string | symbol, listener: Listener): NativeResponse {
    const isOurs = event === 'drain' && this.state !== 'passing';
    if (!isOurs) return this.previous.on.call(this.res, event, listener) as NativeResponse;
    this.#drainListeners = [...this.#drainListeners, listener];
    return this.res;
  }

  // What the exchange does.

  /** What is written from now on comes too late, although what was written before goes out first. */
  willBeDestroyed(error = new Error(destroyed)): void {
    this.#isDestroyed = true;
    this.#body.fail(error);
  }

  /** Runs after the release, or at once if nothing is held. */
  afterRelease(action: () => void): void {
    if (this.state !== 'held') return action();
    this.#afterwards = [...this.#afterwards, action];
    this.onAwaited?.();
  }

  /** Lets what was held go on its way, as it was written. Throws what the native methods throw. */
  release(): void {
    if (this.state === 'open') this.#pass();
    if (this.state !== 'held') return;
    // Its callbacks and events are told in the async context in which it was written.
    if (this.#context) this.#context.runInAsyncScope(() => this.#release());
    else this.#release();
  }

  #release(): void {
    const { lateStatus } = this.#head;
    this.#head.lift();
    if (this.#head.dropsBody) return this.#endWithoutBody();
    const writes = this.#body.takeAll(this.#view);
    this.state = 'passing';
    this.#releasing = true;
    const cover = this.#uncover();
    try {
      // HTTP/2 writes what `end` is given by `write`, and that is a foreign one which has been ended before (compression).
      const isHttp2 = this.res.stream !== undefined;
      // A head that nobody has asked for is left to those outside, who may still change it before they write.
      const isDropped = writes.length === 0 && !this.#isFromEnd;
      if (!this.#isImplicit || isDropped || (isHttp2 && writes.length > 0)) this.#head.replay(this.previous);
      this.#head.replayFlush(this.previous);
      if (this.ended && this.#trailer !== this.res._trailer) this.res._trailer = this.#trailer as string;
      const last = this.#endsWithChunk && !isHttp2 ? writes.pop() : undefined;
      let hasRoom = true;
      for (const { chunk, encoding, callback, corks } of writes) {
        this.#cork(corks);
        hasRoom = Reflect.apply(this.previous.write, this.res, compact(chunk, encoding, callback));
      }
      this.#cork(last?.corks);
      this.#cork(this.#body.takeCorks());
      if (this.ended)
        Reflect.apply(this.previous.end, this.res, compact(last?.chunk, last?.encoding, this.#endCallback));
      else if (hasRoom) this.#body.drained();
      if (lateStatus !== undefined) this.res.statusCode = lateStatus;
    } finally {
      this.#releasing = false;
      if (cover) this.res.writeHead = cover;
      this.#pass();
    }
  }

  /**
   * Sends another response in place of what native code wrote, or will write. Returns its producer, if it is streamed.
   * Where native code has not answered yet, what it still does neither fails nor counts.
   */
  replace(response: Response, method: string): BodyProducer | undefined {
    const { base, downstreamRuns } = this.substitute;
    const wasDetached = attachHeaders(this.res);
    if (this.state === 'held') this.#head.lift();
    base?.restore(this.res);
    this.state = 'replaced';
    this.#showEnd();
    const endCallback = this.#endCallback;
    if (endCallback) this.res.once('finish', () => endCallback());
    this.#wireListeners ??= new Set();
    const wire = this.#wireListeners;
    // Their callbacks come before the one of the end, as natively.
    if (partsOf(response).body.whole !== undefined) this.#body.sink();
    let producer: BodyProducer | undefined;
    try {
      producer = this.#whileWriting(() => writeResponse(response, method, this.res, this.previous, wire));
    } finally {
      if (downstreamRuns || wasDetached) this.detach();
      if (producer) this.#keepForReaders();
      else this.#finishReplaced();
    }
    return producer;
  }

  /** Forgets what was held, so that somebody else may answer. Tells whether that is possible: not while it is streaming. */
  discard(base: HeaderSnapshot | undefined): boolean {
    const { res } = this;
    // Nobody has answered: the headers are those that the framework's own error page has always had.
    if (this.state === 'open') {
      this.#pass();
      return true;
    }
    if (this.state === 'held') {
      if (!this.ended) return false;
      this.#head.lift();
      res.statusCode = 200;
      setReason(res, undefined);
      this.ended = false;
      this.#body.sink();
    }
    if (!res.headersSent) {
      base?.restore(res);
      // What a failed `end` has counted is not the length of what comes instead.
      res._contentLength = null;
    }
    if (this.state !== 'replaced' || !res.headersSent) this.#pass();
    return true;
  }

  /** An outer hold answers instead: nothing of this one goes out. */
  giveUp(): void {
    if (this.state === 'held') this.#head.lift();
    this.state = 'replaced';
    this.#showEnd();
    this.#sink();
  }

  /** Nobody will read what native code still writes. */
  letGo(): void {
    if (this.state === 'replaced') this.#sink();
  }

  /** Nothing more will be written: who reads the body gets this error where it is not complete. */
  failBody(error: Error): void {
    this.#body.fail(error);
  }

  /** Told when somebody reads the body and there is nothing to read: now, or later. */
  whenStarved(tell: () => void): void {
    const isHere = this.state === 'held' || this.state === 'replaced';
    if (isHere && !this.ended) this.#body.whenStarved(tell);
  }

  /** The connection is gone: who waits for the body must not wait for ever. */
  closed(error: Error): void {
    this.#body.fail(error);
    if (this.state === 'held') this.#head.reopen();
    this.#showEnd();
    if (this.state === 'open') this.#pass();
  }

  /** Header calls of native code that answers too late do nothing, where Node would throw into its timer. */
  detach(): void {
    detachHeaders(this.res);
  }

  /** During the hold it is repeated between the same writes, and after the end it means nothing. */
  #corkNow(call: Cork): void {
    if (this.state !== 'held') this.previous[call].call(this.res);
    else if (!this.ended) this.#body.cork(call);
  }

  #cork(calls: readonly Cork[] | undefined): void {
    for (const call of calls ?? []) this.previous[call].call(this.res);
  }

  #capture(args: Parameters<NativeResponse['writeHead']>): void {
    this.#head.capture(args, this.previous);
    this.#context = new AsyncResource('callnext.held');
    this.listenersAtHead = this.res.listenerCount('close');
    this.state = 'held';
    this.waiters.at(-1)?.answered(this.view);
  }

  /** HTTP/2 has no `_implicitHeader`. */
  #makeHead(): void {
    const { res } = this;
    this.#isMakingHead = true;
    try {
      if (typeof res._implicitHeader === 'function') res._implicitHeader();
      else res.writeHead(res.statusCode);
      this.#isImplicit = true;
    } finally {
      this.#isMakingHead = false;
    }
  }

  #makeHeadFromEnd(chunk: string | Uint8Array | undefined, encoding: unknown): void {
    try {
      this.#makeHead();
      this.#isFromEnd = true;
    } catch (error) {
      // Node has counted by then, and does not count again.
      this.res._contentLength = chunk ? Buffer.byteLength(chunk, encoding as BufferEncoding) : 0;
      throw error;
    }
  }

  #endWithoutBody(): void {
    this.state = 'replaced';
    this.#showEnd();
    this.#whileWriting(() =>
      Reflect.apply(this.previous.end, this.res, compact(undefined, undefined, this.#endCallback)),
    );
    this.#finishReplaced();
  }

  #showEnd(): void {
    if (this.endedInHold) showEnd(this.res);
  }

  #finishReplaced(): void {
    this.#sink();
    this.#runAfterwards();
  }

  /** What native code has written is dropped, and what it goes on to write from a stream is not produced any more. */
  #sink(): void {
    this.#body.sink();
    if (!this.ended) for (const source of this.#sources ?? []) discardSource(source, this.res);
    this.#sources = undefined;
  }

  /**
   * A streamed response may be made of the native body, which goes on to wait for its readers. Room on the wire is the
   * other response's from here on, so native code is not told of it.
   */
  #keepForReaders(): void {
    const { res } = this;
    const { emit } = res;
    this.#emit = emit;
    res.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      if (event !== 'drain') return Reflect.apply(emit, res, [event, ...args]);
      for (const listener of this.#wireListeners ?? []) listener.call(res);
      return true;
    };
    if (this.#afterwards.length > 0) res.once('close', () => this.#runAfterwards());
  }

  /**
   * Wrappers of native code around `writeHead` have run when the head was made; those outside that call it by its name
   * (compression does) must not run them again.
   */
  #uncover(): NativeResponse['writeHead'] | undefined {
    const { res, installed } = this;
    const { writeHead } = res;
    if (installed === undefined || writeHead === installed.writeHead) return undefined;
    res.writeHead = installed.writeHead;
    return writeHead;
  }

  #whileWriting<T>(write: () => T): T {
    this.#writing = true;
    const before = new Set(listenersFor(this.res));
    try {
      return write();
    } finally {
      this.#writing = false;
      for (const listener of listenersFor(this.res))
        if (!before.has(listener)) this.#wireListeners?.add(listener);
    }
  }

  #tellWritten(method: 'write' | 'end'): void {
    const tell = this.onWritten;
    const isCovered = this.res[method] !== this.installed?.[method];
    if (isCovered || this.isWriting) return;
    this.onWritten = undefined;
    tell?.();
  }

  #writeThrough(method: 'write' | 'end', args: unknown[]): unknown {
    // The framework has answered in place of native code, which answers now.
    if (method === 'end' && this.res.finished) this.onLateAnswer?.();
    if (this.#body.isCopied) this.#body.copy(args[0], args[1], method === 'end');
    return Reflect.apply(this.previous[method], this.res, args);
  }

  #pass(): void {
    this.state = 'passing';
    const listeners = this.#drainListeners;
    this.#drainListeners = none;
    for (const listener of listeners) this.previous.on.call(this.res, 'drain', listener);
    if (this.#flushedBody) this.previous.flush?.call(this.res);
    this.#flushedBody = false;
    this.#runAfterwards();
  }

  /** Whether Node would have handed all of it to the kernel by now. */
  get #wouldBeFinished(): boolean {
    return this.state === 'held' && this.#body.bytes <= this.res.writableHighWaterMark;
  }

  #runAfterwards(): void {
    const actions = this.#afterwards;
    this.#afterwards = none;
    for (const action of actions) action();
  }

  #emitDrain(): void {
    process.nextTick(() => {
      if (this.res.finished || this.res.destroyed) return;
      Reflect.apply(this.#emit ?? this.res.emit, this.res, ['drain']);
      for (const listener of this.#drainListeners) listener.call(this.res);
    });
  }

  /** Where Node's own `end` is below, its callback is a listener of 'finish', in the order in which it was given. */
  #keepEndCallback(callback: Callback | undefined): void {
    if (typeof callback !== 'function') return;
    if (this.state === 'replaced' || this.previous.end === native.end) this.res.once('finish', callback);
    else this.#endCallback = callback;
  }

  /** What a write after the end means is for those below to say, when they are told of it: Node emits an error. */
  #writeAfterEnd(method: 'write' | 'end', args: unknown[]): boolean {
    this.afterRelease(() => {
      // Another response has taken its place, and has an end of its own.
      if (this.state !== 'replaced') Reflect.apply(this.previous[method], this.res, args);
    });
    return false;
  }

  #endAgain(chunk: unknown, encoding: unknown, callback: Callback | undefined): NativeResponse {
    if (!this.ended) {
      this.#isEndedLate = true;
      this.#showEnd();
    }
    if (chunk || !this.ended) this.#writeAfterEnd('end', [chunk, encoding, callback]);
    else if (callback && this.#wouldBeFinished) callback(alreadyFinished());
    else if (callback) this.res.on('finish', callback);
    return this.res;
  }
}

function listenersFor(res: NativeResponse): Listener[] {
  return res.listenerCount('drain') === 0 ? [] : (res.rawListeners('drain') as Listener[]);
}

/** The arguments of `write` and `end` in the form in which those give them on that have only two parameters (compression). */
function compact(chunk: unknown, encoding: unknown, callback: unknown): unknown[] {
  return [chunk, encoding, callback].filter(argument => argument !== undefined);
}

/** Throws what Node throws for a chunk that is none, at the caller. */
function assertChunk(chunk: unknown): asserts chunk is string | Uint8Array {
  if (typeof chunk === 'string' || isUint8Array(chunk)) return;
  const probe = new ServerResponse({ method: 'GET', headers: {} } as never);
  probe.write(chunk as string);
}

/** The error that Node gives to the callback of a second `end`; its class is not exported. */
function alreadyFinished(): Error {
  const message = 'Cannot call end after a stream was finished';
  return Object.assign(new Error(message), { code: 'ERR_STREAM_ALREADY_FINISHED' });
}
