import type { NativeResponse } from '../node-types.js';
import { nextTick } from '../turns.js';
import type { Cork } from './held-body.js';

/**
 * What the corks of native code are to the connection of a held response. Nothing is written before the release, so that the
 * connection is not corked before it either: what is sent in place of the response must not wait for an `uncork`.
 */
export class HeldCorks {
  readonly #res: NativeResponse;
  readonly #previous: Pick<NativeResponse, 'cork' | 'uncork'>;
  /** Corks less uncorks that the connection does not know of. */
  #depth = 0;
  /** Whether Node has corked a write by itself, for the tick. */
  #isCorkedForTick = false;
  /** Whether what was written until the end of the last tick has gone out. */
  hasDrained = false;
  /** How many ticks were ended at the release that Node will end once more. */
  #ticksToCome = 0;

  constructor(res: NativeResponse, previous: Pick<NativeResponse, 'cork' | 'uncork'>) {
    this.#res = res;
    this.#previous = previous;
  }

  /** Whether what is corked was corked outside, before the hold. */
  get isOutside(): boolean {
    return this.#depth <= 0;
  }

  note(call: 'cork' | 'uncork'): void {
    this.#depth += call === 'cork' ? 1 : -1;
  }

  /** Repeats what was called between two writes. `endOutside`: the writes have gone to a hold outside. */
  replay(calls: readonly Cork[], endOutside: (() => void) | undefined): void {
    for (const call of calls) {
      if (call !== 'tick') this.#previous[call].call(this.#res);
      else if (this.#isCorkedForTick) this.#endTick();
      else endOutside?.();
    }
  }

  /** A write has gone out, when so many corks were there before. */
  wrote(corksBefore: number): void {
    this.hasDrained = false;
    this.#isCorkedForTick ||= this.#res.writableCorked > corksBefore;
  }

  /** Node's own ends of the ticks are yet to come, and may not end a cork of native code. */
  replayed(): void {
    const { writableCorked } = this.#res;
    if (writableCorked > 0)
      for (; this.#ticksToCome > 0; this.#ticksToCome -= 1) this.#previous.cork.call(this.#res);
  }

  /** The writes do not go out. What was corked outside is uncorked all the same, where that was called. */
  drop(): void {
    for (; this.#depth < 0; this.#depth += 1) this.uncorkNow();
  }

  /** Corks for one tick, as Node does for its own writes: a cork of native code must not hold up the other response. */
  corkForTick(): void {
    if (this.#res.writableCorked > 0) return;
    this.#previous.cork.call(this.#res);
    nextTick(() => this.uncorkNow());
  }

  uncorkNow(): void {
    if (this.#res.writableCorked > 0) this.#previous.uncork.call(this.#res);
  }

  #endTick(): void {
    const { writableNeedDrain } = this.#res;
    if (writableNeedDrain) withoutDrain(this.#res, () => this.uncorkNow());
    else this.uncorkNow();
    this.hasDrained = writableNeedDrain && !this.#res.writableNeedDrain;
    this.#isCorkedForTick = false;
    this.#ticksToCome += 1;
  }
}

/** Who waits for 'drain' may write, and has to wait until all is out that was written before. */
function withoutDrain(res: NativeResponse, run: () => void): void {
  const own = Object.getOwnPropertyDescriptor(res, 'emit');
  const { emit } = res;
  res.emit = (event: string | symbol, ...args: unknown[]): boolean =>
    event !== 'drain' && Reflect.apply(emit, res, [event, ...args]);
  try {
    run();
  } finally {
    if (own) Object.defineProperty(res, 'emit', own);
    else Reflect.deleteProperty(res, 'emit');
  }
}
