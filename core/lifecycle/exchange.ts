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
import { channels } from '../tracing/channels.js';
import { Tracing } from '../tracing/tracing.js';
import { Below } from './below.js';
import type { Undone, Work } from './in-flight.js';
import { type Phase, phases } from './phase.js';
import type { Place } from './place.js';
import { Reports } from './reports.js';
import { methodAndPath } from './title.js';
import type { Delivery, Transport } from './transport.js';

const none: readonly never[] = [];

/** What has failed in a request. */
export interface Failures {
  /** The error thrown into the dependencies. Those entered later belong to the same failed request. */
  failed?: Error | undefined;
  /** An error without a handler, on its way to the framework. */
  unhandled?: Error | undefined;
  /** An error of native code, on its way to the code that answers it. */
  observed?: Error | undefined;
  /** A late error of native code that replaces the answer. */
  overtaking?: Error | undefined;
  /** The error handed to the framework, which logs it itself. */
  passedOn?: Error | undefined;
  /** The rejection of `callNext` after a disconnect. It is not thrown into the dependencies. */
  disconnected?: ClientDisconnect | undefined;
}

/**
 * The state of one request, shared by its layers, dependencies, endpoint and tasks. The files beside this one
 * work on it, one file per job. Parts that few requests need are created on first use.
 */
export class Exchange implements DependencyRun, Work {
  /** Sends the outcome; `undefined` for a function that runs outside a request. */
  readonly transport: Transport | undefined;
  /** Set if somebody listened to a channel when the request came. */
  readonly tracing: Tracing | undefined;
  phase: Phase = phases.inside;
  /** How the response was sent, set when it is out or never will be. */
  delivery: Delivery | undefined;
  /** The response on its way. */
  response: Response | undefined;
  /** Responses that will not be sent. It starts as a shared empty list, so an addition copies it. */
  superseded: readonly Response[] = none;
  /** The innermost layer. */
  place: Place | undefined;
  /** The layer entered last, and the layer whose `onError` receives errors. */
  lastEntered: Place | undefined;
  told: Place | undefined;
  /** The layer that accepted the request last. Each such layer waits for the last task. */
  taken: Place | undefined;
  /** The shortest `timeout` of its layers, in milliseconds. */
  timeout: number | undefined;
  failures: Failures | undefined;
  below: Below | undefined;
  /** The number of endpoints that are running. */
  endpoints = 0;
  /** The last status of a layer or an endpoint. They throw to signal a failure, so this status is not one. */
  ownStatus: number | undefined;
  /** Creates the error for dependencies that are requested too late. */
  refusal: (() => Error) | undefined;
  /** The number of superseded responses that are settled. */
  settled = 0;
  /** Called when something answers after the request is over. */
  whenLate: ((exchange: Exchange) => void) | undefined;
  /** Whether its layers no longer wait for the request, although it may still run. */
  isDetached = false;
  /** Called when the request is over. */
  watchers: readonly (() => void)[] = none;
  /** The async context in which the middleware called `callNext`; exits and tasks run in it. */
  context: AsyncResource | undefined;
  readonly #name: string | undefined;
  #request: Request;
  /**
   * Shared by all requests derived from the first; kept here because every step reads `timings` and `trace`.
   */
  readonly #source: RequestSource;
  #exits: ExitStack | undefined;
  #solved: DependencyCache | undefined;
  #backgroundTasks: BackgroundTasks | undefined;
  #injected: (Injected & { request: Request }) | undefined;
  #reports: Reports | undefined;

  /** `name` appears in reports and defaults to the method and path. */
  constructor(request: Request, transport: Transport | undefined, name?: string) {
    this.transport = transport;
    this.#request = request;
    this.#source = sourceOf(request);
    this.#name = name;
    this.tracing = channels.some(isListenedTo) ? new Tracing(this) : undefined;
  }

  get files(): Files | undefined {
    return this.transport?.files;
  }

  /** The request as the running code sees it. */
  get request(): Request {
    return this.#request;
  }

  get exits(): ExitStack {
    if (this.#exits) return this.#exits;
    this.#exits = new ExitStack(this.reports);
    if (this.refusal) this.#exits.close(this.refusal);
    return this.#exits;
  }

  /** The exits, if a dependency was entered. */
  get enteredExits(): ExitStack | undefined {
    return this.#exits;
  }

  get solved(): DependencyCache {
    this.#solved ??= new DependencyCache();
    return this.#solved;
  }

  get backgroundTasks(): BackgroundTasks {
    if (this.#backgroundTasks) return this.#backgroundTasks;
    this.#backgroundTasks = new BackgroundTasks(this);
    if (this.refusal && !this.below?.isGivenUp) this.#backgroundTasks.close();
    return this.#backgroundTasks;
  }

  /** The tasks, if anything asked for them. */
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

  /** Set when something measures how long each step takes. */
  get timings(): Timings | undefined {
    return this.#source.shared?.timings;
  }

  /** Set when a test records the order of events. */
  get trace(): Trace | undefined {
    return this.#source.shared?.trace;
  }

  /** The name in reports and errors. */
  get title(): string {
    return this.#name ?? methodAndPath(this.#request);
  }

  /** Whether the response is on its way, so that a failure can no longer replace it. */
  get isSending(): boolean {
    return this.phase >= phases.sending;
  }

  /** Whether no work is still running below. */
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

  /** The failures, created on first use. */
  get failing(): Failures {
    this.failures ??= {};
    return this.failures;
  }

  /** The work that still runs below, created on first use. */
  get busy(): Below {
    this.below ??= new Below();
    return this.below;
  }

  /** Hands `request` to everything below and captures the async context for exits and tasks. */
  goBelow(request: Request): void {
    this.#request = request;
    if (this.#injected) this.#injected.request = request;
    this.context = new AsyncResource('callnext');
  }

  inContext<T>(run: () => T): T {
    return this.context ? this.context.runInAsyncScope(run) : run();
  }

  /** Notes a response that will not be sent. */
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

function isListenedTo(channel: { readonly hasSubscribers: boolean }): boolean {
  return channel.hasSubscribers;
}
