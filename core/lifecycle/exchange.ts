import { AsyncResource } from 'node:async_hooks';
import { BackgroundTasks, type BackgroundWork } from '../background/background-tasks.js';
import type { AnyDependency, DependencyScope, Injected } from '../dependencies/depends.js';
import { ExitStack } from '../dependencies/exit-stack.js';
import { DependencyCache, type DependencyRun } from '../dependencies/solve.js';
import { ClientDisconnect, misuse, nameOf, toError, withCause } from '../errors.js';
import {
  builtInResponse,
  type ExceptionHandler,
  type FoundHandler,
} from '../exceptions/exception-handlers.js';
import { HTTPException, statusOf } from '../exceptions/http-exception.js';
import { InjectedResponse } from '../http/injected-response.js';
import type { Request } from '../http/request.js';
import { claimFor, fromResponseLike, partsOf, type Response } from '../http/response.js';
import { isResponseLike } from '../http/response-head.js';
import type { ErrorPhase, ErrorReporter, FrozenLayer } from '../layer.js';
import type { OnionRun } from '../middleware/compose.js';

/** How the sending of a response ended. */
export interface Delivery {
  /** `sent`: to its last byte; `aborted`: the connection was gone before. */
  readonly outcome: 'sent' | 'aborted';
  /** What the producer of the body threw. The connection is cut then, never ended as if the response were complete. */
  readonly error?: Error | undefined;
}

/** The port that an adapter implements: what happens to the outcome of a request. */
export interface Transport {
  /** Sends the response. Resolves when its last byte is handed over or the connection is gone; never rejects. */
  send(response: Response): Promise<Delivery>;
  /** Gives an exception that nobody handled to the framework. Resolves when the framework's answer is out; never rejects. */
  fail(error: Error): Promise<Delivery>;
  /** Aborts `request.signal` although the client is still there: the time of a layer is up. */
  abort(reason: Error): void;
}

/** The state of one request: what its layers, dependencies, endpoint and tasks share. */
export class Exchange implements OnionRun, DependencyRun {
  readonly transport: Transport;
  /** What was given to the framework, which tells of it in its own way. */
  passedOn: Error | undefined;
  readonly exits = new ExitStack();
  readonly solved = new DependencyCache();
  readonly backgroundTasks = new BackgroundTasks();
  readonly injected: Injected & { request: Request };
  readonly #layers: FrozenLayer[] = [];
  readonly #replaced: Response[] = [];
  #adopted: Set<BackgroundWork> | undefined;
  #onError: ErrorReporter | undefined;
  /** Told of what happens when all layers have been left. */
  #outermostOnError: ErrorReporter | undefined;
  #context: AsyncResource | undefined;
  #unhandled: Error | undefined;
  #native: WeakSet<Error> | undefined;
  #reported: WeakSet<Error> | undefined;
  /** Whether native code has dependencies of its own: they are not taken from it while it works. */
  hasInjected = false;
  /** What failed below after it had answered, while the answer was still held. */
  #overtaken: Error | undefined;
  /** What an endpoint has answered with: its failures are told by exceptions, not by its status. */
  endpointStatus: number | undefined;
  /** What was thrown into the dependencies. Those that are entered after it belong to the same failed request. */
  failed: Error | undefined;
  /** Whether the response is on its way. */
  isSending = false;
  #isOver = false;
  #abandoned = 0;
  #busy = 0;
  #whenIdle: (() => void) | undefined;
  /** Milliseconds to wait for what a layer has given up on. */
  #patience: number | undefined;

  constructor(request: Request, transport: Transport) {
    this.transport = transport;
    this.injected = { request, response: new InjectedResponse(), backgroundTasks: this.backgroundTasks };
  }

  /** The request as the code that runs now sees it. */
  get request(): Request {
    return this.injected.request;
  }

  /** Everything below sees this request, in the async context of now: exits and tasks will run in it. */
  goBelow(request: Request): void {
    this.injected.request = request;
    this.#context = new AsyncResource('callnext');
  }

  inContext<T>(run: () => T): T {
    return this.#context ? this.#context.runInAsyncScope(run) : run();
  }

  enterLayer(layer: FrozenLayer): void {
    this.#layers.push(layer);
    this.#onError = layer.onError ?? this.#onError;
    this.#outermostOnError ??= layer.onError;
  }

  /**
   * A layer may be left before one inside it is: a timeout. The outermost one stays: its overrides hold for what native code
   * injects while its response is sent.
   */
  leaveLayer(layer: FrozenLayer): void {
    const index = this.#layers.lastIndexOf(layer);
    if (index > 0) this.#layers.splice(index, 1);
    this.#onError = this.#layers.findLast(({ onError }) => onError)?.onError ?? this.#outermostOnError;
  }

  /** Whether the request is inside a layer. */
  isInside(layer: FrozenLayer): boolean {
    return this.#layers.includes(layer);
  }

  get defaultScope(): DependencyScope {
    return this.#layers.findLast(layer => layer.defaultScope !== undefined)?.defaultScope ?? 'request';
  }

  overrideOf(dependency: AnyDependency): AnyDependency {
    const layer = this.#layers.findLast(({ overrides }) => overrides.has(dependency));
    return layer?.overrides.get(dependency) ?? dependency;
  }

  /**
   * What happens to an exception: it is thrown into every dependency that is open, the tasks are dropped, and its handler,
   * looked up from the innermost layer outwards, makes the response. Rejects with what has no handler.
   * `native` is an exception of code that knows nothing of callnext: only handlers of the user apply to it.
   */
  async recover(thrown: unknown, native = false): Promise<Response> {
    if (this.#overtaken === thrown) this.#overtaken = undefined;
    const failure = await this.unwind(toError(thrown));
    if (failure === this.#unhandled) throw failure;
    const handled = failure instanceof ClientDisconnect ? undefined : this.#findHandler(failure);
    if (handled) return this.handle(handled.handler, handled.exception);
    this.#unhandled = failure;
    const isNative = failure === thrown && (native || this.#native?.has(failure) === true);
    const builtIn = attempt(failure, () => builtInResponse(failure, isNative));
    if (!builtIn) throw failure;
    this.#unhandled = undefined;
    return claimFor(this, builtIn);
  }

  /**
   * Throws a failure into every open dependency and drops the tasks of the request that failed. Where something still
   * runs below that a middleware did not wait for, that happens when it is through.
   */
  async unwind(thrown: Error): Promise<Error> {
    this.failed = thrown;
    if (this.#abandoned > 0 || this.#busy > 0) this.exits.failure ??= thrown;
    return this.#abandoned > 0 ? thrown : this.#unwindNow(thrown);
  }

  async #unwindNow(thrown: Error): Promise<Error> {
    const failure = await this.inContext(() => this.exits.unwind(thrown));
    // What has exited is not given to anybody any more.
    this.solved.clear();
    this.dropTasks(failure);
    return failure;
  }

  #findHandler(failure: Error): FoundHandler | undefined {
    for (const { handlers } of this.#layers.toReversed()) {
      const found = handlers.find(failure);
      if (found) return found;
    }
    return undefined;
  }

  /** The response that a handler makes. What it throws itself has no handler. */
  async handle(handler: ExceptionHandler, failure: Error): Promise<Response> {
    try {
      const made = await handler(this.request, failure);
      if (!isResponseLike(made))
        throw misuse('NOT_A_RESPONSE', `The exception handler \`${nameOf(handler)}\``, made);
      return claimFor(this, fromResponseLike(made));
    } catch (thrown) {
      this.#unhandled = withCause(toError(thrown), failure);
      throw this.#unhandled;
    }
  }

  /** The handler for `Error` of a layer, which stands outside its middleware. */
  async handleOutside(layer: FrozenLayer, failure: Error): Promise<Response> {
    const { catchAll } = layer.handlers;
    if (!catchAll || failure instanceof ClientDisconnect) throw failure;
    this.report(failure, 'request');
    this.#unhandled = undefined;
    return this.handle(catchAll, failure);
  }

  abandon(below: Promise<unknown>): void {
    this.#abandoned += 1;
    const settle = (): void => {
      this.#abandoned -= 1;
      this.#tellIfIdle();
    };
    below.then(settle, thrown => {
      const known =
        thrown instanceof ClientDisconnect ||
        (thrown as { code?: unknown } | undefined)?.code === 'ALREADY_ANSWERED' ||
        (thrown !== undefined && thrown === this.passedOn);
      if (!known) this.report(toError(thrown), 'request');
      settle();
    });
  }

  /** A layer gives up on what has not answered in its time, and will wait as long again before it takes the dependencies from it. */
  giveUp(below: Promise<unknown>, timeout: number): Promise<Response> {
    const error = misuse('LAYER_TIMEOUT', timeout);
    this.report(error, 'request');
    this.abandon(below);
    this.#patience = Math.min(timeout, this.#patience ?? timeout);
    this.transport.abort(error);
    return this.recover(new HTTPException(504, undefined, { cause: error }));
  }

  /** Keeps the exits from running until this has settled; whoever began it hears how. */
  busyWith(work: Promise<unknown>): void {
    this.#busy += 1;
    this.hasInjected = true;
    const settle = (): void => {
      this.#busy -= 1;
      this.#tellIfIdle();
    };
    work.then(settle, settle);
  }

  /**
   * Resolves when nothing runs below any more that a middleware did not wait for; its dependencies are not taken from it,
   * unless a layer's time is up.
   */
  async idle(): Promise<void> {
    let isPatient = true;
    // Who waited for one may have begun another.
    while (!this.#isIdle && isPatient) {
      const idle = new Promise<void>(resolve => {
        this.#whenIdle = resolve;
      });
      if (this.#patience === undefined) await idle;
      else isPatient = await within(this.#patience, idle);
    }
    this.#isOver = true;
    const { failure } = this.exits;
    const unwound = failure && (await this.#unwindNow(failure));
    if (unwound && unwound !== failure) this.report(unwound, 'exit');
    if (failure && !this.#isIdle) this.exits.close(() => failure);
    else this.exits.failure = undefined;
  }

  get #isIdle(): boolean {
    return this.#abandoned === 0 && this.#busy === 0;
  }

  #tellIfIdle(): void {
    if (!this.#isIdle) return;
    this.#whenIdle?.();
    if (this.#isOver) this.#letGoOfTheRest();
  }

  /** What a layer had given up on has come to its end when all was over: its tasks and its response are not wanted. */
  #letGoOfTheRest(): void {
    this.settleResponses(undefined);
    this.dropTasks(this.exits.refusal ?? misuse('ALREADY_ANSWERED'));
    void this.backgroundTasks.runAll(error => this.report(error, 'background'));
  }

  /** Whether the dependencies have exited, or do so now. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Native code has failed after it had answered. While the answer is held the failure takes its place; tells whether it
   * does.
   */
  overtake(thrown: unknown): boolean {
    const isInTime = !this.isSending && this.#overtaken === undefined;
    if (isInTime) this.#overtaken = toError(thrown);
    return isInTime;
  }

  /** Native code has failed and its answer stands: the dependencies get the failure thrown in when they exit. */
  failedLate(thrown: unknown): void {
    if (!this.#isOver) this.exits.failure ??= toError(thrown);
  }

  /** The response, unless what is below has failed since it answered. */
  unlessOvertaken(response: Response): Response | Promise<Response> {
    const failure = this.#overtaken;
    if (failure === undefined) return response;
    this.#overtaken = undefined;
    this.replaced(response);
    return this.recover(failure, true);
  }

  /** The response is on its way: what fails from now on does not take its place. */
  sending(response: Response): Response | Promise<Response> {
    const latest = this.unlessOvertaken(response);
    this.isSending = true;
    return latest;
  }

  /** An error of native code that may reach a middleware by another way, as where it reads the body: it stays a native one. */
  failedNativelyWith(thrown: unknown): void {
    if (!(thrown instanceof Error)) return;
    this.#native ??= new WeakSet();
    this.#native.add(thrown);
  }

  /** Native code has answered with a server error, and kept what led to it to itself: the dependencies are told all the same. */
  async failedNatively(status: number): Promise<void> {
    const known = new HTTPException(status <= 599 ? status : 500);
    const failure = await this.unwind(known);
    if (failure !== known) this.report(failure, 'exit');
  }

  replaced(response: Response): void {
    partsOf(response).body.forget();
    this.#replaced.push(response);
  }

  /** Takes over the tasks of the responses, and lets go of the bodies that were not sent. */
  settleResponses(sent: Response | undefined): void {
    if (this.#replaced.length > 0) this.#adoptLost();
    for (const response of this.#replaced) {
      partsOf(response)
        .body.discard()
        .catch(thrown => this.report(toError(thrown), 'response'));
    }
    this.#adopt(sent);
  }

  dropTasks(cause: Error): void {
    this.#adoptLost();
    this.backgroundTasks.drop(cause, dropped => this.report(dropped, 'background'));
  }

  #adoptLost(): void {
    for (const response of this.#replaced) this.#adopt(response);
  }

  /** Once for each: a response that was made of another one carries the same work. */
  #adopt(response: Response | undefined): void {
    const work = response?.background;
    if (work === undefined || this.#adopted?.has(work)) return;
    this.#adopted ??= new Set();
    this.#adopted.add(work);
    this.backgroundTasks.adopt(work);
  }

  wasReported(error: Error): boolean {
    return this.#reported?.has(error) === true;
  }

  /** Tells `onError`; what that throws goes to the console, never further. */
  report(error: Error, phase: ErrorPhase): void {
    const failed = (thrown: unknown): void => {
      console.error('callnext: `onError` failed while it was told of an error.', thrown, error);
    };
    this.#reported ??= new WeakSet();
    this.#reported.add(error);
    try {
      const told: unknown = (this.#onError ?? printError)(error, { request: this.request, phase });
      if (told instanceof Promise) told.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/** Resolves with whether the work did within the time; rejects as the work does. */
export function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  return Promise.race([work.then(() => true), over]).finally(() => clearTimeout(timer));
}

/** The built-in response; an exception that none can be made of (its headers are none) is what goes on. */
function attempt(failure: Error, make: () => Response | undefined): Response | undefined {
  try {
    return make();
  } catch (thrown) {
    throw withCause(toError(thrown), failure);
  }
}

/** The default of `onError`. Tasks that an expected answer dropped, such as a 404, are no news. */
function printError(error: Error, { phase }: { phase: ErrorPhase }): void {
  const expected = error.cause instanceof Error && (statusOf(error.cause) ?? 500) < 500;
  if (phase === 'background' && (error as { code?: unknown }).code === 'TASK_DROPPED' && expected) return;
  console.error(`callnext (${phase}):`, error);
}
