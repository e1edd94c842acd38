import type { NativeResponse } from '../node-types.js';
import type { Listener, PreviousMethods } from './previous.js';

const none: readonly Listener[] = [];

/**
 * Who is told of room for more: native code hears of that of the hold, and those outside of that on the wire.
 */
export class Room {
  readonly #res: NativeResponse;
  readonly #previous: PreviousMethods;
  /** What stands outside, and whoever pumps another response. */
  readonly wire: Set<Listener>;
  /** Listeners of native code that those outside would redirect. */
  #listeners: readonly Listener[] = none;
  /** The `emit` of the response, where native code is kept from hearing of the wire. */
  #emit: NativeResponse['emit'] | undefined;

  constructor(res: NativeResponse, previous: PreviousMethods, outside: Iterable<Listener>) {
    this.#res = res;
    this.#previous = previous;
    this.wire = new Set(outside);
  }

  listen(listener: Listener): void {
    this.#listeners = [...this.#listeners, listener];
  }

  /** Nothing is held any longer: listeners go where they would have gone. */
  handBack(): void {
    const listeners = this.#listeners;
    this.#listeners = none;
    for (const listener of listeners) this.#previous.on.call(this.#res, 'drain', listener);
  }

  /** Room on the wire is another response's from here on, and native code is not told of it. */
  hideWire(): void {
    const { emit } = this.#res;
    this.#emit = emit;
    this.#res.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      if (event !== 'drain') return Reflect.apply(emit, this.#res, [event, ...args]);
      for (const listener of this.wire) listener.call(this.#res);
      return true;
    };
  }

  /** Notes who begins to listen for room on the wire meanwhile. */
  whileWriting<T>(write: () => T): T {
    const before = new Set(drainListeners(this.#res));
    try {
      return write();
    } finally {
      for (const listener of drainListeners(this.#res)) if (!before.has(listener)) this.wire.add(listener);
    }
  }

  /** Tells native code. */
  tell(): void {
    Reflect.apply(this.#emit ?? this.#res.emit, this.#res, ['drain']);
    for (const listener of this.#listeners) listener.call(this.#res);
  }
}

export function drainListeners(res: NativeResponse): readonly Listener[] {
  return res.listenerCount('drain') === 0 ? none : (res.rawListeners('drain') as Listener[]);
}
