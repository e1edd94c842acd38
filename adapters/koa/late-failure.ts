import { holdsInjected, observeFailure, toError } from '../../core/adapter.js';
import { bypass, failedLate, overtake, saysClosed, type Waiter } from '../node/shared.js';
import type { KoaExchange } from './koa-exchange.js';

/** Gives the dependencies an error that is on its way to native code, before that code answers it. */
export function observeBelow(koa: KoaExchange, thrown: unknown): void {
  const { native } = koa;
  if (native.passedOn !== undefined) return;
  const { innermost: waiter, late } = native.waiters;
  const isUnanswered = waiter?.waits || late.length > 0;
  if (!isUnanswered && saysClosed(native, thrown)) return;
  const error = toError(thrown);
  if (isUnanswered || (waiter && takeBack(koa, waiter))) observeFailure(native.exchange, error);
  else if (!overtake(native, error)) failedLate(native, error);
}

/**
 * Handles a failure of native code that has answered on the native response. If it holds dependencies and
 * nobody received the answer, the response is restored; otherwise nothing more will be written, and its
 * readers must not wait.
 */
export function nativeFailed(koa: KoaExchange, waiter: Waiter, thrown: unknown): void {
  const { native } = koa;
  if (saysClosed(native, thrown)) return;
  const error = toError(thrown);
  if (takeBack(koa, waiter) || overtake(native, error)) return;
  if (waiter.received !== undefined) failedLate(native, error);
  else waiter.hold.tape.fail(error);
}

/** Takes back an answer on the native response that nobody received, so that Koa answers. */
function takeBack({ native, ctx }: KoaExchange, waiter: Waiter): boolean {
  const { waiters, exchange } = native;
  const { holding } = waiters;
  const isFree = holding === waiter.hold && holding.ended && holdsInjected(exchange);
  if (!isFree || !waiter.takeBack()) return false;
  holding.bypass();
  bypass(native, holding.previous, false, waiter.entry);
  ctx.respond = true;
  return true;
}
