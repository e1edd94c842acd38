import {
  ClientDisconnect,
  detach,
  hasInjected,
  isAnswering,
  isHolding,
  PlainTextResponse,
  type Response,
} from '../../core/adapter.js';
import { whenAllSettled } from './answer-wait.js';
import { whenClosed } from './connection.js';
import { sentHold } from './hold/hold.js';
import { saysClosed } from './native-errors.js';
import type { NativeExchange } from './native-exchange.js';
import { setImmediate } from './turns.js';
import type { Waiter } from './waiter.js';

/** How long native code whose end cannot be seen keeps its dependencies, in milliseconds. */
const patience = 5_000;
const none: readonly never[] = [];

/** Ends a waiter whose middleware finished, with this response or with an exception. */
export function leave(native: NativeExchange, waiter: Waiter, response: Response | undefined): void {
  const { hold } = waiter;
  leaveUnanswered(native, waiter);
  if (response === waiter.received) return;
  const downstreamRuns = waiter.waits || hold.substitute.downstreamRuns;
  hold.substitute = { base: waiter.baseOf(response), downstreamRuns };
}

/** Ends a waiter that an outer middleware did not wait for. */
export function leaveUnanswered(native: NativeExchange, waiter: Waiter): void {
  native.waiters.remove(waiter);
  if (waiter.waits) becomeLate(native, waiter);
}

/** Ends all waiters, because all middleware has finished. */
export function leaveAll(native: NativeExchange): void {
  for (const { waiters } of native.waiters.holds)
    for (const waiter of waiters as readonly Waiter[]) leaveUnanswered(native, waiter);
}

/** Notes that native code is running for a waiter that no longer waits. */
export function becomeLate(native: NativeExchange, waiter: Waiter): void {
  const { waiters, end } = native;
  if (waiters.late.includes(waiter)) return;
  waiters.addLate(waiter);
  waiter.hold.onLateAnswer = () => answerLate(native);
  if (end.over) releaseLater(native);
}

/**
 * Resolves the innermost late waiter, because native code answers although nobody waits. The response is
 * unused.
 */
export function answerLate({ waiters }: NativeExchange): void {
  waiters.takeLate()?.answered(new PlainTextResponse());
}

/** Resolves a late waiter whose native code has answered. Returns whether it was late. */
export function answeredLate({ waiters }: NativeExchange, waiter: Waiter): boolean {
  const isLate = waiters.removeLate(waiter);
  if (isLate) waiter.answered(new PlainTextResponse());
  return isLate;
}

/** Handles a response that nobody waits for any longer. */
export function answeredTooLate({ waiters, exchange }: NativeExchange, response: Response): void {
  const waiter = waiters.takeLate();
  if (waiter) waiter.answered(response);
  else exchange.replaced(response);
}

/** Resolves all late waiters: their native code has ended, or nothing will show when it does. */
function releaseLate(native: NativeExchange, failure?: unknown): void {
  const { waiters } = native;
  const { late } = waiters;
  waiters.late = none;
  for (const waiter of late)
    if (failure === undefined) waiter.answered(new PlainTextResponse());
    else if (waiter.waits) waiter.reject(failure);
}

/** Releases a middleware whose client went before the code below it started: no event will follow. */
export function releaseLater(native: NativeExchange): void {
  setImmediate(release, native);
}

/**
 * Stops the middleware from waiting once the response is over, unless native code may still use its
 * dependencies.
 */
export function release(native: NativeExchange): void {
  const { waiters, exchange, end, framework } = native;
  if (framework.awaitsNative) return releaseAwaited(native);
  const { innermost } = waiters;
  const waiting = innermost?.waits && !isAnswering(exchange) ? innermost : undefined;
  // Something that was not held went out (an app called as a function, HTTP/2), so it can no longer be
  // changed.
  if (end.isAnsweredElsewhere) waiting?.answered(sentHold(native.res).view);
  if (end.over?.outcome === 'sent') {
    if (waiters.late.length > 0) releaseLateAtEnd(native);
  } else if (waiting?.waits && mayEnd(native) && waiting.hold.state === 'open') {
    const gone = (failure?: unknown): void => clientGone(native, failure);
    whenNativeEnds(native, waiting.order, gone, () => afterPatience(native, gone));
  } else rejectAll(native, innermost);
}

/**
 * Whether native code holds something and will end. Code that waits for the rest of an upload may never end.
 */
function mayEnd({ exchange, end }: NativeExchange): boolean {
  return hasInjected(exchange) || (isHolding(exchange) && end.hasWholeRequest);
}

/** Native code settles by itself, and keeps its dependencies until then. */
function releaseAwaited({ waiters, exchange }: NativeExchange): void {
  waiters.holding?.tape.fail(new ClientDisconnect());
  if (waiters.innermost?.waits) detach(exchange);
}

function rejectAll(native: NativeExchange, innermost: Waiter | undefined): void {
  const gone = closeHolds(native);
  if (isAnswering(native.exchange)) return;
  reject(native, gone, innermost);
  if (native.waiters.late.length > 0) releaseLateAtEnd(native);
}

function closeHolds({ waiters }: NativeExchange): ClientDisconnect {
  const gone = new ClientDisconnect();
  for (const hold of waiters.holds) hold.closed(gone);
  return gone;
}

/**
 * Handles the end of native code without an answer after its client has gone; `failure` is its error, if any.
 */
function clientGone(native: NativeExchange, failure: unknown): void {
  const { innermost } = native.waiters;
  if (!innermost?.waits) return;
  const gone = closeHolds(native);
  if (failure === undefined || saysClosed(native, failure)) reject(native, gone, innermost);
  else innermost.reject(failure);
}

/** Rejects `callNext`. This counts as a failure of the code below only if the request is not complete. */
function reject({ exchange, end }: NativeExchange, gone: ClientDisconnect, waiter: Waiter | undefined): void {
  if (!waiter?.waits) return;
  if (end.hasWholeRequest) exchange.failing.disconnected = gone;
  waiter.reject(gone);
}

/**
 * Leaves dependencies open for native code that a layer answered for, until it ends or the connection closes.
 */
function releaseLateAtEnd(native: NativeExchange): void {
  const { waiters, exchange, req } = native;
  const { socket } = req;
  const done = (failure?: unknown): void => releaseLate(native, failure);
  const closed = (): void => afterPatience(native, done);
  // An endpoint will still answer.
  if (isAnswering(exchange)) return;
  whenNativeEnds(native, waiters.late[0]?.order ?? 0, done, () => {
    if (socket.destroyed) closed();
    else waiters.whenNoneIsLate = whenClosed(socket, closed);
  });
}

/** Waits for native code whose end cannot be seen: what it injected stays open until it answers or fails. */
function afterPatience({ exchange, isDestroyedHere }: NativeExchange, done: () => void): void {
  if (!isHolding(exchange) || isDestroyedHere) done();
  else if (!hasInjected(exchange)) setTimeout(done, patience).unref();
}

/** Calls `done` when the running native code has ended, or `unknown` if it has no promise. */
function whenNativeEnds(
  { knownCalls }: NativeExchange,
  order: number,
  done: (failure?: unknown) => void,
  unknown: () => void,
): void {
  const works = knownCalls?.isLastKnown ? knownCalls.worksAfter(order) : none;
  // One turn later: the router passes a rejection on first.
  const later = (failure?: unknown): void => void setImmediate(done, failure);
  whenAllSettled(works, later, unknown);
}
