import { followTarget, isMisuse, type Request, type Response, toError } from '../../core/adapter.js';
import { applyTo, current, lineOf, wait } from './around-native.js';
import { runBelow } from './below-context.js';
import { HeaderSnapshot } from './hold/header-snapshot.js';
import { isUncovered } from './hold/install.js';
import { becomeLate, leave, leaveUnanswered } from './leaving.js';
import { listenerFailed } from './native-errors.js';
import type { NativeExchange, PassOn } from './native-exchange.js';
import { writeThrough } from './outlet.js';
import { handOver, neverThrowing, settle } from './settle.js';
import { Waiter } from './waiter.js';

type CallNext = (request: Request) => Promise<Response>;

/**
 * Runs a native middleware inside the onion: `start` calls it with its `next`. Its response is whatever it
 * writes, or whatever leaves through the methods it patched.
 */
export function runAmong(
  native: NativeExchange,
  request: Request,
  callNext: CallNext,
  start: (next: (error?: unknown) => void) => unknown,
  setTarget: (target: string) => void,
): Promise<Response> {
  const own = current(native);
  applyTo(native, request, setTarget);
  const waiter = waitAmong(native, own);
  const failed: PassOn = thrown => {
    if (waiter.waits) waiter.reject(thrown);
    else listenerFailed(native, waiter, thrown);
  };
  const next = (error?: unknown): void => {
    if (error) return failed(error);
    followTarget(request);
    goOnIn(native, own, () => callNext(request)).then(
      response => settleAmong(native, waiter, leaveInside(native, own, waiter), response),
      thrown => failAmong(native, waiter, leaveInside(native, own, waiter), thrown),
    );
  };
  runBelow(native, () => {
    try {
      whenRejected(start(next), failed);
    } catch (thrown) {
      failed(thrown);
    }
  });
  return waiter.answer;
}

/** Starts to wait for a native middleware of a layer. */
export function waitAmong(native: NativeExchange, own: Waiter): Waiter {
  const waiter = new Waiter();
  own.line = [...lineOf(own), waiter];
  wait(native, waiter);
  return waiter;
}

/** Continues the middleware of a layer, perhaps inside a layer that its native code has started. */
export async function goOnIn<T>(
  { waiters }: NativeExchange,
  own: Waiter,
  goOn: () => Promise<T>,
): Promise<T> {
  waiters.begin(own);
  try {
    return await goOn();
  } finally {
    waiters.end(own);
  }
}

/**
 * Ends the waiters below a native middleware once its `next` has settled. Nobody waited for those inside the
 * first, which is returned.
 */
export function leaveInside(native: NativeExchange, own: Waiter, waiter: Waiter): Waiter | undefined {
  const line = lineOf(own);
  const at = line.indexOf(waiter) + 1;
  const [first, ...inside] = line.slice(at);
  own.line = line.slice(0, at);
  if (first?.waits) becomeLate(native, first);
  for (const each of inside) leaveUnanswered(native, each);
  return first;
}

function failAmong(native: NativeExchange, waiter: Waiter, inner: Waiter | undefined, thrown: unknown): void {
  if (inner) leave(native, inner, undefined);
  if (waiter.waits) return waiter.reject(thrown);
  // Native code has answered already, so nobody is left to receive this error.
  const error = toError(thrown);
  if (isMisuse(error, 'CALL_NEXT_TWICE', 'CALL_NEXT_LATE')) native.exchange.reports.tell(error, 'request');
}

/** Settles a native middleware with the answer from below. Never throws. */
function settleAmong(
  native: NativeExchange,
  waiter: Waiter,
  inner: Waiter | undefined,
  response: Response,
): void {
  neverThrowing(native, response, () => handOut(native, waiter, inner, response));
}

/**
 * Sends the response through the methods that the middleware patched, if any, with the headers that it set.
 */
function handOut(
  native: NativeExchange,
  waiter: Waiter,
  inner: Waiter | undefined,
  response: Response,
): void {
  const { hold } = waiter;
  const isDirect = waiter.waits && (inner ? inner.hold === hold : isUncovered(hold));
  if (!isDirect || native.end.over || hold.viewed === response) return settle(native, inner, response);
  const later = inner?.entry ?? new HeaderSnapshot(native.res);
  if (inner) leave(native, inner, response);
  // A layer that the middleware started around `next` is nearer.
  if (native.waiters.innermost !== waiter) return settle(native, inner, response);
  if (hold.state === 'open' && !later.equals(waiter.entry)) return writeThrough(native, response);
  // Native code has answered at this hold, and another response replaces it: its headers are written later.
  handOver(waiter, inner?.baseOf(response) ?? later, response);
  const { base } = hold.substitute;
  leave(native, waiter, undefined);
  hold.substitute = { ...hold.substitute, base };
}

/** Native code may return any promise, or nothing. */
export function whenRejected(returned: unknown, failed: PassOn): void {
  const { then } = (returned ?? {}) as { then?: unknown };
  if (typeof then === 'function') Reflect.apply(then, returned, [undefined, failed]);
}
