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
 * - `idle`: the layer's middleware is running, and its last `callNext` has not reached native code yet.
 * - `waiting`: native code has not answered.
 * - `received`: native code has answered, and the answer may still be taken back.
 * - `given`: the caller of `callNext` has the answer.
 * - `rejected`: `callNext` has rejected.
 */
type State = 'idle' | 'waiting' | 'received' | 'given' | 'rejected';

/** A middleware that waits at its `callNext` for native code. */
export class Waiter implements HoldWaiter {
  readonly layer: Layer | undefined;
  hold!: Hold;
  /** The headers that native code outside the layer had set. */
  entry!: HeaderSnapshot;
  /** Resolves with the answer of native code. */
  answer!: Promise<Response>;
  /** The number of earlier calls of native code: those below this middleware have a higher number. */
  order = 0;
  /** The number of `finish` listeners of the response. */
  listeners = 0;
  received: Response | undefined;
  rejectedWith: unknown;
  /** All waiters of the layer, outermost first, if it has native middleware. */
  line: readonly Waiter[] | undefined;
  /**
   * Hands an error that the layer does not handle to the framework, which asks others before the outer
   * layers.
   */
  passOn: ((thrown: unknown) => void) | undefined;
  /** The promise of what the framework runs below, if it returns one. */
  chain: Promise<unknown> | undefined;
  /** The framework's own state, beside the native response, when `callNext` was called. */
  before: unknown;
  #state: State = 'idle';
  #exchange!: Exchange;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;

  constructor(layer?: Layer) {
    this.layer = layer;
  }

  /** Starts to wait. Code that has injected may take its answer back by failing at once. */
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
   * Returns the headers that stay in front of another response. A response copied from the native one only
   * lacks headers that were removed on purpose, which must not return.
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
    // An async handler that answers and throws has thrown once all microtasks have run, however deep its
    // promises nest.
    else queueMicrotask(() => nextTick(() => this.#give(response)));
  }

  /** Takes an answer back. Returns whether nobody has received it yet. */
  takeBack(): boolean {
    if (this.#state !== 'waiting' && this.#state !== 'received') return false;
    this.#state = 'waiting';
    this.received = undefined;
    return true;
  }

  reject(error: unknown): void {
    this.#state = 'rejected';
    this.rejectedWith = error;
    // Native code may fail before anything awaits the promise: a synchronous error is also thrown to the
    // caller.
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
