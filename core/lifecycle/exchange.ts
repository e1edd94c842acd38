import { BackgroundTasks } from '../background/background-tasks.js';
import { DependencyCache } from '../dependencies/dependency-cache.js';
import { type ExitObserver, ExitStack } from '../dependencies/exit-stack.js';
import type { AnyDependency, DependencyScope, Injected } from '../dependencies/marker.js';
import type { DependencyRun } from '../dependencies/solve.js';
import { ClientDisconnect, carries, classOf, isMisuse, located, misuse, nameOf, toError } from '../errors.js';
import { builtInResponse, type ExceptionHandler } from '../exceptions/exception-handlers.js';
import { errorResponse, isExpected } from '../exceptions/http-exception.js';
import { accept } from '../http/accept.js';
import type { Files } from '../http/files.js';
import { fillHeaders, type Headers } from '../http/headers.js';
import { HTTPException } from '../http/http-exception.js';
import { InjectedResponse } from '../http/injected-response.js';
import type { Request } from '../http/request.js';
import { sharedOf, sourceOf } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import { isResponseLike } from '../http/response-like.js';
import { bodyOf, claimFor, isNativeView, openedBodyOf, worksOf } from '../http/response-parts.js';
import type { Shared, Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import type { OnionRun } from '../middleware/compose.js';
import type { ErrorPhase, ErrorReporter, FrozenLayer } from './frozen-layer.js';
import { type Entry, type Undone, type Work, within } from './in-flight.js';
import { Reports } from './reports.js';
import { RequestContext } from './request-context.js';
import { Unfinished } from './unfinished.js';

/** How the sending of a response ended. */
export interface Delivery {
  /** `sent`: to its last byte; `aborted`: the connection was gone before. */
  readonly outcome: 'sent' | 'aborted';
  /** What the producer of the body threw. The connection is cut then, never ended as if the response were complete. */
  readonly error?: Error | undefined;
}

/** Native code that is still at work when it has answered. */
export interface NativeWork {
  /** Resolves when the answer may go on: with `false` where the code waits for its answer to be sent. */
  answerMayGo(): Promise<boolean>;
  /** Resolves when the code has ended, or is given up: it waits for what a response that is over never gives. */
  end(): Promise<void>;
  /** Whether the code has not ended yet. What has ended in this turn is known one microtask later. */
  isAtWork(): boolean;
}

/** The port that an adapter implements: what happens to the outcome of a request. */
export interface Transport {
  /** Sends the response. Resolves when its last byte is handed over or the connection is gone; never rejects. */
  send(response: Response): Promise<Delivery>;
  /**
   * Gives an exception that nobody handled to the framework. Resolves when the framework's answer is out; never rejects.
   * `headers` are for that answer, whoever makes it: it gets those that it does not name.
   */
  fail(error: Error, headers: Headers | undefined): Promise<Delivery>;
  /** Aborts `request.signal` although the client is still there: the time of a layer is up. */
  abort(reason: Error): void;
  /**
   * The native code below the innermost layer that may still use its dependencies although it has answered.
   */
  nativeWork?(): NativeWork | undefined;
  /** Calls `tell` once if native code writes to its response from now on. */
  whenWritten?(tell: () => void): void;
  /**
   * Closes streamed bodies that were written to the native response and will not be sent. Resolves when they
   * have closed, and never rejects.
   */
  closeBodies?(): Promise<unknown> | undefined;
  /** How files are read; where there are none, a `FileResponse` can not be sent. */
  readonly files?: Files;
  /** All is over, to the last background task: what was kept for the request is let go. A rejection is reported. */
  release?(): Promise<void> | undefined;
}

const none: readonly never[] = [];
/** How long a body that is told to close keeps its dependencies where no layer has a `timeout`, in milliseconds. */
const defaultPatience = 5_000;

/** A layer that has taken the request, and the place of the request among what it is at. */
interface Taken {
  readonly layer: FrozenLayer;
  place: Entry;
}

/** The state of one request: what its layers, dependencies, endpoint and tasks share. */
export class Exchange implements OnionRun, DependencyRun, ExitObserver, Work {
  readonly transport: Transport;
  /** What was given to the framework, which tells of it in its own way. */
  passedOn: Error | undefined;
  // What most requests have no use for is made when it is first asked for.
  #request: Request;
  /** That of every request that is made of the one that came: `timings` and `trace` are asked for at each step. */
  readonly #shared: Shared;
  #exits: ExitStack | undefined;
  #solved: DependencyCache | undefined;
  #backgroundTasks: BackgroundTasks | undefined;
  #injected: (Injected & { request: Request }) | undefined;
  #unfinished: Unfinished | undefined;
  /** Why nothing is to be entered any more. */
  #refusal: (() => Error) | undefined;
  /** Whether nothing runs the tasks that are added from now on. */
  #areTasksOver = false;
  /** Lists that are made anew when something is added have no room to spare: a request may last for hours. */
  #layers: readonly FrozenLayer[] = none;
  #replaced: readonly Response[] = none;
  /** The layers that it has come to, in which it is at work until its last task. */
  #entered: readonly Taken[] = none;
  /** The shortest of the layers that it has come to, in milliseconds. */
  #timeout: number | undefined;
  /** How it is called among what is left undone; its method and path unless set. */
  readonly name: string | undefined;
  readonly #reports = new Reports(this);
  readonly #context = new RequestContext();
  #unhandled: Error | undefined;
  /** Whether native code has dependencies of its own: they are not taken from it while it works. */
  hasInjected = false;
  /** The names of dependencies of scope `function` that native code has been given outside of a block. */
  #lent: readonly string[] = none;
  /** Native code that has answered and may still use what is open. */
  #native: NativeWork | undefined;
  /** What `callNext` rejects with because the client has gone. It is not thrown into the dependencies. */
  disconnected: ClientDisconnect | undefined;
  /** An error of native code that is on its way to whoever answers it. */
  #observed: Error | undefined;
  /** A late error of native code that takes the place of the answer. */
  #overtaking: Error | undefined;
  /** What our own code has answered with, as it left an endpoint or a layer: its failures are told by exceptions, not by a status. */
  ownStatus: number | undefined;
  /** What was thrown into the dependencies. Those that are entered after it belong to the same failed request. */
  failed: Error | undefined;
  /** Whether the response is on its way. */
  isSending = false;
  /** Whether the response is out, or never will be. */
  isSent = false;
  #isEnded = false;
  /** Whether something has answered when the tasks of all responses had been taken over. */
  #hasLate = false;
  #onItsWay: Response | undefined;
  #isOver = false;
  /** Whether the dependencies were taken from something that a layer had given up on. */
  #hasGivenUp = false;
  #endpoints = 0;
  /** Whether the layers do not wait for it, although it is not over. */
  #isDetached = false;
  #whenOver: readonly (() => void)[] = none;

  constructor(request: Request, transport: Transport) {
    this.transport = transport;
    this.#request = request;
    this.#shared = sharedOf(request);
  }

  /** The request as the code that runs now sees it. */
  get request(): Request {
    return this.#request;
  }

  get exits(): ExitStack {
    if (this.#exits) return this.#exits;
    this.#exits = new ExitStack(this);
    if (this.#refusal) this.#exits.close(this.#refusal);
    return this.#exits;
  }

  get solved(): DependencyCache {
    this.#solved ??= new DependencyCache();
    return this.#solved;
  }

  get backgroundTasks(): BackgroundTasks {
    if (this.#backgroundTasks) return this.#backgroundTasks;
    this.#backgroundTasks = new BackgroundTasks();
    if (this.#areTasksOver) this.#backgroundTasks.close(this);
    return this.#backgroundTasks;
  }

  get injected(): Injected {
    if (this.#injected) return this.#injected;
    const { backgroundTasks } = this;
    this.#injected = { request: this.#request, response: new InjectedResponse(), backgroundTasks };
    return this.#injected;
  }

  get #below(): Unfinished {
    this.#unfinished ??= new Unfinished(this);
    return this.#unfinished;
  }

  /** Whether nothing runs that a middleware did not wait for. */
  get #isIdle(): boolean {
    return this.#unfinished === undefined || this.#unfinished.isIdle;
  }

  /** Whether a dependency is open. */
  get hasEntered(): boolean {
    return this.#exits !== undefined && !this.#exits.isEmpty;
  }

  /** Nothing is entered any more, for this reason. */
  closeExits(refusal: () => Error): void {
    this.#refusal = refusal;
    this.#exits?.close(refusal);
  }

  /** Nothing runs the tasks that are added from now on. */
  closeTasks(): void {
    this.#areTasksOver = true;
    this.#backgroundTasks?.close(this);
  }

  get files(): Files | undefined {
    return this.transport.files;
  }

  /** Everything below sees this request, in the async context of now: exits and tasks will run in it. */
  goBelow(request: Request): void {
    this.#request = request;
    if (this.#injected) this.#injected.request = request;
    this.#context.keep();
  }

  /** Whether there is a store of an `AsyncLocalStorage` that could be lost. */
  get hasStores(): boolean {
    return this.#context.hasStores;
  }

  inContext<T>(run: () => T): T {
    return this.#context.run(run);
  }

  /** The layer is not done before this is. */
  enterLayer(layer: FrozenLayer): void {
    const isTwice = this.#layers.includes(layer);
    this.#layers = this.#layers.length === 0 ? [layer] : [...this.#layers, layer];
    this.#reports.enterLayer(layer.onError);
    if (isTwice) this.#warnOfTwo(layer);
    const { maxBodySize, strictContentType } = layer;
    if (maxBodySize !== undefined) sourceOf(this.request).maxBodySize = maxBodySize;
    if (strictContentType !== undefined) sourceOf(this.request).strictContentType = strictContentType;
    if (layer.timeout !== undefined) this.#timeout = Math.min(layer.timeout, this.#timeout ?? layer.timeout);
    if (layer.inFlight.isClosed || this.isTakenBy(layer)) return;
    this.#entered = [...this.#entered, { layer, place: layer.inFlight.begin(this) }];
  }

  #warnOfTwo({ mounts }: FrozenLayer): void {
    const places = mounts.takeWarning();
    if (places !== undefined) this.report(misuse('LAYER_TWICE', places), 'request');
  }

  /** What a lifespan has yielded is there for everything below. What is there already, of layers further out, stays. */
  takeState(state: object | undefined): void {
    if (state) Object.assign(this.request.state, { ...state, ...this.request.state });
  }

  /**
   * A layer may be left before one inside it is: a timeout. The outermost one stays: its overrides hold for what native code
   * injects while its response is sent.
   */
  leaveLayer(layer: FrozenLayer): void {
    const index = this.#layers.lastIndexOf(layer);
    if (index > 0) this.#layers = this.#layers.toSpliced(index, 1);
    this.#reports.leaveTo(index > 0 ? this.#layers : none);
  }

  /** What the dependencies that are entered now belong to. */
  get owner(): ErrorReporter | undefined {
    return this.#reports.onError;
  }

  /** Whether a layer has taken the request: it is not refused then, although the layer is being closed. */
  isTakenBy(layer: FrozenLayer): boolean {
    return this.#entered.some(taken => taken.layer === layer);
  }

  /** Whether the request is inside a layer. */
  isInside(layer: FrozenLayer): boolean {
    return this.#layers.includes(layer);
  }

  get defaultScope(): DependencyScope {
    // Loops and no functions here and below: they are asked for each dependency.
    for (let index = this.#layers.length - 1; index >= 0; index -= 1) {
      const { defaultScope } = this.#layers[index] as FrozenLayer;
      if (defaultScope !== undefined) return defaultScope;
    }
    return 'request';
  }

  get hasOverrides(): boolean {
    return this.#layers.some(({ overrides }) => overrides.size > 0);
  }

  overrideOf(dependency: AnyDependency): AnyDependency {
    for (let index = this.#layers.length - 1; index >= 0; index -= 1) {
      const { overrides } = this.#layers[index] as FrozenLayer;
      if (overrides.size > 0 && overrides.has(dependency)) return overrides.get(dependency) as AnyDependency;
    }
    return dependency;
  }

  /** An exception leaves a middleware: as it is, or as a response with the headers that are meant for it. */
  async recoverOutside(thrown: unknown): Promise<Response> {
    return this.#withErrorHeaders(await this.recover(thrown));
  }

  /** The headers that an exception takes along to whatever answers it. */
  get errorHeaders(): Headers | undefined {
    return this.#shared.errorHeaders;
  }

  /** Where somebody wants to know how long things take. */
  get timings(): Timings | undefined {
    return this.#shared.timings;
  }

  /** Where a test wants to know what happens in which order. */
  get trace(): Trace | undefined {
    return this.#shared.trace;
  }

  #withErrorHeaders(response: Response): Response {
    const { errorHeaders } = this;
    if (errorHeaders) fillHeaders(response.headers, errorHeaders);
    return response;
  }

  /**
   * What happens to an exception: it is thrown into every dependency that is open, the tasks are dropped, and its handler,
   * looked up from the innermost layer outwards, makes the response. Rejects with what has no handler.
   */
  async recover(thrown: unknown): Promise<Response> {
    if (thrown !== undefined && thrown === this.disconnected) throw thrown;
    this.#observed = undefined;
    const failure = await this.unwind(toError(thrown));
    if (failure === this.#unhandled) throw failure;
    if (!(failure instanceof ClientDisconnect)) {
      const handled = await this.#askHandlers(failure);
      if (handled) return handled;
    }
    this.#unhandled = failure;
    const builtIn = this.#attempt(failure, () => builtInResponse(failure));
    if (!builtIn) throw failure;
    this.#unhandled = undefined;
    return claimFor(this, builtIn);
  }

  /**
   * What a handler throws, the exception again or another one, is for the layers further out. It has no
   * built-in response: a handler that throws an HTTPException gives it to the framework. Rejects with what
   * none of them handles.
   */
  async #askHandlers(failure: Error): Promise<Response | undefined> {
    let isRefused = false;
    let current = failure;
    for (const { handlers } of this.#layers.toReversed()) {
      const handler = this.#attempt(current, () => handlers.find(current));
      if (!handler) continue;
      try {
        const response = await this.handle(handler, current);
        this.#unhandled = undefined;
        return response;
      } catch (thrown) {
        isRefused = true;
        current = thrown as Error;
      }
    }
    if (isRefused) throw current;
    return undefined;
  }

  /**
   * Throws a failure into every open dependency and drops the tasks of the request that failed. Where something still
   * runs below that a middleware did not wait for, that happens when it is through.
   */
  async unwind(thrown: Error): Promise<Error> {
    this.failed = this.locate(thrown);
    if (!this.#isIdle) this.exits.failure ??= thrown;
    if (this.#unfinished?.isAbandoned) return thrown;
    if (!(await this.#isNativeAtWork())) return this.locate(await this.#unwindNow(thrown));
    this.exits.failure ??= thrown;
    return thrown;
  }

  /** Whether native code still works that has answered. It does not where its own failure is the one at hand. */
  async #isNativeAtWork(): Promise<boolean> {
    if (this.#native === undefined) return false;
    await undefined;
    return this.#native.isAtWork();
  }

  async #unwindNow(thrown: Error): Promise<Error> {
    const closing = this.#closeBegun();
    if (closing) await this.isClosedInTime(closing);
    const left = this.exits.entered;
    const failure = await this.inContext(() => this.exits.unwind(thrown));
    // What has exited is not given to anybody any more.
    this.solved.clear(left);
    this.dropTasks(failure);
    return failure;
  }

  /**
   * Closes what was to be sent before a failure. What native code has written stays until its answer is
   * replaced.
   */
  #closeBegun(): Promise<unknown> | undefined {
    const written = this.isSending ? undefined : this.transport.closeBodies?.();
    const replaced = this.#replaced
      .filter(response => !isNativeView(response))
      .map(response => bodyOf(response).discard())
      .filter(closing => closing !== undefined);
    if (replaced.length === 0) return written;
    return Promise.all([written, ...replaced.map(closing => this.#reporting(closing))]);
  }

  /** The response that a handler makes. What it throws itself has no handler in its layer. */
  async handle(handler: ExceptionHandler, failure: Error): Promise<Response> {
    try {
      const made = await handler(this.request, failure);
      if (!isResponseLike(made))
        throw misuse(
          'NOT_A_RESPONSE',
          `The exception handler \`${nameOf(handler, `of ${classOf(failure)}`)}\``,
          made,
        );
      return await accept(this, made, this.request);
    } catch (thrown) {
      this.#unhandled = this.#causedBy(toError(thrown), failure);
      throw this.#unhandled;
    }
  }

  /** The handler for `Error` of a layer, which stands outside its middleware. */
  async handleOutside(layer: FrozenLayer, failure: Error): Promise<Response> {
    const { catchAll } = layer.handlers;
    if (!catchAll || failure instanceof ClientDisconnect) throw failure;
    this.report(failure, 'request');
    this.#unhandled = undefined;
    return this.#withErrorHeaders(await this.handle(catchAll, failure));
  }

  /** What is made of an exception; what that fails with, as where its headers are invalid, goes on in its place. */
  #attempt<T>(failure: Error, make: () => T): T {
    try {
      return make();
    } catch (thrown) {
      throw this.#causedBy(toError(thrown), failure);
    }
  }

  /** An error that takes the place of another one. What it does not carry as its cause is reported by itself. */
  #causedBy(error: Error, failure: Error): Error {
    if (!carries(error, failure)) this.failureLost(failure);
    return error;
  }

  failureLost(lost: Error): void {
    if (!this.wasReported(lost)) this.report(lost, this.isSending ? 'response' : 'request');
  }

  exiting(name: string, failure: Error | undefined): void {
    this.trace?.add(failure ? `${name} exit with ${classOf(failure)}` : `${name} exit`);
  }

  cameFrom(thrown: unknown, dependency: string): void {
    this.#reports.cameFrom(thrown, dependency);
  }

  exitFailed(failure: Error, owner: unknown, name: string): void {
    this.#reports.cameFrom(failure, name);
    this.#reports.tellOwner(failure, owner as ErrorReporter | undefined);
  }

  abandon(below: Promise<unknown>): void {
    const settle = this.#below.abandon();
    below.then(settle, thrown => {
      const error = toError(thrown);
      const isKnown =
        error instanceof ClientDisconnect ||
        this.wasReported(error) ||
        isMisuse(error, 'ALREADY_ANSWERED') ||
        error === this.passedOn;
      if (!isKnown) this.report(error, 'request');
      settle();
    });
  }

  /** A layer gives up on what has not answered in its time, and will wait as long again before it takes the dependencies from it. */
  giveUp(below: Promise<Response>, timeout: number): Promise<Response> {
    const error = misuse('LAYER_TIMEOUT', timeout);
    this.report(error, 'request');
    // What it answers later is not sent, and has tasks all the same.
    below.then(
      response => this.replaced(response),
      () => undefined,
    );
    this.abandon(below);
    this.#below.loseInterestAfter(timeout);
    this.transport.abort(error);
    return this.recoverOutside(new HTTPException(504, undefined, { cause: error }));
  }

  /** Keeps the exits from running until native code has what it injects; whoever began it hears how. */
  busyWith(work: Promise<unknown>): void {
    this.hasInjected = true;
    this.#attach();
    this.#below.busyWith(work);
  }

  /** Keeps the exits, those of scope `function` too, from running before a block of native code has ended. */
  runsBlock(block: Promise<unknown>): void {
    this.exits.keep(block);
    this.busyWith(block);
  }

  /** Notes dependencies of scope `function` that native code was given outside of a block. */
  lend(names: readonly string[]): void {
    if (names.length > 0) this.#lent = [...this.#lent, ...names];
  }

  /**
   * Waits for native code that has answered and may still use its dependencies of scope `function`. Where it
   * waits for its answer to be sent, these exit later, when it has ended.
   */
  async whenNativeHasEnded(): Promise<void> {
    const work = this.transport.nativeWork?.();
    if (work === undefined || (await work.answerMayGo())) return;
    const end = work.end();
    this.exits.keep(end);
    this.#native = work;
    this.#attach();
    this.#below.busyWith(end);
  }

  /** Keeps what is open for native code that has answered, until that code has ended. Its answer goes on at once. */
  keepForNative(): void {
    this.#native = this.transport.nativeWork?.();
  }

  /** Reports native code that goes on to write although what it was given has exited. */
  watchLateUse(): void {
    const name = this.#lent[0];
    if (name === undefined || this.#exits?.has('function')) return;
    this.#lent = none;
    const tell = (): void => this.report(misuse('INJECT_USED_LATE', this.title, name), 'request');
    this.transport.whenWritten?.(tell);
  }

  /** Whether native code may still use what the request has entered. */
  get isHolding(): boolean {
    return this.hasInjected || this.hasEntered;
  }

  /**
   * Resolves when nothing runs below any more that a middleware did not wait for; its dependencies are not taken from it,
   * unless a layer's time is up.
   */
  async idle(): Promise<void> {
    if (this.#native?.isAtWork()) this.#below.busyWith(this.#native.end());
    await this.#unfinished?.whenIdle();
    this.#isOver = true;
    const failure = this.#exits?.failure;
    const unwound = failure && (await this.#unwindNow(failure));
    if (unwound && unwound !== failure) this.report(unwound, 'exit');
    this.#hasGivenUp = !this.#isIdle;
    if (failure && this.#hasGivenUp) this.closeExits(() => failure);
    else if (this.#exits) this.#exits.failure = undefined;
  }

  /** Whether nothing is left to do for the request, so that it is over with its response: no exit, no task, no failure. */
  isDoneWith(response: Response | undefined, { error }: Delivery): boolean {
    const hasWork = this.#exits !== undefined || this.#backgroundTasks !== undefined || !this.#isIdle;
    const hasFailed = error !== undefined || this.failed !== undefined || this.passedOn !== undefined;
    if (hasWork || hasFailed || this.#hasGivenUp || this.#replaced.length > 0) return false;
    if (response === undefined || worksOf(response).length > 0) return false;
    const body = openedBodyOf(response);
    return body === undefined || (!isNativeView(response) && body.whole !== undefined);
  }

  /** It is over. Resolves when what was kept for it has been let go, and is `undefined` where nothing was. */
  finish(refusal: () => Error): Promise<void> | undefined {
    this.#isOver = true;
    this.closeExits(refusal);
    // What is let go of may take its time, and nothing would run a task that is added meanwhile.
    if (this.isSettled) this.closeTasks();
    const released = this.release();
    if (released) return released.then(() => this.end());
    this.end();
    return undefined;
  }

  /**
   * Waits for the body of the response to close, for as long as the shortest `timeout` of its layers says. Tells whether it
   * has: its dependencies exit all the same then, and `onError` is told.
   */
  async isClosedInTime(closing: Promise<unknown>): Promise<boolean> {
    const patience = this.#timeout ?? defaultPatience;
    const isClosed = await within(patience, closing);
    if (!isClosed && this.hasEntered) this.report(misuse('BODY_UNCLOSED', patience), 'response');
    return isClosed;
  }

  /** Whether nothing works any more that a layer has given up on. */
  get isSettled(): boolean {
    return !this.#hasGivenUp;
  }

  /** Lets go of what was kept for the request: bodies that nobody reads to their end, and the files of a form. */
  release(): Promise<void> | undefined {
    for (const response of this.#replaced) this.#releaseBody(response);
    if (this.#onItsWay) this.#releaseBody(this.#onItsWay);
    return this.transport.release?.()?.catch(thrown => this.report(toError(thrown), 'background'));
  }

  #releaseBody(response: Response): void {
    const released = openedBodyOf(response)?.release();
    released?.catch(thrown => this.report(toError(thrown), 'response'));
  }

  /** All is over; what a layer has given up on may still come to its end. */
  end(): void {
    this.#isEnded = true;
    if (!this.#isIdle) return;
    if (this.#hasGivenUp || this.#hasLate) void this.#letGoOfTheRest();
    else this.#leaveLayers();
  }

  becameIdle(): void {
    if (this.#isEnded && this.#isIdle) void this.#letGoOfTheRest();
  }

  /** What answers when all is over, as what a layer had given up on: its tasks and its response are not wanted. */
  async #letGoOfTheRest(): Promise<void> {
    void this.settleResponses(undefined);
    this.dropTasks(this.exits.refusal ?? misuse('ALREADY_ANSWERED'));
    await this.backgroundTasks.runAll((error, task) => this.report(error, 'background', task), true);
    this.#leaveLayers();
  }

  #leaveLayers(): void {
    this.closeTasks();
    this.#endInLayers();
  }

  #endInLayers(): void {
    this.#isDetached = true;
    for (const { layer, place } of this.#entered) layer.inFlight.end(place);
    const resolves = this.#whenOver;
    this.#whenOver = none;
    for (const resolve of resolves) resolve();
  }

  /** Resolves when the last task has run, and nothing is at work for it any more. */
  whenOver(): Promise<void> {
    if (this.#isDetached) return Promise.resolve();
    return new Promise(resolve => {
      this.#whenOver = [...this.#whenOver, resolve];
    });
  }

  /**
   * The client is gone, and native code may never come to its end. Where it holds nothing, nobody waits for it and nothing
   * keeps it in memory.
   */
  detach(): void {
    const holdsNothing = this.#exitNames.length === 0 && this.#taskNames.length === 0;
    if (holdsNothing && !this.isAnswering && this.#isIdle) this.#endInLayers();
  }

  #attach(): void {
    if (!this.#isDetached || this.#isEnded) return;
    this.#isDetached = false;
    for (const taken of this.#entered) taken.place = taken.layer.inFlight.begin(this);
  }

  /** Whether an endpoint works: it comes to its end, also when its client has gone. */
  get isAnswering(): boolean {
    return this.#endpoints > 0;
  }

  /** An endpoint works until the response is made. */
  async answering(answer: () => Promise<Response>): Promise<Response> {
    this.#endpoints += 1;
    this.#attach();
    try {
      return await answer();
    } finally {
      this.#endpoints -= 1;
    }
  }

  /** What it is called in reports and errors. */
  get title(): string {
    return this.name ?? methodAndPath(this.request);
  }

  undone(): Undone {
    const isAnswered = this.isSent && this.#isIdle;
    const { backgroundTasks } = this;
    return {
      responses: isAnswered ? [] : [this.title],
      exits: this.#exitNames,
      tasks: [...backgroundTasks.names, ...backgroundTasks.namesIn(this.#made().flatMap(worksOf))],
    };
  }

  get #exitNames(): readonly string[] {
    return this.#exits?.names ?? none;
  }

  get #taskNames(): readonly string[] {
    return this.#backgroundTasks?.names ?? none;
  }

  cutShort(reason: Error): void {
    this.backgroundTasks.cutShort(reason);
    if (!this.isSent) this.transport.abort(reason);
  }

  /** Whether the dependencies have exited, or do so now. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether native code holds dependencies that its failure would roll back. */
  get holdsInjected(): boolean {
    const hasFailed = this.failed !== undefined || this.#observed !== undefined;
    return this.hasInjected && !hasFailed && this.hasEntered;
  }

  /**
   * Native code that holds dependencies has failed after it answered. Tells whether the failure takes the place of the answer:
   * not once the response is on its way.
   */
  overtake(failure: Error): boolean {
    if (!this.isSending) this.#overtaking ??= failure;
    return this.#overtaking === failure;
  }

  /** The failure that takes the place of the answer, once. */
  takeOvertaking(): Error | undefined {
    const failure = this.#overtaking;
    this.#overtaking = undefined;
    return failure;
  }

  /** Native code has failed and its answer stands: the dependencies get the failure thrown in when they exit. */
  failedLate(thrown: unknown): void {
    if (!this.#isOver) this.exits.failure ??= toError(thrown);
  }

  /** The response is on its way: what fails from now on does not take its place. */
  sending(response: Response): void {
    this.isSending = true;
    this.#onItsWay = response;
  }

  /** Notes an error of native code before it is answered: the open dependencies get it, whoever answers. */
  observe(failure: Error): void {
    this.#observed = this.locate(failure);
  }

  /** The error that native code has failed with before this answer, once. */
  takeObserved(): Error | undefined {
    const failure = this.#observed;
    this.#observed = undefined;
    return failure;
  }

  /**
   * An error handler of the app goes on without the error: what was open gets it, and what comes after begins anew. Returns
   * what has to be waited for first.
   */
  goOnAfterError(): Promise<void> | undefined {
    const failure = this.takeObserved();
    const isNothingOpen = !this.hasEntered && this.#taskNames.length === 0;
    if (failure && !isNothingOpen) return this.failedNatively(failure).then(() => this.#beginAnew());
    this.#beginAnew();
    return undefined;
  }

  #beginAnew(): void {
    this.failed = undefined;
    if (this.#exits && !this.#unfinished?.isAbandoned) this.#exits.failure = undefined;
    this.#solved?.forgetExited();
  }

  /**
   * The response of an adapter that has no framework to give an exception to which nobody handled: by the
   * `status`, `expose` and `headers` that it carries. One of 500 and above, and one without a status, is
   * reported.
   */
  answerUnhandled(error: Error, phase: ErrorPhase): Response {
    if (!isExpected(error)) this.report(error, phase);
    return errorResponse(error);
  }

  /** Native code has failed and is answered by native code: the dependencies get the failure before that answer goes on. */
  async failedNatively(known: Error): Promise<void> {
    const failure = await this.unwind(known);
    if (failure !== known) this.report(failure, 'exit');
  }

  replaced(response: Response): void {
    openedBodyOf(response)?.forget();
    this.#replaced = [...this.#replaced, response];
    this.#hasLate ||= this.#isOver;
    if (this.#isEnded) this.becameIdle();
  }

  /** Takes over the tasks of the responses, and closes their bodies. Returns what the exits wait for; it never rejects. */
  settleResponses(sent: Response | undefined): Promise<unknown> | undefined {
    if (sent) this.#adopt(sent);
    if (this.#replaced.length > 0) this.#adoptLost();
    const closing = this.#replaced.map(response => bodyOf(response).settle(true));
    const open = [sent && openedBodyOf(sent)?.settle(false), ...closing].filter(each => each !== undefined);
    if (open.length === 0) return undefined;
    return this.isClosedInTime(Promise.all(open.map(each => this.#reporting(each))));
  }

  #reporting(closing: Promise<void>): Promise<void> {
    return closing.catch(thrown => {
      const error = toError(thrown);
      if (!this.wasReported(error)) this.report(error, 'response');
    });
  }

  dropTasks(cause: Error): void {
    this.#adoptLost();
    this.backgroundTasks.drop(cause, (dropped, task) => this.report(dropped, 'background', task));
  }

  #adoptLost(): void {
    for (const response of this.#replaced.toReversed()) this.#adopt(response);
  }

  #adopt(response: Response): void {
    for (const work of worksOf(response)) this.backgroundTasks.adopt(work);
  }

  /** What has been answered with, the outermost first. */
  #made(): Response[] {
    return [...(this.#onItsWay ? [this.#onItsWay] : []), ...this.#replaced.toReversed()];
  }

  /** A failure after the response: it is reported and the tasks are dropped, once for each. */
  noteFailure(
    phase: 'response' | 'exit',
    failure: Error | undefined,
    known: Error | undefined,
  ): Error | undefined {
    if (failure === undefined || failure === known) return failure;
    if (!this.wasReported(failure)) this.report(failure, phase);
    this.dropTasks(failure);
    return failure;
  }

  wasReported(error: Error): boolean {
    return this.#reports.has(error);
  }

  /** Says in the message of a misuse at which request it came up. */
  locate(error: Error): Error {
    return located(error, () => this.title);
  }

  /** Tells `onError`; `task` is the background task that has failed. */
  report(error: Error, phase: ErrorPhase, task?: string): void {
    this.#reports.tell(error, phase, task);
  }
}

/** A client may send a path of many kilobytes. */
const longestPath = 200;

/** A request that no route can match has no path. */
function methodAndPath(request: Request): string {
  try {
    return `${request.method} ${request.path.slice(0, longestPath)}`;
  } catch {
    return request.method;
  }
}
