import type { NativeResponse } from '../node-types.js';
import type { Listener, PreviousMethods } from './previous.js';

const none: readonly Listener[] = [];

/**
 * Reports room for more writes: native code is notified of room in the hold, and outer code of room on the
 * wire.
 */
export class Room {
  readonly #res: NativeResponse;
  readonly #previous: PreviousMethods;
  /** Outer listeners, and the producer of another response. */
  readonly wire: Set<Listener>;
  /** Listeners of native code that outer code would redirect. */
  #listeners: readonly Listener[] = none;
  /** The original `emit`; ours hides the wire's 'drain' from native code. */
  #emit: NativeResponse['emit'] | undefined;

  constructor(res: NativeResponse, previous: PreviousMethods, outside: Iterable<Listener>) {
    this.#res = res;
    this.#previous = previous;
    this.wire = new Set(outside);
  }

  listen(listener: Listener): void {
    this.#listeners = [...this.#listeners, listener];
  }

  /** Returns the listeners to where they belong, because nothing is held any longer. */
  handBack(): void {
    const listeners = this.#listeners;
    this.#listeners = none;
    for (const listener of listeners) this.#previous.on.call(this.#res, 'drain', listener);
  }

  /** Hides room on the wire from native code, because that now belongs to another response. */
  hideWire(): void {
    const { emit } = this.#res;
    this.#emit = emit;
    this.#res.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      if (event !== 'drain') return Reflect.apply(emit, this.#res, [event, ...args]);
      for (const listener of this.wire) listener.call(this.#res);
      return true;
    };
  }

  /** Notes which listeners for room on the wire are added during `write`. */
  whileWriting<T>(write: () => T): T {
    const before = new Set(drainListeners(this.#res));
    try {
      return write();
    } finally {
      for (const listener of drainListeners(this.#res)) if (!before.has(listener)) this.wire.add(listener);
    }
  }

  /** Notifies native code of room. */
  tell(): void {
    Reflect.apply(this.#emit ?? this.#res.emit, this.#res, ['drain']);
    for (const listener of this.#listeners) listener.call(this.#res);
  }
}

export function drainListeners(res: NativeResponse): readonly Listener[] {
  return res.listenerCount('drain') === 0 ? none : (res.rawListeners('drain') as Listener[]);
}
