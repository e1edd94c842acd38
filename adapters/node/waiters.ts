import type { Layer } from '../../core/adapter.js';
import { type Hold, sentHold } from './hold/hold.js';
import { interceptHttp2 } from './hold/http2.js';
import { intercept, isUncovered } from './hold/install.js';
import { http2Stream } from './http2-stream.js';
import type { NativeResponse } from './node-types.js';
import type { Waiter } from './waiter.js';

const none: readonly never[] = [];

/**
 * The holds on a native response, and who waits at each of them.
 *
 * Layers share a hold as long as no foreign middleware puts methods of its own on the response in between;
 * then the inner layers have a hold above those methods.
 */
export class Waiters {
  /** The outermost one is first. */
  holds: readonly Hold[] = none;
  /** The outermost hold. */
  root: Hold | undefined;
  /** Who began to wait at the outermost hold last: an error page begins with its headers. */
  lastAtRoot: Waiter | undefined;
  /** Those that were left while native code was at work, the innermost last: late answers go to them. */
  late: readonly Waiter[] = none;
  /** Whether native code was left at work at some time, although a layer has answered in its place. */
  wasLeft = false;
  /** Undoes what was set up to release the late ones. */
  whenNoneIsLate: (() => void) | undefined;
  /** The layers whose middleware is at work, the one that is on its way in last. */
  #atWork: readonly Waiter[] = none;

  /** The layer that is on its way in. */
  get current(): Waiter | undefined {
    return this.#atWork.at(-1);
  }

  /** A layer's middleware begins, or goes on within another layer that native code among it has begun. */
  begin(own: Waiter): void {
    this.#atWork = appended(this.#atWork, own);
  }

  /** A layer's middleware is through, or its part within another layer is. */
  end(own: Waiter): void {
    const index = this.#atWork.lastIndexOf(own);
    if (index === 0 && this.#atWork.length === 1) this.#atWork = none;
    else if (index >= 0) this.#atWork = this.#atWork.toSpliced(index, 1);
  }

  /** The hold at which the next middleware waits: the top one, or a new one where that cannot be shared. */
  holdFor(res: NativeResponse): Hold {
    const top = this.holds.at(-1);
    if (top?.state === 'open' && isUncovered(top)) return top;
    const hold = newHold(res, top);
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
    hold.waiters = hold.waiters.filter(each => each !== waiter);
  }

  /** The innermost one that has not been left yet. */
  get innermost(): Waiter | undefined {
    for (let at = this.holds.length - 1; at >= 0; at -= 1) {
      const waiter = this.holds[at]?.waiters.at(-1);
      if (waiter) return waiter as Waiter;
    }
    return undefined;
  }

  /** The one of a layer. */
  of(layer: Layer): Waiter | undefined {
    const all = this.holds.flatMap(({ waiters }) => waiters) as Waiter[];
    return all.find(waiter => waiter.layer === layer);
  }

  /** Those further in than one, outermost first: layers that it did not wait for. */
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

  /** The innermost late one, which is no longer late. */
  takeLate(): Waiter | undefined {
    const waiter = this.late.at(-1);
    if (waiter) this.removeLate(waiter);
    return waiter;
  }

  /** Returns whether it was a late one. */
  removeLate(waiter: Waiter): boolean {
    if (!this.late.includes(waiter)) return false;
    this.late = this.late.filter(each => each !== waiter);
    if (this.late.length === 0) this.whenNoneIsLate?.();
    return true;
  }
}

function newHold(res: NativeResponse, top: Hold | undefined): Hold {
  if (res.headersSent) return sentHold(res);
  return http2Stream(res) ? interceptHttp2(res, top) : intercept(res, top);
}

/**
 * A list with one more; nearly all have no other. Made anew, as spare room would last as long as the request.
 */
export function appended<T>(list: readonly T[], last: T): readonly T[] {
  return list.length === 0 ? [last] : [...list, last];
}
