import {
  fillHeaders,
  Headers,
  misuse,
  PlainTextResponse,
  type Response,
  toError,
} from '../../core/adapter.js';
import { cutUnwritten, isHandedBack } from './hand-back.js';
import { HeaderSnapshot } from './hold/header-snapshot.js';
import type { Hold } from './hold/hold.js';
import { isUncovered } from './hold/install.js';
import { answeredTooLate, leave, leaveUnanswered } from './leaving.js';
import { reportOnce } from './native-errors.js';
import type { NativeExchange } from './native-exchange.js';
import { put, writeThrough } from './outlet.js';
import type { Waiter } from './waiter.js';

/** Sends the response of an inner layer to the layer around it, or to the native response. Never throws. */
export function settle(native: NativeExchange, waiter: Waiter | undefined, response: Response): void {
  neverThrowing(native, response, () => {
    if (waiter === undefined) answer(native, response);
    else settleAt(native, waiter, response);
  });
}

/** Passes a response on; an error meanwhile goes to the waiting layer. */
export function neverThrowing(native: NativeExchange, response: Response, give: () => void): void {
  try {
    give();
  } catch (thrown) {
    native.exchange.replaced(response);
    settleError(native, undefined, thrown);
  }
}

function settleAt(native: NativeExchange, waiter: Waiter, response: Response): void {
  const { waiters, end } = native;
  const { hold } = waiter;
  const inside = waiters.inside(waiter);
  leave(native, waiter, response);
  for (const each of inside) leaveUnanswered(native, each);
  const next = hold.waiters.at(-1) as Waiter | undefined;
  if (next) return handOver(next, waiter.baseOf(response), response);
  const { innermost } = waiters;
  if (isHandedBack(native) && hold !== waiters.root) finish(native, hold, response);
  else if (hold === waiters.root || !innermost?.waits) answeredTooLate(native, response);
  else if (end.over) innermost.answered(response);
  else finish(native, hold, response);
}

/**
 * Gives the outer layer the response at the same hold, with the headers that native code set between the two,
 * so that outer middleware sees them and may remove them.
 */
export function handOver(waiter: Waiter, later: HeaderSnapshot, response: Response): void {
  const { hold, entry } = waiter;
  if (!waiter.waits || hold.viewed === response) return waiter.answered(response);
  fillHeaders(response.headers, new Headers(later.addedTo(entry)));
  waiter.answered(response);
  hold.substitute = { ...hold.substitute, base: entry.keptIn(later) };
}

/** Ends an inner hold: the response of its last layer leaves through the foreign methods below the hold. */
export function finish(native: NativeExchange, hold: Hold, response: Response): void {
  try {
    if (hold.viewed === response) hold.release();
    else put(native, hold, response);
    native.exchange.replaced(response);
  } catch (thrown) {
    native.exchange.replaced(response);
    hold.bypass();
    settleError(native, undefined, thrown);
    cutUnwritten(native, toError(thrown));
  }
}

/** Gives the outer layer the exception of an inner layer or an endpoint. */
export function settleError(native: NativeExchange, waiter: Waiter | undefined, error: unknown): void {
  const { waiters, res } = native;
  if (waiter) leave(native, waiter, undefined);
  const { innermost } = waiters;
  const waiting = innermost?.waits ? innermost : waiters.takeLate();
  if (waiting?.waits) return waiting.reject(error);
  reportOnce(native, error);
  if (!isHandedBack(native) || res.headersSent) return;
  const page = new PlainTextResponse('Internal Server Error', { status: 500 });
  if (waiter && waiter.hold !== waiters.root) finish(native, waiter.hold, page);
  else writeThrough(native, page);
}

/** Answers with one of our responses: directly to the waiting layer, or through the methods in between. */
function answer(native: NativeExchange, response: Response): void {
  const { waiters, res, end, exchange } = native;
  const { innermost: waiter } = waiters;
  if (isHandedBack(native) && !res.headersSent) return writeThrough(native, response);
  if (!waiter?.waits) return answeredTooLate(native, response);
  const top = waiters.holds.at(-1);
  const isNext = waiter.hold === top && top.state === 'open' && isUncovered(top);
  if (end.over) return waiter.answered(response);
  if (isNext && waiter.entry.isStillOn(res)) return waiter.answered(response);
  if (res.headersSent) {
    exchange.reports.tell(misuse('RESPONSE_STARTED'), 'request');
    return exchange.replaced(response);
  }
  // What native code set on the way here belongs to the response.
  if (isNext) return handOver(waiter, new HeaderSnapshot(res), response);
  writeThrough(native, response);
}
