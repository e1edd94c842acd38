import {
  type ReportEvent,
  type Request,
  type SettledEvent,
  type StageEvent,
  subscribe,
} from '../../core/adapter.js';
import { AppLife } from './app-life.js';
import { Recording } from './recording.js';
import { type Store, spare } from './store.js';

/** Records every request of the process, from the channels of `node:diagnostics_channel`. */
export class Recorder {
  readonly #store: Store;
  readonly #app: AppLife;
  /**
   * The requests that may still change, as many as the store keeps. Not a `WeakMap`: a young collection of V8
   * keeps its values alive, and what they refer to, here whole requests.
   */
  readonly #recordings = new Map<object, Recording>();
  /** The endpoint that has begun last, for `hide`. */
  #latest: { readonly event: StageEvent; readonly recording: Recording } | undefined;

  constructor(store: Store) {
    this.#store = store;
    this.#app = new AppLife(store);
  }

  /** Records from now on. Returns a function that stops it. */
  subscribe(): () => void {
    return subscribe({
      start: event => this.#started(event),
      asyncEnd: event => this.#ended(event),
      report: event => this.#reported(event),
      settled: event => this.#settled(event),
    });
  }

  /** Forgets the request of an endpoint that is about to run: call it before anything else in there. */
  hide(request: Request): void {
    if (this.#latest?.event.request !== request) return;
    const { event, recording } = this.#latest;
    recording.hide();
    this.#recordings.delete(event.exchange);
  }

  #started(event: StageEvent): void {
    const { exchange, stage, scope, envelope } = event;
    if (scope === 'app') this.#app.started(event);
    const recording = this.#recordings.get(exchange);
    if (recording) {
      if (stage === 'endpoint') this.#latest = { event, recording };
      recording.started(event);
    } else if (stage === 'request' || (stage === 'task' && envelope)) this.#begin(event);
  }

  #begin(event: StageEvent): void {
    this.#recordings.set(event.exchange, new Recording(this.#store, event));
    const [oldest] = this.#recordings.keys();
    if (this.#recordings.size > this.#store.limit + spare && oldest) this.#recordings.delete(oldest);
  }

  #ended(event: StageEvent): void {
    if (event.scope === 'app') this.#app.ended(event);
    if (event.stage === 'endpoint') this.#latest = undefined;
    this.#recordings.get(event.exchange)?.ended(event);
    this.#forget(event.exchange);
  }

  #reported(event: ReportEvent): void {
    this.#recordings.get(event.exchange)?.reported(event);
  }

  #settled({ exchange }: SettledEvent): void {
    this.#recordings.get(exchange)?.settled();
    this.#forget(exchange);
  }

  /** Middleware that was given up may end after the last task. */
  #forget(exchange: object): void {
    if (this.#recordings.get(exchange)?.isDone) this.#recordings.delete(exchange);
  }
}
