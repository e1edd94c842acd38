import { context, type MeterProvider, type Tracer, type TracerProvider, trace } from '@opentelemetry/api';
import {
  type EventWithContext,
  inContext,
  noOptions,
  type StageEvent,
  subscribe,
} from '../../core/adapter.js';
import { version } from '../node/shared.js';
import { type CallnextInstrumentationOptions, checkedOptions } from './options.js';
import { RequestSpans } from './request-spans.js';

/**
 * Makes spans of the channels of callnext, and patches nothing. It has the interface `Instrumentation` of
 * `@opentelemetry/instrumentation`.
 */
export class CallnextInstrumentation {
  readonly instrumentationName = 'callnext/opentelemetry';
  readonly instrumentationVersion: string = version;
  #options: Required<CallnextInstrumentationOptions>;
  #provider: TracerProvider | undefined;
  #tracer: Tracer | undefined;
  #unsubscribe: (() => void) | undefined;
  #requests = new WeakMap<object, RequestSpans>();
  /** The requests that are under way. */
  readonly #live = new Set<RequestSpans>();

  constructor(options: CallnextInstrumentationOptions) {
    this.#options = checkedOptions(options);
    if (this.#options.enabled) this.enable();
  }

  enable(): void {
    this.#unsubscribe ??= subscribe({
      start: event => this.#start(event),
      asyncEnd: event => this.#requests.get(event.exchange)?.end(event),
      report: event => this.#requests.get(event.exchange)?.report(event),
      settled: ({ exchange }) => this.#settle(this.#requests.get(exchange)),
    });
  }

  /** Ends the spans of requests that are under way. */
  disable(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const spans of this.#live) this.#settle(spans);
    this.#requests = new WeakMap();
  }

  setTracerProvider(provider: TracerProvider): void {
    this.#provider = provider;
    this.#tracer = undefined;
  }

  /** There are no metrics of our own: `instrumentation-http` has those of requests. */
  setMeterProvider(_provider: MeterProvider): void {
    // Deliberately empty: a part of the interface.
  }

  /** Throws `OPTIONS`, `UNKNOWN_OPTION` and `OPTION_VALUE`. */
  setConfig(options: CallnextInstrumentationOptions): void {
    this.#options = checkedOptions(options);
  }

  getConfig(): CallnextInstrumentationOptions {
    return this.#options;
  }

  #start(event: StageEvent): void {
    const spans = this.#requests.get(event.exchange) ?? this.#begin(event);
    const entered = spans?.start(event, event.addedBy && this.#requests.get(event.addedBy));
    if (entered === undefined) return;
    const { [inContext]: outer } = event as EventWithContext;
    const enter = <T>(work: () => T): T => context.with(entered, work);
    (event as EventWithContext)[inContext] = outer ? work => outer(() => enter(work)) : enter;
  }

  /** A request that had begun before somebody listened has no spans. */
  #begin(event: StageEvent): RequestSpans | undefined {
    const isJob = event.stage === 'task' && event.envelope !== undefined;
    if (event.stage !== 'request' && !isJob) return undefined;
    this.#tracer ??= (this.#provider ?? trace).getTracer('callnext', version);
    const spans = new RequestSpans(this.#tracer, this.#options, event);
    this.#requests.set(event.exchange, spans);
    this.#live.add(spans);
    return spans;
  }

  #settle(spans: RequestSpans | undefined): void {
    if (spans === undefined) return;
    spans.abandon();
    this.#live.delete(spans);
  }
}

/**
 * Returns an instrumentation that makes spans of requests, middleware, dependencies, endpoints and tasks.
 *
 * ```ts
 * new NodeSDK({ instrumentations: [new HttpInstrumentation(), callnextInstrumentation()] }).start();
 * ```
 *
 * The span of `HttpInstrumentation` is the parent and gets the route. Without it, each request gets a SERVER
 * span. Leave out the instrumentations of Express and Koa: they would make the spans of middleware again.
 * Throws `OPTIONS`, `UNKNOWN_OPTION` and `OPTION_VALUE`.
 */
export function callnextInstrumentation(
  options: CallnextInstrumentationOptions = noOptions,
): CallnextInstrumentation {
  return new CallnextInstrumentation(options);
}
