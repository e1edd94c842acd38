import type { Layer } from '../../core/adapter.js';
import { type Hold, sentHold } from './hold/hold.js';
import { interceptHttp2 } from './hold/http2.js';
import { intercept, isUncovered } from './hold/install.js';
import type { NativeResponse } from './node-types.js';
import type { Waiter } from './waiter.js';

const none: readonly never[] = [];

/**
 * The holds on a native response, and the waiters at each of them.
 *
 * Layers share a hold until foreign middleware between them patches the response; the inner layers then have
 * a hold above the patched methods.
 */
export class Waiters {
  readonly #res: NativeResponse;
  readonly #isHttp2: boolean;
  /** The outermost hold is first. */
  holds: readonly Hold[] = none;
  /** The outermost hold. */
  root: Hold | undefined;
  /** The last waiter that was added at the outermost hold: an error page starts with its headers. */
  lastAtRoot: Waiter | undefined;
  /** Waiters that were left while native code was running, the innermost last; late answers go to them. */
  late: readonly Waiter[] = none;
  /** Whether native code was ever left running although a layer answered in its place. */
  wasLeft = false;
  /** Undoes the preparations for releasing late waiters. */
  whenNoneIsLate: (() => void) | undefined;
  /** The layers whose middleware is running; the one on its way in is last. */
  #atWork: readonly Waiter[] = none;

  constructor(res: NativeResponse, isHttp2: boolean) {
    this.#res = res;
    this.#isHttp2 = isHttp2;
  }

  /** The layer on its way in. */
  get current(): Waiter | undefined {
    return this.#atWork.at(-1);
  }

  /**
   * Notes that the middleware of a layer starts, or continues inside another layer that its native code
   * started.
   */
  begin(own: Waiter): void {
    this.#atWork = appended(this.#atWork, own);
  }

  /** Notes that the middleware of a layer, or its part inside another layer, has finished. */
  end(own: Waiter): void {
    const index = this.#atWork.lastIndexOf(own);
    if (index === 0 && this.#atWork.length === 1) this.#atWork = none;
    else if (index >= 0) this.#atWork = this.#atWork.toSpliced(index, 1);
  }

  /** Returns the hold for the next middleware: the top one, or a new one if that cannot be shared. */
  nextHold(): Hold {
    const top = this.holds.at(-1);
    if (top?.state === 'open' && isUncovered(top)) return top;
    const hold = newHold(this.#res, this.#isHttp2, top);
    this.holds = appended(this.holds, hold);
    this.root ??= hold;
    return hold;
  }

  add(waiter: Waiter): void {
    const { hold } = waiter;
    if (hold === this.root) this.lastAtRoot = waiter;
    hold.waiters = appended(hold.waiters, waiter);
  }

  remove(waiter: Waiter): void {
    const { hold } = waiter;
    const isOnly = hold.waiters.length === 1 && hold.waiters[0] === waiter;
    hold.waiters = isOnly ? none : hold.waiters.filter(each => each !== waiter);
  }

  /** Drops what only an answer in place of this one needs: a response may last for hours. */
  written(): void {
    this.lastAtRoot = undefined;
    this.#atWork = none;
  }

  /** The innermost waiter that has not been left. */
  get innermost(): Waiter | undefined {
    for (let at = this.holds.length - 1; at >= 0; at -= 1) {
      const waiter = this.holds[at]?.waiters.at(-1);
      if (waiter) return waiter as Waiter;
    }
    return undefined;
  }

  /** Returns the waiter of a layer. */
  of(layer: Layer): Waiter | undefined {
    const all = this.holds.flatMap(({ waiters }) => waiters) as Waiter[];
    return all.find(waiter => waiter.layer === layer);
  }

  /** Returns the waiters inside this one, outermost first: it did not wait for their layers. */
  inside(waiter: Waiter): readonly Waiter[] {
    const { hold } = waiter;
    const index = hold.waiters.indexOf(waiter);
    if (index < 0) return none;
    const above = this.holds.slice(this.holds.indexOf(hold) + 1).flatMap(({ waiters }) => waiters);
    return [...hold.waiters.slice(index + 1), ...above] as Waiter[];
  }

  /** The innermost hold that holds something. */
  get holding(): Hold | undefined {
    for (let at = this.holds.length - 1; at >= 0; at -= 1)
      if (this.holds[at]?.state === 'held') return this.holds[at];
    return undefined;
  }

  get endedInHold(): boolean {
    return this.holds.some(hold => hold.endedInHold);
  }

  addLate(waiter: Waiter): void {
    this.wasLeft = true;
    this.late = [...this.late, waiter];
  }

  /** Removes and returns the innermost late waiter. */
  takeLate(): Waiter | undefined {
    const waiter = this.late.at(-1);
    if (waiter) this.removeLate(waiter);
    return waiter;
  }

  /** Removes a late waiter. Returns whether it was late. */
  removeLate(waiter: Waiter): boolean {
    if (!this.late.includes(waiter)) return false;
    this.late = this.late.filter(each => each !== waiter);
    if (this.late.length === 0) this.whenNoneIsLate?.();
    return true;
  }
}

/**
 * Returns a list with one more item. It is copied, since spare capacity would last as long as the request.
 */
export function appended<T>(list: readonly T[], last: T): readonly T[] {
  return list.length === 0 ? [last] : [...list, last];
}

function newHold(res: NativeResponse, isHttp2: boolean, top: Hold | undefined): Hold {
  if (res.headersSent) return sentHold(res);
  return isHttp2 ? interceptHttp2(res, top) : intercept(res, top);
}
