import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerHttp2Stream } from 'node:http2';
import {
  answerEndpoint,
  answerUnhandled,
  asThrown,
  ClientDisconnect,
  type Delivery,
  type Endpoint,
  Exchange,
  errorHeadersOf,
  failedLate,
  fillHeaders,
  followTarget,
  goOnAfterError,
  Headers,
  hasInjected,
  hasStores,
  holdsInjected,
  isAnswering,
  isClosedInTime,
  isHolding,
  isMisuse,
  type Layer,
  misuse,
  type NativeWork,
  observe,
  overtake,
  PlainTextResponse,
  Request,
  type Response,
  runExchange,
  runLayer,
  sharedOf,
  type Trace,
  type Transport,
  toError,
} from '../../core/adapter.js';
import { endOf, whenAllSettled, whenAnswerMayGo, whenStuck } from './answer-wait.js';
import { hasReader } from './body/refill-request.js';
import { currentResponse, type DestroyGuard, guardDestroy, whenClosed } from './connection.js';
import { exchangeKey, traceKey, version } from './exchange-key.js';
import { Frame } from './frame.js';
import { dropHeaders, forgetFraming, ofBody } from './hold/framing.js';
import { HeaderSnapshot } from './hold/header-snapshot.js';
import { HeldResponse, type PreviousMethods } from './hold/held-response.js';
import { interceptHttp2 } from './hold/http2-interception.js';
import { intercept, isUncovered, methodsOf, originalMethods } from './hold/interception.js';
import { destroyWhenReset, http2Stream } from './http2-stream.js';
import { type LayerRun, LayerRuns } from './layer-runs.js';
import { NativeCalls } from './native-calls.js';
import type { NativeRequest, NativeResponse } from './node-types.js';
import { applyChanges, type BodyOwner, mayHaveBody, type NodeRequestSource } from './read-request.js';
import type { BodyProducer } from './response/body-producer.js';
import { cutShort } from './response/cut-short.js';
import type { Source } from './response/discard-source.js';
import { ErrorPage, patience as patienceWithPage } from './response/error-page.js';
import { files } from './response/files.js';
import { fillAtHead } from './response/fill-at-head.js';
import { type Ending, ResponseEnd } from './response/response-end.js';
import { setReason, writeResponse } from './response/write-response.js';
import { setImmediate } from './turns.js';

/** Tells code that runs below a layer from what Node calls from outside; used only where there are stores to be kept. */
const belowLayer = new AsyncLocalStorage<object>();
/** How long native code that was told of a body that is too large may take to answer, in milliseconds. */
const patience = 5_000;
const none: readonly never[] = [];
const never = (): boolean => false;
/** What streams reject with where the response closes before all of it is written. */
const closures: readonly unknown[] = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

/**
 * One request on a native response: its exchange, the holds on the response, and the layers that wait at them.
 *
 * A hold is shared by layers as long as no foreign middleware puts methods of its own on the response in between; then
 * the inner layers have a hold above those methods.
 */
export class NativeExchange implements Transport, BodyOwner, Ending {
  readonly exchange: Exchange;
  readonly end: ResponseEnd;
  readonly req: NativeRequest;
  readonly res: NativeResponse;
  readonly source: NodeRequestSource;
  readonly files = files;
  #calls: NativeCalls | undefined;
  /** Whether the calls of handlers by a router are noted. */
  seesHandlers = false;
  /** Gives an exception that nobody handled back to the framework, as it was thrown. */
  passOn: (thrown: unknown) => void;
  /** How the framework begins anew with an error, once it has nobody left to ask after the place of a layer. */
  restart: ((thrown: unknown) => void) | undefined;
  /** Whether the framework's error handling runs in the async context in which the error is given to it. */
  protected readonly tellsPages: boolean = true;
  /** The framework that native code is of. */
  readonly host: 'node' | 'koa' = 'node';
  /** Whether the errors that pass the framework's own error handling are observed. */
  isObserved = false;
  /** Whether a thrown value means something else than an error to the framework. */
  isSignal: (thrown: unknown) => boolean = never;
  /** What was given back to the framework. */
  passedOn: unknown;
  /** The error that was observed last: it passes each router and each error handler on its way. */
  #observed: unknown;
  /** An exception of ours, and how the framework goes on with it from where it was thrown. */
  #thrown: { readonly error: unknown; readonly passOn: (thrown: unknown) => void } | undefined;
  readonly #method: string;
  protected holds: readonly HeldResponse[] = none;
  /** The outermost hold. */
  root: HeldResponse | undefined;
  /** What native code has piped into the response since the first hold. */
  sources: readonly Source[] | undefined;
  readonly #runs = new LayerRuns();
  #producers: readonly BodyProducer[] = none;
  /** Whether a body had failed before the connection was gone. */
  #hasFailedItself = false;
  /** Layers that did not wait for what is below them: a timeout. */
  protected abandoned: readonly Frame[] = none;
  #wasAbandoned = false;
  #hasBegun = false;
  /** The innermost layer's at the outermost hold: its headers are what an error page begins with. */
  #last: Frame | undefined;
  /** What the framework answers in place of an answer that was held. */
  #page: ErrorPage | undefined;
  #forgetConnection: () => void = never;
  #keepsContext = false;
  /** Whether native code has destroyed its connection: nobody has left it. */
  #isDestroyedHere = false;

  constructor(
    req: NativeRequest,
    res: NativeResponse,
    source: NodeRequestSource,
    passOn: (thrown: unknown) => void,
  ) {
    this.req = req;
    this.res = res;
    this.source = source;
    this.passOn = passOn;
    this.#method = req.method ?? 'GET';
    const request = new Request(source);
    const trace = (res as { [traceKey]?: Trace })[traceKey];
    if (trace) sharedOf(request).trace = trace;
    this.exchange = new Exchange(request, this);
    this.end = new ResponseEnd(req, res, this);
    source.end = this.end;
    source.owner = this;
    const stream = http2Stream(res);
    (res as { [exchangeKey]?: NativeExchange })[exchangeKey] = this;
    if (stream) this.#followStream(stream);
    else guardDestroy(req.socket, destroying);
  }

  #followStream(stream: ServerHttp2Stream): void {
    // It closes when both sides are through, so what nobody reads must not keep it.
    stream.once('finish', () => this.source.responseIsOut());
    guardDestroy(stream, { ...destroying, responseOf: () => this.res });
    destroyWhenReset(stream);
  }

  /** The exchange of a response, unless another version of callnext has made it. */
  static of(res: object): NativeExchange | undefined {
    const found = (res as { [exchangeKey]?: NativeExchange })[exchangeKey];
    return found?.version === version ? found : undefined;
  }

  /** The same for what takes part in it. Throws `OTHER_VERSION`: versions do not know each other's exchanges. */
  static join(res: object): NativeExchange | undefined {
    const found = (res as { [exchangeKey]?: NativeExchange })[exchangeKey];
    if (found === undefined || found.version === version) return found;
    throw misuse('OTHER_VERSION', found.version, version);
  }

  get version(): string {
    return version;
  }

  /** Whether a trace is already attached. */
  static isTraced(res: object): boolean {
    return traceKey in res;
  }

  /** Tells the steps of the exchange that a response will have. */
  static traceOn(res: object, trace: Trace): void {
    Reflect.set(res, traceKey, trace);
  }

  /** The exchange is also found by the request. */
  nameOn(req: NativeRequest): void {
    Reflect.set(req, exchangeKey, this);
  }

  get isHeld(): boolean {
    return this.holding !== undefined;
  }

  ended(): void {
    this.#hasFailedItself = this.#producers.some(producer => producer.error !== undefined);
    this.source.responseIsOut();
    this.closed();
  }

  /** Whether a layer is at work already. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get endedInHold(): boolean {
    return this.holds.some(held => held.endedInHold);
  }

  /** The innermost layer that has not been through yet. */
  get innermost(): Frame | undefined {
    for (let at = this.holds.length - 1; at >= 0; at -= 1) {
      const waiter = this.holds[at]?.waiters.at(-1);
      if (waiter) return waiter as Frame;
    }
    return undefined;
  }

  /** The frame at which a layer waits. */
  frameOf(layer: Layer): Frame | undefined {
    const frames = this.holds.flatMap(held => held.waiters) as Frame[];
    return frames.find(frame => frame.layer === layer);
  }

  /** Whether native code goes on although a layer has answered in its place. */
  get wasAbandoned(): boolean {
    return this.#wasAbandoned;
  }

  /**
   * Runs a layer around native code, which `goOn` calls. The outermost layer runs the whole exchange; the response of an
   * inner one goes to the layer around it. `passOn` is how the framework goes on with an error from here.
   */
  runLayer(
    layer: Layer,
    goOn: (request: Request, frame: Frame, run: LayerRun) => void,
    passOn?: (thrown: unknown) => void,
  ): void {
    const run = this.beginRun();
    const below = (request: Request): Promise<Response> => {
      const frame = this.waitIn(run);
      frame.layer = layer;
      this.runBelow(() => goOn(request, frame, run));
      return frame.response;
    };
    const isOutermost = !this.hasBegun;
    this.#hasBegun = true;
    if (isOutermost) void runExchange(this.exchange, layer, below);
    else {
      runLayer(this.exchange, layer, below).then(
        response => this.settle(this.endRun(run), response),
        error => {
          const isFromBelow = run.frames.some(({ rejectedWith }) => rejectedWith === error);
          if (!isFromBelow) this.#thrownAt(passOn, error);
          this.#settleInner(run, error);
        },
      );
    }
  }

  /**
   * Error middleware between this place and the outermost layer comes before that of the app, as for a native
   * error.
   */
  #thrownAt(passOn: ((thrown: unknown) => void) | undefined, error: unknown): void {
    if (passOn) this.#thrown = { error, passOn };
  }

  beginRun(): LayerRun {
    const { request } = this.exchange;
    followTarget(request);
    return this.#runs.begin(request);
  }

  /** The layer is through. What waits further in than its outermost frame was not waited for. */
  endRun(run: LayerRun): Frame | undefined {
    this.#runs.forget(run);
    const [first, ...inside] = run.frames;
    run.frames = run.frames.slice(0, 1);
    for (const frame of inside) this.#forget(frame);
    return first;
  }

  protected waitIn(run: LayerRun): Frame {
    const frame = this.wait();
    run.frames = appended(run.frames, frame);
    return frame;
  }

  /**
   * Leaves the frames of a run from one on, and gives that one. Those further in were not waited for: they are left as all are in the end, the innermost
   * last, which is the first to hear of what comes late.
   */
  protected leaveInside(run: LayerRun, from: number): Frame | undefined {
    const [first, ...inside] = run.frames.slice(from);
    run.frames = run.frames.slice(0, from);
    if (first?.waits) this.#abandon(first);
    for (const frame of inside) this.#forget(frame);
    return first;
  }

  #settleInner(run: LayerRun, error: Error): void {
    const passOn = this.res.headersSent ? undefined : run.frames.findLast(each => each.passOn)?.passOn;
    const frame = this.endRun(run);
    if (!passOn) return this.settleError(frame, error);
    this.drop(frame);
    passOn(this.#asTold(error));
  }

  /** The layer whose middleware is at work, on its way in. Throws `ALREADY_ANSWERED`. */
  get currentRun(): LayerRun {
    const run = this.#runs.current;
    if (run === undefined || this.exchange.isSending) throw misuse('ALREADY_ANSWERED');
    return run;
  }

  /**
   * Runs a native middleware as one of a layer's: `start` calls it, with the `next` that it goes on by. What it writes, and what comes out where what is below
   * is written through the methods that it has put on the response, is the response.
   */
  runAmong(
    request: Request,
    callNext: (request: Request) => Promise<Response>,
    start: (next: (error?: unknown) => void) => unknown,
    setTarget: (target: string) => void,
  ): Promise<Response> {
    const run = this.currentRun;
    this.applyTo(run, request, setTarget);
    const frame = this.waitIn(run);
    const depth = run.frames.length;
    const failed = (thrown: unknown): void => {
      if (frame.waits) frame.reject(thrown);
      else this.listenerFailed(frame, thrown);
    };
    const next = (error?: unknown): void => {
      if (error) return failed(error);
      followTarget(request);
      this.goOnIn(run, () => callNext(request)).then(
        response => this.#settleAmong(frame, this.leaveInside(run, depth), response),
        thrown => {
          this.drop(this.leaveInside(run, depth));
          if (frame.waits) frame.reject(thrown);
          else this.#calledInVain(thrown);
        },
      );
    };
    this.runBelow(() => {
      try {
        whenRejected(start(next), failed);
      } catch (thrown) {
        failed(thrown);
      }
    });
    return frame.response;
  }

  /** The middleware of a layer goes on, which may be inside of a layer that native code among them has begun. */
  protected goOnIn<T>(run: LayerRun, goOn: () => Promise<T>): Promise<T> {
    return this.#runs.during(run, goOn);
  }

  /** What native code that has answered goes on to has no one to tell that it came in vain. */
  #calledInVain(thrown: unknown): void {
    const error = toError(thrown);
    if (isMisuse(error, 'CALL_NEXT_TWICE', 'CALL_NEXT_LATE')) this.exchange.reports.tell(error, 'request');
  }

  /** What is below a native middleware has answered. Never throws. */
  #settleAmong(frame: Frame, inner: Frame | undefined, response: Response): void {
    try {
      this.#handOut(frame, inner, response);
    } catch (thrown) {
      this.exchange.replaced(response);
      this.settleError(undefined, thrown);
    }
  }

  /** It goes through the methods that the middleware has put on the response, if any, with the headers that this has set. */
  #handOut(frame: Frame, inner: Frame | undefined, response: Response): void {
    const { held } = frame;
    const isDirect = frame.waits && (inner ? inner.held === held : isUncovered(held));
    if (!isDirect || this.end.over || held.isViewedBy(response)) return this.settle(inner, response);
    const later = inner?.entry ?? new HeaderSnapshot(this.res);
    if (inner) this.leave(inner, response);
    // A layer that the middleware has run around what it went on to is nearer.
    if (this.innermost !== frame) return this.settle(inner, response);
    if (held.state === 'open' && !later.equals(frame.entry)) return this.#writeThrough(response);
    // Native code has answered at this very hold, and another response takes its place: headers can not be written there yet.
    this.#handOver(frame, inner?.baseOf(response) ?? later, response);
    const { base } = held.substitute;
    this.leave(frame, undefined);
    held.substitute = { ...held.substitute, base };
  }

  /** Makes what native code reads agree with a request that a middleware has given to `callNext`. */
  applyTo(run: LayerRun, request: Request, setTarget: (target: string) => void): void {
    applyChanges(request, run.seen, this, setTarget);
    run.seen = request;
  }

  /** An exception as it was thrown, unless the framework would not take that for one. */
  #asTold(error: Error): unknown {
    const thrown = asThrown(error);
    return this.isSignal(thrown) ? error : thrown;
  }

  /**
   * Whether an error only says that the response was closed while native code was writing it: its client has left, or another
   * response was sent in its place. That is no failure of the handler. A handler that fails destroys the response with its error.
   */
  saysClosed(thrown: unknown): boolean {
    const { over } = this.end;
    const isReplaced = this.holds.some(
      ({ state, ended }) => !ended && (state === 'replaced' || (state === 'bypassed' && over !== undefined)),
    );
    if (over?.outcome !== 'aborted' && !isReplaced) return false;
    const error = toError(thrown);
    const { errored } = (http2Stream(this.res) ?? this.res) as { errored?: unknown };
    const { code } = error as { code?: unknown };
    return errored !== thrown && (closures.includes(code) || this.end.isReason(error));
  }

  /**
   * An error of native code is on its way to whoever answers it. Tells whether it is kept from there: it takes the place of
   * an answer then, and is given to `passOn` if no layer handles it.
   */
  observe(thrown: unknown, passOn: (thrown: unknown) => void): boolean {
    if (this.passedOn !== undefined || thrown === this.#observed) return false;
    this.#observed = thrown;
    const error = toError(thrown);
    if (this.isUnanswered) observe(this.exchange, error);
    else if (this.overtake(error, passOn)) return true;
    else this.failedLate(error);
    return false;
  }

  /** An error handler of the app goes on without the error. Returns what has to be waited for first. */
  goOnAfterError(): Promise<void> | undefined {
    if (this.res.headersSent) return undefined;
    this.#observed = undefined;
    return goOnAfterError(this.exchange);
  }

  /** Whether a layer still waits for the answer of native code, or has answered in its place. */
  get isUnanswered(): boolean {
    const { innermost } = this;
    return (innermost?.waits && innermost.held.state === 'open') || this.abandoned.length > 0;
  }

  /**
   * Whether something else than the answer of native code is sent, or was: what native code fails with may not cut the
   * connection then, which may serve another request by now.
   */
  get isAnsweredInPlace(): boolean {
    const isPageOut = this.passedOn !== undefined && this.end.over !== undefined;
    return isPageOut || this.wasAbandoned || this.holds.some(({ state }) => state === 'replaced');
  }

  /** Native code has failed and its answer stands: who reads it, or a body made of it, must not wait for the rest. */
  failedLate(thrown: unknown): void {
    if (this.saysClosed(thrown)) return;
    const error = toError(thrown);
    failedLate(this.exchange, error);
    for (const held of this.holds) if (held.isReadable) held.failBody(error);
    if (this.res.headersSent && this.end.over?.outcome !== 'aborted') this.reportOnce(error);
  }

  protected reportOnce(thrown: unknown): void {
    const error = toError(thrown);
    if (!this.exchange.reports.has(error)) this.exchange.reports.tell(error, 'request');
  }

  /** Native code reads more of a body than may come. Where it can not be told, or does nothing, the layer hears of it. */
  refuseBody(error: Error, isTold: boolean): void {
    const frame = this.innermost;
    if (!frame?.waits) {
      // Who only takes it off the connection goes on at its end: finalhandler does before it writes its page.
      if (!isTold && hasReader(this.req)) this.listenerFailed(frame, error);
    } else if (!isTold) this.#answerInPlace(frame, error);
    else
      setTimeout(() => {
        if (frame.waits) this.#answerInPlace(frame, error);
      }, patience).unref();
  }

  /** Answers in place of native code that goes on: what it still does to the response neither fails nor counts. */
  #answerInPlace(frame: Frame, error: unknown): void {
    const { held } = frame;
    held.substitute = { ...held.substitute, downstreamRuns: true };
    this.#wasAbandoned = true;
    frame.reject(error);
  }

  /** Native code below a layer throws to whoever called it, or its promise rejects. */
  listenerFailed(frame: Frame | undefined, thrown: unknown): void {
    if (frame?.waits) return frame.reject(thrown);
    if (this.saysClosed(thrown)) return;
    const error = toError(thrown);
    if (this.overtake(error)) return;
    this.failedLate(error);
    this.reportOnce(error);
    const cut = (): void => {
      // A package outside the layer ends the response later than native code has: compression.
      const isComplete = frame?.held.ended || this.res.writableEnded;
      if (!isComplete && !this.isAnsweredInPlace) cutShort(this.res, error);
    };
    if (!this.whenReleased(cut)) cut();
  }

  /** The calls of native code, once one has begun that may tell when it ends. */
  get calls(): NativeCalls {
    this.#calls ??= new NativeCalls();
    return this.#calls;
  }

  /** Calls native code below a layer, and notes the promise that it returns. */
  callNative<T>(call: () => T): T {
    const order = this.calls.begin();
    const returned = call();
    this.calls.gave(order, returned);
    return returned;
  }

  /** The native code that may still be at work although it has answered the innermost layer. */
  nativeWork(): NativeWork | undefined {
    const { res, calls, innermost, holding: held } = this;
    const works = innermost ? calls.worksAfter(innermost.order) : [];
    if (innermost === undefined || works.length === 0) return undefined;
    const answer = { res, held, listenersBefore: calls.listenersBefore ?? innermost.listeners };
    // What they reject with is told by whoever called them, before this: the framework, or the listener's caller.
    const { whenEnded, isAtWork } = endOf(works);
    const end = (): Promise<void> => {
      const stuck = whenStuck(this.end.whenOver(), isAtWork, answer);
      const isTakenBack = stuck.then(() => failedLate(this.exchange, new ClientDisconnect()));
      return Promise.race([whenEnded(), isTakenBack]);
    };
    return { answerMayGo: () => whenAnswerMayGo(whenEnded(), answer), end, isAtWork };
  }

  whenWritten(tell: () => void): void {
    const { holding } = this;
    if (holding && !holding.ended) holding.onWritten = tell;
  }

  /** Begins to wait, as the innermost layer, for what is written to the native response from now on. */
  wait(): Frame {
    if (!this.#keepsContext) this.#keepContext();
    const held = this.#holdForNext();
    const frame = new Frame(held, this.exchange, this.#calls?.count ?? 0);
    if (held === this.root) this.#last = frame;
    held.waiters = appended(held.waiters, frame);
    if (held.state === 'passing') frame.answered(held.view);
    else if (this.end.over) this.#tellWhenBegun();
    return frame;
  }

  /** The client has gone before what is below began: nobody else will tell of it, if it is not an endpoint that works. */
  #tellWhenBegun(): void {
    setImmediate(() => this.closed());
  }

  /**
   * What arrives of the body is told in the async context of the middleware, and so what is called for it is too: multer up to
   * 2.0 goes on from an event of the request, and would lose the stores of every `AsyncLocalStorage` there. What
   * is told where native code has stores of its own, below the middleware, is told there.
   */
  #keepContext(): void {
    const { req, exchange } = this;
    if (!mayHaveBody(req) || !hasStores(exchange)) return;
    this.#keepsContext = true;
    const { emit } = req;
    const value = (...event: unknown[]): unknown => {
      const told = (): unknown => Reflect.apply(emit, req, event);
      return belowLayer.getStore() === this ? told() : exchange.inContext(told);
    };
    Object.defineProperty(req, 'emit', { value, configurable: true, writable: true });
  }

  /** Runs what is below a layer so that what it leads to is known to be from there. */
  runBelow<T>(goOn: () => T): T {
    return this.#keepsContext ? belowLayer.run(this, goOn) : goOn();
  }

  /** The innermost hold that has something. */
  get holding(): HeldResponse | undefined {
    for (let at = this.holds.length - 1; at >= 0; at -= 1)
      if (this.holds[at]?.state === 'held') return this.holds[at];
    return undefined;
  }

  /** Runs when what is held has gone on its way, through all the holds that it is held at. Tells whether something is held. */
  whenReleased(action: () => void): boolean {
    const { holding } = this;
    holding?.afterRelease(() => {
      if (!this.whenReleased(action)) action();
    });
    return holding !== undefined;
  }

  /**
   * Native code that holds dependencies fails after it has answered: the failure takes the place of an answer that is still
   * held. Tells whether it does.
   */
  protected overtake(thrown: unknown, passOn = this.passOn): boolean {
    const { holding, innermost, exchange } = this;
    if (!holding || !holdsInjected(exchange) || this.saysClosed(thrown)) return false;
    const failure = toError(thrown);
    if (innermost?.takeBack()) innermost.reject(failure);
    else if (!overtake(exchange, failure)) return false;
    holding.failBody(failure);
    this.passOn = passOn;
    return true;
  }

  /** An inner layer is through: its response goes to the layer around it, or onto the native response. Never throws. */
  settle(frame: Frame | undefined, response: Response): void {
    try {
      this.#settle(frame, response);
    } catch (thrown) {
      this.exchange.replaced(response);
      this.settleError(undefined, thrown);
    }
  }

  #settle(frame: Frame | undefined, response: Response): void {
    if (frame === undefined) return this.answer(response);
    const { held } = frame;
    const inside = this.#framesInside(frame);
    this.leave(frame, response);
    for (const each of inside) this.#forget(each);
    const next = held.waiters.at(-1) as Frame | undefined;
    if (next) return this.#handOver(next, frame.baseOf(response), response);
    const { innermost } = this;
    if (this.#isHandedBack && held !== this.root) this.finish(held, response);
    else if (held === this.root || !innermost?.waits) this.tooLate(response);
    else if (this.end.over) innermost.answered(response);
    else this.finish(held, response);
  }

  /** Those further in than a frame, outermost first: layers that this one did not wait for. */
  #framesInside(frame: Frame): Frame[] {
    const { held } = frame;
    const index = held.waiters.indexOf(frame);
    if (index < 0) return [];
    const above = this.holds.slice(this.holds.indexOf(held) + 1).flatMap(each => each.waiters);
    return [...held.waiters.slice(index + 1), ...above] as Frame[];
  }

  /**
   * The layer around gets the response, at the same hold. What native code has set between the two is among its headers, so that who is further out sees it
   * and may take it away.
   */
  #handOver(frame: Frame, later: HeaderSnapshot, response: Response): void {
    const { held } = frame;
    if (!frame.waits || held.isViewedBy(response)) return frame.answered(response);
    fillHeaders(response.headers, new Headers(later.addedTo(frame.entry)));
    frame.answered(response);
    held.substitute = { ...held.substitute, base: frame.entry.keptIn(later) };
  }

  /** An exception leaves an inner layer or an endpoint: the layer around it gets it. */
  settleError(frame: Frame | undefined, error: unknown): void {
    this.drop(frame);
    const { innermost } = this;
    const waiting = innermost?.waits ? innermost : this.#takeAbandoned();
    if (waiting?.waits) return waiting.reject(error);
    this.reportOnce(error);
    if (!this.#isHandedBack || this.res.headersSent) return;
    const page = new PlainTextResponse('Internal Server Error', { status: 500 });
    if (frame && frame.held !== this.root) this.finish(frame.held, page);
    else this.#writeThrough(page);
  }

  /** Whether the framework answers an error, and has gone on to a layer or an endpoint for it. */
  get #isHandedBack(): boolean {
    return this.passedOn !== undefined && !this.#wasAbandoned && !this.end.over && !this.innermost?.waits;
  }

  /** An inner layer is left by an exception that travels on by itself. */
  drop(frame: Frame | undefined): void {
    if (frame) this.leave(frame, undefined);
  }

  /** Runs an endpoint below the layers that wait, and answers with its response. Never rejects. */
  async runEndpoint(endpoint: Endpoint, passOn?: (thrown: unknown) => void): Promise<void> {
    try {
      const response = await answerEndpoint(this.exchange, endpoint);
      this.settle(undefined, response);
    } catch (thrown) {
      this.#thrownAt(passOn, thrown);
      this.settleError(undefined, thrown);
    }
  }

  /** Answers with a response of ours: straight to the layer that waits, or through the methods that stand between. */
  answer(response: Response): void {
    const frame = this.innermost;
    if (this.#isHandedBack && !this.res.headersSent) return this.#writeThrough(response);
    if (!frame?.waits) return this.tooLate(response);
    const top = this.holds.at(-1);
    const isNext = frame.held === top && top.state === 'open' && isUncovered(top);
    if (this.end.over) return frame.answered(response);
    if (isNext && frame.entry.isStillOn(this.res)) return frame.answered(response);
    if (this.res.headersSent) {
      this.exchange.reports.tell(misuse('RESPONSE_STARTED'), 'request');
      return this.exchange.replaced(response);
    }
    // What native code has set on the way here belongs to the response.
    if (isNext) return this.#handOver(frame, new HeaderSnapshot(this.res), response);
    this.#writeThrough(response);
  }

  /** Writes a response onto the native one, as native code would: the hold that is topmost gets it. */
  #writeThrough(response: Response): void {
    this.keep(writeResponse(response, this.#method, this.res));
    this.exchange.replaced(response);
  }

  /** Sends what the outermost layer returned. A response that can not be written is a failure like any other. */
  async send(response: Response): Promise<Delivery> {
    try {
      if (this.end.over) this.exchange.replaced(response);
      else this.write(response);
    } catch (thrown) {
      const error = toError(thrown);
      this.exchange.replaced(response);
      this.#cutShort(error);
      await this.fail(error);
      return { outcome: 'aborted', error };
    }
    return this.delivered();
  }

  /** A head that is out can not be answered again, and what was to follow it will not come. */
  #cutShort(error: Error): void {
    const { res } = this;
    if (!res.headersSent) {
      if (this.root !== undefined) return;
      // Without a hold nobody puts the headers back, and the length of this body is not that of an error page.
      dropHeaders(res, ofBody);
      this.bypass(originalMethods(res), false);
    } else if (!res.writableEnded) cutShort(res, error);
  }

  release(): Promise<void> | undefined {
    return this.source.release();
  }

  /** Gives an exception back to the framework, whose answer is no longer held. */
  fail(error: Error, headers = errorHeadersOf(this.exchange)): Promise<Delivery> {
    const innermost = this.#last;
    this.leaveAll();
    // That of another request, which a middleware has waited for, is an error like any other.
    if (error instanceof ClientDisconnect && this.end.over) return this.delivered();
    // It came too late, or the head of a response that could not be held is out: there is nothing left to answer.
    if (this.end.over || (this.root?.state === 'passing' && this.res.headersSent)) {
      this.exchange.reports.tell(error, 'response');
      return this.delivered();
    }
    this.passedOn = this.#asTold(error);
    if (this.#makeWay(innermost)) {
      if (this.#page) this.#page.fill(headers);
      else if (headers) fillAtHead(this.res, headers);
      if (this.#wasAbandoned) this.res.once('finish', () => this.root?.detach());
      const fromHere = this.#thrown?.error === error ? this.#thrown.passOn : this.passOn;
      this.#passOn(this.passedOn, this.restart ?? fromHere);
    } else this.#answerForStream(error, innermost, headers);
    return this.delivered();
  }

  /**
   * Lets the framework answer, past the methods that an answer has used up. Returns false where native code still writes
   * and its calls cannot be told from those of the framework.
   */
  #makeWay(innermost: Frame | undefined): boolean {
    const { res, holds } = this;
    const first = holds.findIndex(held => held.isUsed);
    const used = first < 0 ? none : holds.slice(first);
    const hasEnded = used.findLast(held => held.isUsed)?.ended ?? true;
    if (!hasEnded && !this.tellsPages) return false;
    for (const held of holds.slice(0, first < 0 ? undefined : first).toReversed()) held.pass();
    const outermost = used[0];
    if (outermost === undefined) {
      // A handler that nobody has waited for may answer while the page is made.
      if (this.abandoned.length > 0 && this.tellsPages) this.#openPage(methodsOf(res), true);
      return true;
    }
    for (const held of used.toReversed()) held.bypass();
    const methods = outermost.hasWritten ? originalMethods(res) : outermost.previous;
    this.bypass(methods, !hasEnded, innermost?.entry);
    return true;
  }

  /** What is answered from now on goes out by methods that stood before, with the headers of that time. */
  protected bypass(methods: PreviousMethods, isGuarded: boolean, entry?: HeaderSnapshot): void {
    entry?.restore(this.res);
    this.res.statusCode = entry?.status ?? 200;
    setReason(this.res, undefined);
    forgetFraming(this.res);
    this.#openPage(methods, isGuarded);
  }

  #openPage(methods: PreviousMethods, isGuarded: boolean): void {
    this.#page = new ErrorPage(this.res, methods, {
      isGuarded,
      onStuck: () => {
        const error = misuse('ERROR_PAGE_UNENDED', patienceWithPage);
        this.exchange.reports.tell(error, 'response');
        return error;
      },
      onDropped: () => this.#takeAbandoned()?.answered(new PlainTextResponse()),
    });
  }

  /** The framework's own error handling may fail too; the connection does not hang then. */
  #passOn(error: unknown, passOn: (thrown: unknown) => void): void {
    const page = this.#page;
    try {
      if (page) page.run(() => passOn(error));
      else passOn(error);
    } catch (thrown) {
      this.exchange.reports.tell(toError(thrown), 'request');
      const error = toError(thrown);
      if (page) page.destroy(error);
      else cutShort(this.res, error);
    }
  }

  #newHold(top: HeldResponse | undefined): HeldResponse {
    if (this.res.headersSent) return HeldResponse.sent(this.res);
    return http2Stream(this.res) ? interceptHttp2(this.res, top) : intercept(this.res, top);
  }

  #holdForNext(): HeldResponse {
    const top = this.holds.at(-1);
    if (top?.state === 'open' && isUncovered(top)) return top;
    const held = this.#newHold(top);
    this.holds = appended(this.holds, held);
    this.root ??= held;
    return held;
  }

  /** Writes the outermost response. */
  protected write(response: Response): void {
    const { root } = this;
    if (root === undefined) return this.keep(writeResponse(response, this.#method, this.res));
    const outermost = root.waiters[0] as Frame | undefined;
    if (outermost) this.leave(outermost, response);
    this.leaveAll();
    this.#put(root, response);
  }

  /** The last layer at an inner hold is through: what it answers goes through the foreign methods below the hold. */
  protected finish(held: HeldResponse, response: Response): void {
    try {
      this.#put(held, response);
      this.exchange.replaced(response);
    } catch (thrown) {
      this.exchange.replaced(response);
      held.bypass();
      this.settleError(undefined, thrown);
      this.#cutShort(toError(thrown));
    }
  }

  #put(held: HeldResponse, response: Response): void {
    if (held.isViewedBy(response)) return held.release();
    // Holds above it have not been let go where a layer inside was not waited for.
    const above = this.holds.slice(this.holds.indexOf(held) + 1);
    for (const each of above) if (each.state === 'open' || each.state === 'held') each.giveUp();
    this.keep(held.replace(response, this.#method));
  }

  /** Remembers a producer, to close it with the response. */
  protected keep(producer: BodyProducer | undefined): void {
    if (producer) this.#producers = [...this.#producers, producer];
  }

  closeBodies(): Promise<unknown> | undefined {
    if (this.#producers.length === 0) return undefined;
    const producers = this.#producers;
    this.#producers = none;
    const close = async (producer: BodyProducer): Promise<void> => {
      const known = producer.error;
      await producer.close();
      if (producer.error && producer.error !== known) this.exchange.reports.tell(producer.error, 'response');
    };
    return Promise.all(producers.map(close));
  }

  protected delivered(): Promise<Delivery> {
    const over = this.end.whenOver();
    const isAsItIs = this.#producers.length === 0 && this.holds.every(({ state }) => state === 'passing');
    return isAsItIs ? over : this.#closed(over);
  }

  async #closed(over: Promise<Delivery>): Promise<Delivery> {
    const delivery = await over;
    if (this.#producers.length > 0) await this.#closeProducers(delivery);
    for (const held of this.holds) held.letGo();
    const error = this.#failureOfBody(delivery);
    return error ? { outcome: 'aborted', error } : delivery;
  }

  async #closeProducers(delivery: Delivery): Promise<void> {
    // All at once: one that waits for something must not keep another one open.
    const closing = this.#producers.map(producer => producer.close()).filter(each => each !== undefined);
    if (closing.length === 0) return;
    const closed = Promise.all(closing);
    if (await isClosedInTime(this.exchange, closed)) return;
    const known = this.#failureOfBody(delivery);
    void closed.then(() => {
      const late = this.#failureOfBody(delivery);
      if (late && late !== known) this.exchange.reports.tell(late, 'response');
    });
  }

  /** What a body has failed with, unless that is only because its client has gone. */
  #failureOfBody({ outcome }: Delivery): Error | undefined {
    const error = this.#producers.find(producer => producer.error)?.error;
    // A producer that waits with `request.signal` ends by an error of its kind when the client has gone, as it should.
    if (error && !this.#hasFailedItself && this.end.isReason(error)) return undefined;
    return error instanceof ClientDisconnect && outcome === 'aborted' ? undefined : error;
  }

  /** Native code streams, and its writes can not be told from those of an error page: the library itself answers. */
  #answerForStream(error: Error, innermost: Frame | undefined, headers: Headers | undefined): void {
    const page = answerUnhandled(this.exchange, error, 'response');
    const { root } = this;
    for (const held of this.holds.slice(1)) held.giveUp();
    if (root === undefined) return;
    root.substitute = { base: innermost?.entry, downstreamRuns: false };
    try {
      if (headers) fillHeaders(page.headers, headers);
      this.#put(root, page);
    } catch (thrown) {
      this.exchange.reports.tell(toError(thrown), 'response');
      cutShort(this.res, toError(thrown));
    }
  }

  protected leave(frame: Frame, response: Response | undefined): void {
    const { held } = frame;
    held.waiters = held.waiters.filter(each => each !== frame);
    if (frame.waits) this.#abandon(frame);
    if (response === frame.received) return;
    const downstreamRuns = frame.waits || held.substitute.downstreamRuns;
    held.substitute = { base: frame.baseOf(response), downstreamRuns };
  }

  protected leaveAll(): void {
    for (const held of this.holds) for (const frame of held.waiters as readonly Frame[]) this.#forget(frame);
  }

  #forget(frame: Frame): void {
    const { held } = frame;
    held.waiters = held.waiters.filter(each => each !== frame);
    if (frame.waits) this.#abandon(frame);
  }

  #abandon(frame: Frame): void {
    if (this.abandoned.includes(frame)) return;
    this.#wasAbandoned = true;
    this.abandoned = [...this.abandoned, frame];
    frame.held.onLateAnswer = () => this.#takeAbandoned()?.answered(new PlainTextResponse());
    if (this.end.over) this.#tellWhenBegun();
  }

  #takeAbandoned(): Frame | undefined {
    const frame = this.abandoned.at(-1);
    this.abandoned = this.abandoned.slice(0, -1);
    if (this.abandoned.length === 0) this.#forgetConnection();
    return frame;
  }

  /** Code that was not waited for has answered. Whoever waits for it goes on, with a response that changes nothing. */
  protected answeredLate(frame: Frame): boolean {
    if (!this.abandoned.includes(frame)) return false;
    this.abandoned = this.abandoned.filter(each => each !== frame);
    if (this.abandoned.length === 0) this.#forgetConnection();
    frame.answered(new PlainTextResponse());
    return true;
  }

  /** Native code that a layer has answered for has ended, or nothing will tell. */
  #letGoOfAbandoned(failure?: unknown): void {
    const { abandoned } = this;
    this.abandoned = none;
    for (const frame of abandoned)
      if (failure === undefined) frame.answered(new PlainTextResponse());
      else if (frame.waits) frame.reject(failure);
  }

  /** A response that nobody waits for any longer. */
  protected tooLate(response: Response): void {
    const frame = this.#takeAbandoned();
    if (frame) frame.answered(response);
    else this.exchange.replaced(response);
  }

  /** The response is over: layers stop waiting for native code, unless it may still use its dependencies. */
  protected closed(): void {
    const isSent = this.end.over?.outcome === 'sent';
    // Something went out that was not held (an app called as a function, HTTP/2): there is nothing left to change.
    const { innermost } = this;
    const isWaited = innermost?.waits && !isAnswering(this.exchange);
    if (isWaited && this.end.isAnsweredElsewhere) innermost.answered(HeldResponse.sent(this.res).view);
    if (isSent) return this.abandoned.length > 0 ? this.#leaveAbandoned() : undefined;
    // Code that waits for the rest of an upload may wait for ever.
    const { exchange } = this;
    const mayEnd = hasInjected(exchange) || (isHolding(exchange) && this.end.hasWholeRequest);
    const letGo = (failure?: unknown): void => this.#gone(failure);
    if (isWaited && innermost.waits && mayEnd && innermost.held.state === 'open')
      return this.#whenDone(innermost.order, letGo, () => this.#letGoLater(letGo));
    const gone = new ClientDisconnect();
    for (const held of this.holds) held.closed(gone);
    if (isAnswering(this.exchange)) return;
    this.#reject(gone, innermost);
    if (this.abandoned.length > 0) this.#leaveAbandoned();
  }

  /** Native code whose client has gone has ended without an answer, with this failure if it has failed. */
  #gone(failure: unknown): void {
    const { innermost } = this;
    if (!innermost?.waits) return;
    const gone = new ClientDisconnect();
    for (const held of this.holds) held.closed(gone);
    if (failure === undefined || this.saysClosed(failure)) this.#reject(gone, innermost);
    else innermost.reject(failure);
  }

  /** Rejects `callNext`. That is a failure of what is below only where the request is not complete. */
  #reject(gone: ClientDisconnect, frame: Frame | undefined): void {
    if (!frame?.waits) return;
    if (this.end.hasWholeRequest) this.exchange.failing.disconnected = gone;
    frame.reject(gone);
  }

  /**
   * Leaves dependencies to native code that a layer has answered for, until it ends or the connection closes.
   */
  #leaveAbandoned(): void {
    const done = (failure?: unknown): void => this.#letGoOfAbandoned(failure);
    const [first] = this.abandoned;
    const { socket } = this.req;
    const closed = (): void => this.#letGoLater(done);
    // An endpoint answers, if late.
    if (isAnswering(this.exchange)) return;
    this.#whenDone(first?.order ?? 0, done, () => {
      if (socket.destroyed) closed();
      else this.#forgetConnection = whenClosed(socket, closed);
    });
  }

  /** Native code has destroyed its response, which ends it as an answer would. */
  destroyed(): void {
    this.#isDestroyedHere = true;
  }

  /** Nothing tells when native code ends: it keeps what it has injected until it answers or fails. */
  #letGoLater(done: () => void): void {
    if (!isHolding(this.exchange) || this.#isDestroyedHere) done();
    else if (!hasInjected(this.exchange)) setTimeout(done, patience).unref();
  }

  /** Calls `done` when native code that is at work now has ended, or `unknown` where no promise tells. */
  #whenDone(order: number, done: (failure?: unknown) => void, unknown: () => void): void {
    const works = this.#calls?.isLastKnown ? this.#calls.worksAfter(order) : [];
    // A turn later: the router passes a rejection on first.
    const later = (failure?: unknown): void => void setImmediate(done, failure);
    whenAllSettled(works, later, unknown);
  }
}

/** A list with one more; nearly all have no other. */
function appended<T>(list: readonly T[], last: T): readonly T[] {
  return list.length === 0 ? [last] : [...list, last];
}

/** Native code may give back any promise, or nothing. */
export function whenRejected(returned: unknown, failed: (thrown: unknown) => void): void {
  const { then } = (returned ?? {}) as { then?: unknown };
  if (typeof then === 'function') Reflect.apply(then, returned, [undefined, failed]);
}

const destroying: DestroyGuard = {
  responseOf: currentResponse,
  whenReleased(response, destroy) {
    const native = NativeExchange.of(response);
    native?.holding?.willBeDestroyed();
    return native?.whenReleased(destroy) ?? false;
  },
  destroyedHere: response => NativeExchange.of(response)?.destroyed(),
};
