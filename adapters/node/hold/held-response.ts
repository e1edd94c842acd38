import { AsyncResource } from 'node:async_hooks';
import { ServerResponse } from 'node:http';
import { isUint8Array } from 'node:util/types';
import { areCopiedFrom, bodyOf, misuse, type Response, toError } from '../../../core/adapter.js';
import { http2Stream } from '../http2-stream.js';
import type { Callback, NativeResponse } from '../node-types.js';
import type { BodyProducer } from '../response/body-producer.js';
import { discardSource } from '../response/discard-source.js';
import { type Sink, writeResponse } from '../response/write-response.js';
import { symbolOf } from '../symbol-of.js';
import { nextTick } from '../turns.js';
import { CapturedHead } from './captured-head.js';
import { attachHeaders, detachHeaders } from './detached-headers.js';
import { makeHead } from './framing.js';
import type { HeaderSnapshot } from './header-snapshot.js';
import { type Cork, HeldBody } from './held-body.js';
import { HeldCorks } from './held-corks.js';
import { heldView } from './held-view.js';
import { followPipes, pipedInto } from './piped-sources.js';
import { showEnd } from './writable-ended.js';

/** The methods that are called instead of the response's own: those that were there before. */
export type PreviousMethods = Sink &
  Pick<NativeResponse, '_implicitHeader' | '_send' | 'flush' | 'cork' | 'uncork'>;

/** Somebody who waits for the response: a middleware at its `callNext`. */
export interface Waiter {
  /** Called with the response when it has a head. */
  answered(response: Response): void;
}

interface Substitute {
  readonly base: HeaderSnapshot | undefined;
  readonly downstreamRuns: boolean;
}

const noSubstitute: Substitute = { base: undefined, downstreamRuns: false };

/**
 * - `open`: nobody has answered; all calls are native, and the first that makes a head is captured.
 * - `held`: there is a head; what is written waits.
 * - `passing`: released, or never held; all calls go through.
 * - `replaced`: another response is sent; what is written is dropped, or read where the other one is made of it.
 * - `bypassed`: the framework answers past it, by the methods that were there before; what still arrives is dropped.
 */
type State = 'open' | 'held' | 'passing' | 'replaced' | 'bypassed';

type Listener = (...args: unknown[]) => void;

const native = ServerResponse.prototype as NativeResponse;
/** Lists that are made anew when something is added have no room to spare: a response may last for hours. */
const none: readonly never[] = [];
/** From Node 24 on, callbacks of `end` are called before 'finish', and with an error where the response was cut. */
const keepsEndCallbacks = symbolOf('kEndCallbacks') !== undefined;
const atFinish = keepsEndCallbacks ? 'prependOnceListener' : 'once';
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
  substitute: Substitute = noSubstitute;
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
  readonly head: CapturedHead;
  readonly body = new HeldBody(this);
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
  #flushedHead = false;
  #corks: HeldCorks | undefined;
  #isDestroyed = false;
  /** Whether the end came when it had been destroyed. */
  #isEndedLate = false;
  #endCallback: Callback | undefined;
  /** Whether the end was given that alone: what stood before may take a callback in the place of a chunk for one. */
  #isCallbackAlone = false;
  /** The trailers at the end: what is added later comes too late, as without a hold. */
  #trailer: string | undefined;
  /** How many streams had been piped into the response before. */
  readonly #firstSource: number;
  #releasing = false;
  #writing = false;
  /** Whether it has called the methods that were there before, for a head of its own. */
  #hasWritten = false;
  /** Emits to native code, past those who keep it from hearing of the wire. */
  #emit: NativeResponse['emit'] | undefined;
  #drainListeners: readonly Listener[] = none;
  /** Who waits for room on the wire itself: what stands outside, and the one that pumps another response. */
  #wireListeners: Set<Listener> | undefined;
  #afterwards: readonly (() => void)[] = none;

  constructor(res: NativeResponse, previous: PreviousMethods, head = new CapturedHead(res)) {
    this.res = res;
    this.previous = previous;
    this.head = head;
    const outside = listenersFor(res);
    if (outside.length > 0) this.#wireListeners = new Set(outside);
    this.#firstSource = followPipes(res);
  }

  /** A response whose head is out already: nothing is held, and the view of it can not be changed. */
  static sent(res: NativeResponse): HeldResponse {
    const held = new HeldResponse(res, res);
    held.state = 'passing';
    held.head.status = res.statusCode;
    held.body.fail(misuse('HEADERS_SENT', 'read the body'));
    return held;
  }

  /** The response that native code has begun, for the middleware. */
  get view(): Response {
    this.#view ??= heldView(this);
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

  /** Whether an answer was given here, which has used up the methods that were put on the response below. */
  get isUsed(): boolean {
    const isSent = this.state !== 'held' && this.res.headersSent;
    return !isSent && (this.#context !== undefined || this.#hasWritten);
  }

  /** Whether that answer has been given to the methods outside, too, which are used up then. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  isViewedBy(response: Response): boolean {
    return this.#view === response;
  }

  /** Whether a response was made with the headers of what native code has answered here. */
  isCopiedBy(response: Response): boolean {
    return this.#view !== undefined && areCopiedFrom(response.headers, this.#view.headers);
  }

  /** Whether native code has ended what is still held, as `res.writableEnded` tells it. */
  get endedInHold(): boolean {
    return (this.ended || this.#isEndedLate) && (this.state === 'held' || this.state === 'replaced');
  }

  /** Whether native code waits for something that only the wire can answer. */
  get isAwaited(): boolean {
    const hasAsked = this.#flushedBody || this.#flushedHead || this.#endCallback !== undefined;
    return hasAsked || this.body.isAwaited || this.#afterwards.length > 0;
  }

  // What native code calls.

  writeHead(...args: Parameters<NativeResponse['writeHead']>): NativeResponse {
    // Who makes the head of what is written further out calls the method that is topmost (compression does).
    const writer = this.state === 'replaced' && !this.#writing ? this.#outermostWriting : undefined;
    if (writer) return writer.writeHead(...args);
    // Another protocol begins: there is no response to hold.
    if (this.state === 'open' && args[0] === 101 && !this.#isMakingHead) this.#pass();
    if (this.state === 'open') this.#capture(args);
    else if (this.state === 'held') this.head.refuse(args);
    // compression calls it from its own `end`, while the other response is written.
    else if (this.state === 'passing' || this.#writing) makeHead(this.res, this.previous.writeHead, args);
    return this.res;
  }

  _implicitHeader(): void {
    const { res, previous } = this;
    if (this.state === 'bypassed') return;
    const writer = this.#outermostWriting;
    if (writer) writer._implicitHeader();
    else if (this.#releasing || this.state === 'replaced')
      makeHead(res, previous.writeHead, [res.statusCode]);
    else if (this.state === 'open') res.writeHead(res.statusCode);
    else makeHead(res, previous._implicitHeader, []);
  }

  flushHeaders(): void {
    if (this.state === 'passing') return this.previous.flushHeaders.call(this.res);
    if (this.state === 'open') this.#makeHead();
    this.#flushedHead = true;
    if (this.#isDestroyed) this.#whenReleased('flushHeaders', []);
    else if (!this.ended && this.body.isUnwritten) this.head.flush();
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
    if (this.state === 'held' && this.res._hasBody === false) {
      this.body.dropped();
      return Reflect.apply(native.write, this.res, [chunk, encoding, callback]);
    }
    const room = this.res.writableHighWaterMark;
    const hasRoom = this.body.push(chunk, encoding as BufferEncoding, callback as Callback | undefined, room);
    if (!hasRoom || callback) this.onAwaited?.();
    return hasRoom;
  }

  end(chunk?: unknown, encoding?: unknown, callback?: unknown): NativeResponse {
    if (this.onWritten) this.#tellWritten('end');
    if (this.state === 'passing')
      return this.#writeThrough('end', [chunk, encoding, callback]) as NativeResponse;
    if (typeof chunk === 'function') {
      this.#isCallbackAlone ||= !this.ended;
      return this.end(undefined, undefined, chunk);
    }
    if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
    if (this.ended || this.#isDestroyed)
      return this.#endAgain(chunk, encoding, callback as Callback | undefined);
    if (chunk) assertChunk(chunk);
    if (this.state === 'open') {
      this.#makeHead();
      this.#isFromEnd = true;
    }
    if (chunk)
      this.body.push(chunk as string, encoding as BufferEncoding, undefined, Number.POSITIVE_INFINITY);
    this.ended = true;
    this.#endsWithChunk = Boolean(chunk);
    if (this.state === 'held') this.head.end();
    this.#showEnd();
    this.#trailer = this.res._trailer;
    this.#keepEndCallback(callback as Callback | undefined);
    this.body.end(this.#endsWithChunk);
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
    if (this.state === 'passing') this.previous.cork.call(this.res);
    else if (this.state === 'replaced') this.#corking.corkForTick();
    else this.#recordCork('cork');
  }

  uncork(): void {
    const { state } = this;
    if (state === 'passing') this.previous.uncork.call(this.res);
    else if (state === 'replaced') this.#corking.uncorkNow();
    // Nothing was written between the two.
    else if (state === 'open' && this.#corking.isOutside) this.previous.uncork.call(this.res);
    else this.#recordCork('uncork');
  }

  destroy(error?: Error): NativeResponse {
    const { res, previous } = this;
    if (this.state === 'open') this.#pass();
    this.willBeDestroyed(error);
    if (this.state === 'passing') return previous.destroy.call(res, error) as NativeResponse;
    if (this.state === 'replaced' || this.state === 'bypassed') return res;
    // What was written before would be in the kernel by now, so it goes out first.
    this.afterRelease(() => previous.destroy.call(res, error));
    return res;
  }

  /** While the head is held only a direct call of a method of Node's prototype gets here: it can not be held. */
  _send(data?: unknown, encoding?: unknown, callback?: unknown, byteLength?: unknown): boolean {
    const { res, previous, state } = this;
    if (state === 'bypassed') return true;
    if (state !== 'held') return previous._send.call(res, data, encoding, callback, byteLength);
    this.head.lift();
    this.state = 'passing';
    this.head.replay(previous);
    this.head.replayFlush(previous);
    // The caller has decided on the framing before there was a head; Node frames the chunk anew where it is chunked.
    const isFramed = !res.chunkedEncoding || data === '';
    const sent = isFramed
      ? previous._send.call(res, data, encoding, callback, byteLength)
      : (previous.write.call(
          res,
          data as string,
          encoding as BufferEncoding,
          callback as Callback,
        ) as boolean);
    this.#pass();
    return sent;
  }

  /** Where somebody outside redirects `drain` listeners (compression does), ours would not reach them during the hold. */
  on(event: string | symbol, listener: Listener): NativeResponse {
    const isOurs = event === 'drain' && this.state !== 'passing' && this.state !== 'bypassed';
    if (!isOurs) return this.previous.on.call(this.res, event, listener) as NativeResponse;
    this.#drainListeners = [...this.#drainListeners, listener];
    return this.res;
  }

  /** A hold above this one has written what was written in one tick, and goes on with the next. */
  endTick(): void {
    if (this.state === 'open' || this.state === 'held') this.body.endTick();
    else if (this.state === 'passing') this.outer?.endTick();
  }

  // What the exchange does.

  /** What is written from now on comes too late, although what was written before goes out first. */
  willBeDestroyed(reason: unknown = new Error(destroyed)): void {
    this.#isDestroyed = true;
    this.body.fail(toError(reason));
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
    if (this.#context) this.#context.runInAsyncScope(this.#release, this);
    else this.#release();
  }

  #release(): void {
    const { lateStatus } = this.head;
    this.head.lift();
    if (this.head.dropsBody) return this.#endWithoutBody();
    const writes = this.body.takeAll(this.#view);
    this.state = 'passing';
    this.#releasing = true;
    this.#hasWritten = true;
    const cover = this.#uncover();
    try {
      // HTTP/2 writes what `end` is given by `write`, and that is a foreign one which has been ended before (compression).
      const isHttp2 = http2Stream(this.res) !== undefined;
      // A head that nobody has asked for is left to those outside, who may still change it before they write.
      const isDropped = writes.length === 0 && !this.#isFromEnd;
      if (!this.#isImplicit || isDropped || (isHttp2 && writes.length > 0)) this.head.replay(this.previous);
      this.head.replayFlush(this.previous);
      if (this.ended && this.#trailer !== this.res._trailer) this.res._trailer = this.#trailer as string;
      const last = this.#endsWithChunk && !isHttp2 ? writes.pop() : undefined;
      let hasRoom = true;
      for (const { chunk, encoding, callback, corks } of writes) {
        this.#replayCorks(corks);
        const before = this.res.writableCorked;
        hasRoom = give(this.previous.write, this.res, chunk, encoding, callback) as boolean;
        if (this.#corks || this.res.writableCorked > before) this.#corking.wrote(before);
      }
      this.#replayCorks(last?.corks);
      this.#replayCorks(this.body.takeCorks());
      this.#corks?.replayed();
      if (this.ended) {
        this.#giveEnd(last?.chunk, last?.encoding);
      } else if (hasRoom || this.#corks?.hasDrained) this.body.drained();
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
    if (this.state === 'held') this.head.lift();
    base?.restore(this.res);
    this.state = 'replaced';
    this.#dropCorks();
    this.#showEnd();
    this.#callBackAtFinish();
    this.#wireListeners ??= new Set();
    const wire = this.#wireListeners;
    // Their callbacks come before the one of the end, as natively.
    if (bodyOf(response).whole !== undefined) this.body.sink();
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

  /** Nobody has answered here: what is written from now on goes out. */
  pass(): void {
    const isFree = this.state === 'open' || (this.state === 'replaced' && !this.res.headersSent);
    if (isFree) this.#pass();
  }

  /** Forgets what was held: somebody else answers past this hold, and what still arrives at it is dropped. */
  bypass(): void {
    attachHeaders(this.res);
    if (this.state === 'held') this.head.lift();
    else if (!this.res.headersSent) this.head.reopen();
    this.state = 'bypassed';
    this.#dropCorks();
    this.#callBackAtFinish();
    this.#sink();
    if (this.#afterwards.length > 0) this.res.once('finish', () => this.#runAfterwards());
  }

  /** An outer hold answers instead: nothing of this one goes out. */
  giveUp(): void {
    if (this.state === 'held') this.head.lift();
    this.state = 'replaced';
    this.#dropCorks();
    this.#showEnd();
    this.#sink();
  }

  /** Nobody will read what native code still writes. */
  letGo(): void {
    if (this.state === 'replaced') this.#sink();
  }

  /** Whether somebody may read what native code writes: what is held, or what another response is made of. */
  get isReadable(): boolean {
    return this.state === 'held' || this.state === 'replaced';
  }

  /** Nothing more will be written: who reads the body gets this error where it is not complete. */
  failBody(error: Error): void {
    this.body.fail(error);
  }

  /** Told when somebody reads the body and there is nothing to read: now, or later. */
  whenStarved(tell: () => void): void {
    if (this.isReadable && !this.ended) this.body.whenStarved(tell);
  }

  /** The connection is gone: who waits for the body must not wait for ever. */
  closed(error: Error): void {
    this.body.fail(error);
    if (this.state === 'held') this.head.reopen();
    this.#showEnd();
    if (this.state === 'open') this.#pass();
  }

  /** Header calls of native code that answers too late do nothing, where Node would throw into its timer. */
  detach(): void {
    detachHeaders(this.res);
  }

  get #corking(): HeldCorks {
    this.#corks ??= new HeldCorks(this.res, this.previous);
    return this.#corks;
  }

  /** Repeated between the same writes at the release; Node itself ends all corks with the response. */
  #recordCork(call: 'cork' | 'uncork'): void {
    this.#corking.note(call);
    if (!this.ended) this.body.cork(call);
  }

  #replayCorks(calls: readonly Cork[] | undefined): void {
    const { outer } = this;
    if (calls) this.#corking.replay(calls, outer && (() => outer.endTick()));
  }

  #dropCorks(): void {
    this.body.takeCorks();
    this.#corks?.drop();
  }

  #capture(args: Parameters<NativeResponse['writeHead']>): void {
    this.head.capture(args, this.previous);
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

  #endWithoutBody(): void {
    this.state = 'replaced';
    this.#dropCorks();
    this.#showEnd();
    this.#whileWriting(() => this.#giveEnd());
    this.#finishReplaced();
  }

  #giveEnd(chunk?: unknown, encoding?: unknown): void {
    const callback = this.#endCallback;
    const isBehindNone = callback !== undefined && !this.#isCallbackAlone;
    give(this.previous.end, this.res, chunk ?? (isBehindNone ? null : undefined), encoding, callback);
    this.#endCallback = undefined;
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
    this.body.sink();
    if (!this.ended)
      for (const source of pipedInto(this.res).slice(this.#firstSource)) discardSource(source, this.res);
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
    this.#hasWritten = true;
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
    if (this.body.isCopied) this.body.copy(args[0], args[1], method === 'end');
    // Those that stood before may count what they are given.
    const given = args.slice(0, args.findLastIndex(argument => argument !== undefined) + 1);
    const returned = Reflect.apply(this.previous[method], this.res, given);
    this.ended ||= method === 'end';
    return returned;
  }

  #pass(): void {
    this.state = 'passing';
    this.#replayCorks(this.body.takeCorks());
    const listeners = this.#drainListeners;
    this.#drainListeners = none;
    for (const listener of listeners) this.previous.on.call(this.res, 'drain', listener);
    if (this.#flushedBody) this.previous.flush?.call(this.res);
    this.#flushedBody = false;
    this.#runAfterwards();
  }

  /** Whether Node would have handed all of it to the kernel by now. */
  get #wouldBeFinished(): boolean {
    return this.state === 'held' && this.body.bytes <= this.res.writableHighWaterMark;
  }

  #runAfterwards(): void {
    const actions = this.#afterwards;
    this.#afterwards = none;
    for (const action of actions) action();
  }

  /** What native code wrote has gone out. Dropped writes count as well: code waiting for 'drain' would never end. */
  emitDrain(): void {
    nextTick(() => {
      const isDropped = this.state === 'replaced' || this.state === 'bypassed';
      if (!isDropped && (this.res.finished || this.res.destroyed)) return;
      Reflect.apply(this.#emit ?? this.res.emit, this.res, ['drain']);
      for (const listener of this.#drainListeners) listener.call(this.res);
    });
  }

  /** Up to Node 22 the callback of `end` is a listener of 'finish', in the order in which it was given. */
  #keepEndCallback(callback: Callback | undefined): void {
    if (typeof callback !== 'function') return;
    const isListener = !keepsEndCallbacks && this.previous.end === native.end;
    const isLate = this.state === 'replaced' || this.state === 'bypassed';
    if (isLate || isListener) this.res[atFinish]('finish', callback);
    else this.#endCallback = callback;
  }

  /** Another answer takes the place of the one that was ended. */
  #callBackAtFinish(): void {
    const callback = this.#endCallback;
    if (callback) this.res[atFinish]('finish', () => callback());
    this.#endCallback = undefined;
  }

  /** What a write after the end means is for those below to say, when they are told of it: Node emits an error. */
  #writeAfterEnd(method: 'write' | 'end', args: unknown[]): boolean {
    this.#whenReleased(method, args);
    return false;
  }

  #whenReleased(method: 'write' | 'end' | 'flushHeaders', args: unknown[]): void {
    this.afterRelease(() => {
      // Another response has taken its place, and has an end of its own.
      const isDropped = this.state === 'replaced' || this.state === 'bypassed';
      if (!isDropped) Reflect.apply(this.previous[method], this.res, args);
    });
  }

  #endAgain(chunk: unknown, encoding: unknown, callback: Callback | undefined): NativeResponse {
    if (!this.ended) {
      this.#isEndedLate = true;
      this.#showEnd();
    }
    if (chunk || !this.ended) this.#writeAfterEnd('end', [chunk, encoding, callback]);
    else if (callback && keepsEndCallbacks && this.state === 'held')
      this.#writeAfterEnd('end', [undefined, undefined, callback]);
    else if (callback && this.#wouldBeFinished) callback(alreadyFinished());
    else if (callback) this.res.on('finish', callback);
    return this.res;
  }
}

function listenersFor(res: NativeResponse): Listener[] {
  return res.listenerCount('drain') === 0 ? [] : (res.rawListeners('drain') as Listener[]);
}

/** Calls `write` or `end` without what is undefined: those that have only two parameters (compression) give on no more. */
function give(
  method: (...args: never[]) => unknown,
  res: NativeResponse,
  chunk: unknown,
  encoding: unknown,
  callback: unknown,
): unknown {
  if (encoding === undefined && callback === undefined && chunk !== undefined)
    return method.call(res, chunk as never);
  const given = [chunk, encoding, callback].filter(argument => argument !== undefined);
  return Reflect.apply(method, res, given);
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
