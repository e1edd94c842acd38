import {
  areCopiedFrom,
  type Exchange,
  hasInjected,
  isNativeView,
  type Layer,
  type Response,
} from '../../core/adapter.js';
import { HeaderSnapshot } from './hold/header-snapshot.js';
import type { HeldResponse, Waiter } from './hold/held-response.js';
import { nextTick, queueMicrotask } from './turns.js';

/** A layer at its `callNext`, waiting for what native code answers. */
export class Frame implements Waiter {
  readonly held: HeldResponse;
  /** How many calls of native code had begun before: those that this layer is around come later. */
  readonly order: number;
  /** How many listeners the response had for `finish`. */
  readonly listeners: number;
  /** The headers that native code outside this layer had set. */
  readonly entry: HeaderSnapshot;
  readonly response: Promise<Response>;
  received: Response | undefined;
  rejected = false;
  rejectedWith: unknown;
  /** The layer whose `callNext` it is. */
  layer: Layer | undefined;
  /** Gives what the layer does not handle to the framework, where that has others to ask before the layers outside. */
  passOn: ((thrown: unknown) => void) | undefined;
  /** What the framework had beside the native response when the layer was entered. */
  before: unknown;
  /** Whose request it is: native code that injects may fail after its answer. */
  readonly #exchange: Exchange;
  #isGivenOut = false;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;

  constructor(held: HeldResponse, exchange: Exchange, order: number) {
    this.held = held;
    this.order = order;
    this.listeners = held.res.listenerCount('finish');
    this.#exchange = exchange;
    this.entry = new HeaderSnapshot(held.res);
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get waits(): boolean {
    return this.received === undefined && !this.rejected;
  }

  /**
   * The headers that stay in front of another response. One that was made with the headers of the native response has all of
   * them but those that were taken away, which must not come back.
   */
  baseOf(response: Response | undefined): HeaderSnapshot {
    if (response === undefined) return this.entry;
    const { received, held } = this;
    const isWhole =
      held.isCopiedBy(response) ||
      (received !== undefined && isNativeView(received) && areCopiedFrom(response.headers, received.headers));
    return isWhole ? this.entry.namedIn(response.headers) : this.entry;
  }

  answered(response: Response): void {
    if (!this.waits) return;
    this.received = response;
    if (!hasInjected(this.#exchange)) this.#giveOut(response);
    // An async handler that answers and throws has thrown when all microtasks have run, however deep it is in promises.
    else queueMicrotask(() => nextTick(() => this.#giveOut(response)));
  }

  /** Takes an answer back, to wait for another one. Tells whether nobody has been given it yet. */
  takeBack(): boolean {
    if (this.#isGivenOut || this.rejected) return false;
    this.received = undefined;
    return true;
  }

  reject(error: unknown): void {
    this.rejected = true;
    this.rejectedWith = error;
    // Native code may fail before anybody waits for it: what throws at once is thrown to the caller too.
    this.response.catch(ignore);
    this.#reject(error);
  }

  #giveOut(response: Response): void {
    if (this.received !== response) return;
    this.#isGivenOut = true;
    this.#resolve(response);
  }
}

function ignore(): void {
  // Deliberately empty.
}
