import type { NativeResponse } from '../node-types.js';
import { nextTick } from '../turns.js';
import type { PreviousMethods } from './previous.js';

type Corking = Pick<PreviousMethods, 'cork' | 'uncork'>;

/**
 * Corks for one tick, as Node does for its own writes: a cork of native code must not hold up another
 * response.
 */
export function corkForTick(res: NativeResponse, previous: Corking): void {
  if (res.writableCorked > 0) return;
  previous.cork.call(res);
  nextTick(uncorkNow, res, previous);
}

export function uncorkNow(res: NativeResponse, previous: Corking): void {
  if (res.writableCorked > 0) previous.uncork.call(res);
}

/** Uncorks without emitting 'drain': its listeners must wait until all earlier writes are out. */
export function uncorkSilently(res: NativeResponse, previous: Corking): void {
  const own = Object.getOwnPropertyDescriptor(res, 'emit');
  const { emit } = res;
  res.emit = (event: string | symbol, ...args: unknown[]): boolean =>
    event !== 'drain' && Reflect.apply(emit, res, [event, ...args]);
  try {
    uncorkNow(res, previous);
  } finally {
    if (own) Object.defineProperty(res, 'emit', own);
    else Reflect.deleteProperty(res, 'emit');
  }
}
