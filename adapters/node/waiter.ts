import {
  areCopiedFrom,
  type Exchange,
  hasInjected,
  isNativeView,
  type Layer,
  type Response,
} from '../../core/adapter.js';
import { HeaderSnapshot } from './hold/header-snapshot.js';
import type { Hold, Waiter as HoldWaiter } from './hold/hold.js';
import { nextTick, queueMicrotask } from './turns.js';

/**
 * - `idle`: the layer's middleware is at work, and has not called `callNext` to the end yet.
 * - `waiting`: native code has not answered.
 * - `received`: it has, and the answer may still be taken back.
 * - `given`: whoever called `callNext` has the answer.
 * - `rejected`: `callNext` has rejected.
 */
type State = 'idle' | 'waiting' | 'received' | 'given' | 'rejected';

/** A middleware at its `callNext` over native code. */
export class Waiter implements HoldWaiter {
  readonly layer: Layer | undefined;
  hold!: Hold;
  /** The headers that native code outside the layer had set. */
  entry!: HeaderSnapshot;
  /** Resolves with what native code answers. */
  answer!: Promise<Response>;
  /** How many calls of native code had begun before: those below this middleware have a higher number. */
  order = 0;
  /** How many listeners the response had for `finish`. */
  listeners = 0;
  received: Response | undefined;
  rejectedWith: unknown;
  /** Where its layer waits, outermost first, where native middleware is among the layer's own. */
  line: readonly Waiter[] | undefined;
  /**
   * Gives an error that the layer does not handle to the framework, which has others to ask before the outer
   * layers.
   */
  passOn: ((thrown: unknown) => void) | undefined;
  /** What the framework runs below, where it returns a promise. */
  chain: Promise<unknown> | undefined;
  /** What the framework had beside the native response when `callNext` was called. */
  before: unknown;
  #state: State = 'idle';
  #exchange!: Exchange;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;

  constructor(layer?: Layer) {
    this.layer = layer;
  }

  /** Begins to wait. Code that has injected may take its answer back by failing at once. */
  wait(hold: Hold, exchange: Exchange, order: number): void {
    this.hold = hold;
    this.order = order;
    this.listeners = hold.res.listenerCount('finish');
    this.entry = new HeaderSnapshot(hold.res);
    this.#state = 'waiting';
    this.#exchange = exchange;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get waits(): boolean {
    return this.#state === 'waiting';
  }

  get hasBegun(): boolean {
    return this.#state !== 'idle';
  }

  /**
   * The headers that stay in front of another response. A response that was copied from the native one lacks
   * only the headers that were removed on purpose, and these must not come back.
   */
  baseOf(response: Response | undefined): HeaderSnapshot {
    if (response === undefined) return this.entry;
    const { received, hold } = this;
    const isWhole =
      (hold.viewed !== undefined && areCopiedFrom(response.headers, hold.viewed.headers)) ||
      (received !== undefined && isNativeView(received) && areCopiedFrom(response.headers, received.headers));
    return isWhole ? this.entry.namedIn(response.headers) : this.entry;
  }

  answered(response: Response): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'received';
    this.received = response;
    if (!hasInjected(this.#exchange)) this.#give(response);
    // An async handler that answers and throws has thrown when all microtasks have run, however deep its
    // promises nest.
    else queueMicrotask(() => nextTick(() => this.#give(response)));
  }

  /** Takes an answer back, to wait for another one. Returns whether nobody has been given it yet. */
  takeBack(): boolean {
    if (this.#state !== 'waiting' && this.#state !== 'received') return false;
    this.#state = 'waiting';
    this.received = undefined;
    return true;
  }

  reject(error: unknown): void {
    this.#state = 'rejected';
    this.rejectedWith = error;
    // Native code may fail before anybody awaits the promise: what throws at once is thrown to the caller
    // too.
    this.answer.catch(ignore);
    this.#reject(error);
  }

  #give(response: Response): void {
    if (this.#state !== 'received' || this.received !== response) return;
    this.#state = 'given';
    this.#resolve(response);
  }
}

function ignore(): void {
  // Deliberately empty.
}
