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

/** How long native code that has nothing to tell of its end keeps the dependencies, in milliseconds. */
const patience = 5_000;
const none: readonly never[] = [];

/** A middleware is through: with this response, or with an exception. */
export function leave(native: NativeExchange, waiter: Waiter, response: Response | undefined): void {
  const { hold } = waiter;
  leaveUnanswered(native, waiter);
  if (response === waiter.received) return;
  const downstreamRuns = waiter.waits || hold.substitute.downstreamRuns;
  hold.substitute = { base: waiter.baseOf(response), downstreamRuns };
}

/** A middleware further out is through, and did not wait for this one. */
export function leaveUnanswered(native: NativeExchange, waiter: Waiter): void {
  native.waiters.remove(waiter);
  if (waiter.waits) becomeLate(native, waiter);
}

/** All middleware is through. */
export function leaveAll(native: NativeExchange): void {
  for (const { waiters } of native.waiters.holds)
    for (const waiter of waiters as readonly Waiter[]) leaveUnanswered(native, waiter);
}

/** Native code is at work for somebody who no longer waits. */
export function becomeLate(native: NativeExchange, waiter: Waiter): void {
  const { waiters, end } = native;
  if (waiters.late.includes(waiter)) return;
  waiters.addLate(waiter);
  waiter.hold.onLateAnswer = () => answerLate(native);
  if (end.over) releaseLater(native);
}

/**
 * Native code answers although nobody waits for that: the innermost late one goes on, with what changes
 * nothing.
 */
export function answerLate({ waiters }: NativeExchange): void {
  waiters.takeLate()?.answered(new PlainTextResponse());
}

/** Native code that a middleware did not wait for has answered. Returns whether it was that middleware. */
export function answeredLate({ waiters }: NativeExchange, waiter: Waiter): boolean {
  const isLate = waiters.removeLate(waiter);
  if (isLate) waiter.answered(new PlainTextResponse());
  return isLate;
}

/** A response that comes when nobody waits for it any longer. */
export function answeredTooLate({ waiters, exchange }: NativeExchange, response: Response): void {
  const waiter = waiters.takeLate();
  if (waiter) waiter.answered(response);
  else exchange.replaced(response);
}

/** Native code that a layer has answered for has ended, or nothing will tell. */
function releaseLate(native: NativeExchange, failure?: unknown): void {
  const { waiters } = native;
  const { late } = waiters;
  waiters.late = none;
  for (const waiter of late)
    if (failure === undefined) waiter.answered(new PlainTextResponse());
    else if (waiter.waits) waiter.reject(failure);
}

/** The client has gone before the code below a middleware began, and nothing else will tell that. */
export function releaseLater(native: NativeExchange): void {
  setImmediate(release, native);
}

/**
 * The response is over: middleware stops waiting for native code, unless that may still use its dependencies.
 */
export function release(native: NativeExchange): void {
  const { waiters, exchange, end, framework } = native;
  if (framework.awaitsNative) return releaseAwaited(native);
  const { innermost } = waiters;
  const waiting = innermost?.waits && !isAnswering(exchange) ? innermost : undefined;
  // Something went out that was not held (an app called as a function, HTTP/2): there is nothing left to
  // change.
  if (end.isAnsweredElsewhere) waiting?.answered(sentHold(native.res).view);
  if (end.over?.outcome === 'sent') {
    if (waiters.late.length > 0) releaseLateAtEnd(native);
  } else if (waiting?.waits && mayEnd(native) && waiting.hold.state === 'open') {
    const gone = (failure?: unknown): void => clientGone(native, failure);
    whenNativeEnds(native, waiting.order, gone, () => afterPatience(native, gone));
  } else rejectAll(native, innermost);
}

/**
 * Whether native code holds something, and comes to its end. Code that waits for the rest of an upload may
 * never.
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

/** Native code whose client has gone has ended without an answer, with this failure if it has failed. */
function clientGone(native: NativeExchange, failure: unknown): void {
  const { innermost } = native.waiters;
  if (!innermost?.waits) return;
  const gone = closeHolds(native);
  if (failure === undefined || saysClosed(native, failure)) reject(native, gone, innermost);
  else innermost.reject(failure);
}

/** Rejects `callNext`. That is a failure of what is below only where the request is not complete. */
function reject({ exchange, end }: NativeExchange, gone: ClientDisconnect, waiter: Waiter | undefined): void {
  if (!waiter?.waits) return;
  if (end.hasWholeRequest) exchange.failing.disconnected = gone;
  waiter.reject(gone);
}

/**
 * Leaves dependencies to native code that a layer has answered for, until it ends or the connection closes.
 */
function releaseLateAtEnd(native: NativeExchange): void {
  const { waiters, exchange, req } = native;
  const { socket } = req;
  const done = (failure?: unknown): void => releaseLate(native, failure);
  const closed = (): void => afterPatience(native, done);
  // An endpoint answers, if late.
  if (isAnswering(exchange)) return;
  whenNativeEnds(native, waiters.late[0]?.order ?? 0, done, () => {
    if (socket.destroyed) closed();
    else waiters.whenNoneIsLate = whenClosed(socket, closed);
  });
}

/** Nothing tells when native code ends: it keeps what it has injected until it answers or fails. */
function afterPatience({ exchange, isDestroyedHere }: NativeExchange, done: () => void): void {
  if (!isHolding(exchange) || isDestroyedHere) done();
  else if (!hasInjected(exchange)) setTimeout(done, patience).unref();
}

/** Calls `done` when native code that is at work now has ended, or `unknown` where no promise tells. */
function whenNativeEnds(
  { knownCalls }: NativeExchange,
  order: number,
  done: (failure?: unknown) => void,
  unknown: () => void,
): void {
  const works = knownCalls?.isLastKnown ? knownCalls.worksAfter(order) : none;
  // A turn later: the router passes a rejection on first.
  const later = (failure?: unknown): void => void setImmediate(done, failure);
  whenAllSettled(works, later, unknown);
}
