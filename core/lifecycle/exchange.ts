import { AsyncResource } from 'node:async_hooks';
import { BackgroundTasks } from '../background/background-tasks.js';
import { DependencyCache } from '../dependencies/dependency-cache.js';
import type { DependencyRun } from '../dependencies/dependency-run.js';
import { ExitStack } from '../dependencies/exit-stack.js';
import type { AnyDependency, DependencyScope, Injected } from '../dependencies/marker.js';
import type { ClientDisconnect } from '../errors.js';
import type { Files } from '../http/files.js';
import { InjectedResponse } from '../http/injected-response.js';
import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import type { RequestSource } from '../http/request-source.js';
import type { Response } from '../http/response.js';
import { openedBodyOf, worksOf } from '../http/response-parts.js';
import type { Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import { Below } from './below.js';
import type { Undone, Work } from './in-flight.js';
import { type Phase, phases } from './phase.js';
import type { Place } from './place.js';
import { Reports } from './reports.js';
import type { Delivery, Transport } from './transport.js';

const none: readonly never[] = [];
/** A client may send a path of many kilobytes. */
const longestPath = 200;

/** What has failed in a request. */
export interface Failures {
  /**
   * What was thrown into the dependencies. Those that are entered after it belong to the same failed request.
   */
  failed?: Error | undefined;
  /** What no handler answers, on its way to the framework. */
  unhandled?: Error | undefined;
  /** An error of native code that is on its way to whoever answers it. */
  observed?: Error | undefined;
  /** A late error of native code that takes the place of the answer. */
  overtaking?: Error | undefined;
  /** What was given to the framework, which tells of it in its own way. */
  passedOn?: Error | undefined;
  /** What `callNext` rejects with because the client has gone. It is not thrown into the dependencies. */
  disconnected?: ClientDisconnect | undefined;
}

/**
 * The state of one request: what its layers, dependencies, endpoint and tasks share. The files beside this
 * one work on it, a file for each job; what most requests have no use for is made when it is first asked for.
 */
export class Exchange implements DependencyRun, Work {
  /** Where the outcome goes; `undefined` for a function that is run outside of a request. */
  readonly transport: Transport | undefined;
  readonly files: Files | undefined;
  phase: Phase = phases.inside;
  /** How the response was sent, once it is out or never will be. */
  delivery: Delivery | undefined;
  /** The response on its way. */
  response: Response | undefined;
  /**
   * Responses that will not be sent. A list is made anew when something is added: a request may last for
   * hours.
   */
  superseded: readonly Response[] = none;
  /** The innermost layer. */
  place: Place | undefined;
  /** The layer that was entered last, and the one whose `onError` is told. */
  lastEntered: Place | undefined;
  told: Place | undefined;
  /** The layer that has taken the request last: it is at work in each until its last task. */
  taken: Place | undefined;
  /** The shortest `timeout` of its layers, in milliseconds. */
  timeout: number | undefined;
  failures: Failures | undefined;
  below: Below | undefined;
  /** How many endpoints work. */
  endpoints = 0;
  /** What our own code has answered with last: it tells of failures by exceptions, not by a status. */
  ownStatus: number | undefined;
  /** Why nothing is to be entered any more. */
  refusal: (() => Error) | undefined;
  /** How many of the superseded responses have been settled. */
  settled = 0;
  /** Called when something answers although all is over. */
  whenLate: ((exchange: Exchange) => void) | undefined;
  /** Whether its layers do not wait for it, although it may not be over. */
  isDetached = false;
  /** Told when all is over. */
  watchers: readonly (() => void)[] = none;
  /** The async context in which the middleware has called `callNext`: exits and tasks run in it. */
  context: AsyncResource | undefined;
  readonly #name: string | undefined;
  #request: Request;
  /** Of every request that is made of the first one: `timings` and `trace` are asked for at each step. */
  readonly #source: RequestSource;
  #exits: ExitStack | undefined;
  #solved: DependencyCache | undefined;
  #backgroundTasks: BackgroundTasks | undefined;
  #injected: (Injected & { request: Request }) | undefined;
  #reports: Reports | undefined;

  /** `name` is what stands in reports; the method and path of the request unless given. */
  constructor(request: Request, transport: Transport | undefined, name?: string) {
    this.transport = transport;
    this.files = transport?.files;
    this.#request = request;
    this.#source = sourceOf(request);
    this.#name = name;
  }

  /** The request as the code that runs now sees it. */
  get request(): Request {
    return this.#request;
  }

  get exits(): ExitStack {
    if (this.#exits) return this.#exits;
    this.#exits = new ExitStack(this.reports);
    if (this.refusal) this.#exits.close(this.refusal);
    return this.#exits;
  }

  /** The exits, where a dependency has been entered. */
  get enteredExits(): ExitStack | undefined {
    return this.#exits;
  }

  get solved(): DependencyCache {
    this.#solved ??= new DependencyCache();
    return this.#solved;
  }

  get backgroundTasks(): BackgroundTasks {
    if (this.#backgroundTasks) return this.#backgroundTasks;
    this.#backgroundTasks = new BackgroundTasks();
    if (this.refusal && !this.below?.isGivenUp) this.#backgroundTasks.close(this);
    return this.#backgroundTasks;
  }

  /** The tasks, where somebody has asked for them. */
  get addedTasks(): BackgroundTasks | undefined {
    return this.#backgroundTasks;
  }

  get injected(): Injected {
    if (this.#injected) return this.#injected;
    const { backgroundTasks } = this;
    this.#injected = { request: this.#request, response: new InjectedResponse(), backgroundTasks };
    return this.#injected;
  }

  get reports(): Reports {
    this.#reports ??= new Reports(this);
    return this.#reports;
  }

  /** Where somebody wants to know how long things take. */
  get timings(): Timings | undefined {
    return this.#source.shared?.timings;
  }

  /** Where a test wants to know what happens in which order. */
  get trace(): Trace | undefined {
    return this.#source.shared?.trace;
  }

  /** What it is called in reports and errors. */
  get title(): string {
    return this.#name ?? methodAndPath(this.#request);
  }

  /** Whether the response is on its way: what fails from now on does not take its place. */
  get isSending(): boolean {
    return this.phase >= phases.sending;
  }

  /** Whether nothing runs that a middleware did not wait for. */
  get isIdle(): boolean {
    return this.below === undefined || this.below.isIdle;
  }

  get defaultScope(): DependencyScope {
    return this.place?.defaultScope ?? 'request';
  }

  get hasOverrides(): boolean {
    return this.place?.hasOverrides === true;
  }

  overrideOf(dependency: AnyDependency): AnyDependency {
    return this.place ? this.place.overrideOf(dependency) : dependency;
  }

  /** What has failed, to be noted in. */
  get failing(): Failures {
    this.failures ??= {};
    return this.failures;
  }

  /** What still runs below, to be noted in. */
  get busy(): Below {
    this.below ??= new Below();
    return this.below;
  }

  /** Everything below sees this request, in the async context of now: exits and tasks will run in it. */
  goBelow(request: Request): void {
    this.#request = request;
    if (this.#injected) this.#injected.request = request;
    this.context = new AsyncResource('callnext');
  }

  inContext<T>(run: () => T): T {
    return this.context ? this.context.runInAsyncScope(run) : run();
  }

  /** A response that will not be sent. */
  replaced(response: Response): void {
    openedBodyOf(response)?.stopKeeping();
    this.superseded = this.superseded.length === 0 ? [response] : [...this.superseded, response];
    if (this.isIdle) this.whenLate?.(this);
  }

  undone(): Undone {
    const isAnswered = this.delivery !== undefined && this.isIdle;
    const made = this.response
      ? [this.response, ...this.superseded.toReversed()]
      : this.superseded.toReversed();
    const { backgroundTasks } = this;
    return {
      responses: isAnswered ? [] : [this.title],
      exits: this.#exits?.names ?? none,
      tasks: [...backgroundTasks.names, ...backgroundTasks.namesIn(made.flatMap(worksOf))],
    };
  }

  cutShort(reason: Error): void {
    this.backgroundTasks.cutShort(reason);
    if (this.delivery === undefined) this.#source.abort?.(reason);
  }
}

/** A request that no route can match has no path. */
function methodAndPath(request: Request): string {
  try {
    return `${request.method} ${request.path.slice(0, longestPath)}`;
  } catch {
    return request.method;
  }
}
