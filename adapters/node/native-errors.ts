import {
  failLate,
  goOnWithoutFailure,
  holdsInjected,
  observeFailure,
  overtakeAnswer,
  toError,
} from '../../core/adapter.js';
import { hasReader } from './body/refill-request.js';
import { http2Stream } from './http2-stream.js';
import type { NativeExchange, PassOn } from './native-exchange.js';
import { cutShort } from './response/cut-short.js';
import type { Waiter } from './waiter.js';

/** How long native code that was told of a body that is too large may take to answer, in milliseconds. */
const patience = 5_000;
/** What streams reject with where the response closes before all of it is written. */
const closures: readonly unknown[] = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

/**
 * Whether an error only says that the response was closed while native code was writing it: its client has
 * left, or another response was sent in its place. A handler that fails destroys the response with its error.
 */
export function saysClosed({ end, waiters, res }: NativeExchange, thrown: unknown): boolean {
  const { over } = end;
  const isReplaced = waiters.holds.some(
    ({ state, ended }) => !ended && (state === 'replaced' || (state === 'bypassed' && over !== undefined)),
  );
  if (over?.outcome !== 'aborted' && !isReplaced) return false;
  const error = toError(thrown);
  const { errored } = (http2Stream(res) ?? res) as { errored?: unknown };
  const { code } = error as { code?: unknown };
  return errored !== thrown && (closures.includes(code) || end.isReason(error));
}

/** Whether a layer still waits for the answer of native code, or has answered in its place. */
export function isUnanswered({ waiters }: NativeExchange): boolean {
  const { innermost, late } = waiters;
  return (innermost?.waits && innermost.hold.state === 'open') || late.length > 0;
}

/**
 * Whether something else than the answer of native code is sent, or was: what native code fails with may not
 * cut the connection then, which may serve another request by now.
 */
export function isAnsweredInPlace({ passedOn, end, waiters }: NativeExchange): boolean {
  const isPageOut = passedOn !== undefined && end.over !== undefined;
  return isPageOut || waiters.wasLeft || waiters.holds.some(({ state }) => state === 'replaced');
}

/**
 * An error of native code is on its way to whoever answers it. Returns whether it is kept from there: it
 * takes the place of an answer then, and is given to `passOn` if no layer handles it.
 */
export function observe(native: NativeExchange, thrown: unknown, passOn: PassOn): boolean {
  if (native.passedOn !== undefined || thrown === native.observed) return false;
  native.observed = thrown;
  const error = toError(thrown);
  if (isUnanswered(native)) observeFailure(native.exchange, error);
  else if (overtake(native, error, passOn)) return true;
  else failedLate(native, error);
  return false;
}

/** An error handler of the app goes on without the error. Returns what has to be waited for first. */
export function goOnAfterError(native: NativeExchange): Promise<void> | undefined {
  if (native.res.headersSent) return undefined;
  native.observed = undefined;
  return goOnWithoutFailure(native.exchange);
}

/**
 * Native code that holds dependencies fails after it has answered: the failure takes the place of an answer
 * that is still held. Returns whether it does.
 */
export function overtake(native: NativeExchange, thrown: unknown, passOn = native.passOn): boolean {
  const { waiters, exchange } = native;
  const { holding, innermost } = waiters;
  if (!holding || !holdsInjected(exchange) || saysClosed(native, thrown)) return false;
  const failure = toError(thrown);
  if (innermost?.takeBack()) innermost.reject(failure);
  else if (!overtakeAnswer(exchange, failure)) return false;
  holding.tape.fail(failure);
  native.passOn = passOn;
  native.framework.answerTakenBack?.();
  return true;
}

/**
 * Native code has failed and its answer stands: who reads it, or a body made of it, must not wait for the
 * rest.
 */
export function failedLate(native: NativeExchange, thrown: unknown): void {
  if (saysClosed(native, thrown)) return;
  const { exchange, waiters, res, end } = native;
  const error = toError(thrown);
  failLate(exchange, error);
  for (const { state, tape } of waiters.holds) if (state === 'held' || state === 'replaced') tape.fail(error);
  if (res.headersSent && end.over?.outcome !== 'aborted') reportOnce(native, error);
}

export function reportOnce({ exchange }: NativeExchange, thrown: unknown): void {
  const error = toError(thrown);
  exchange.reports.tellOnce(error, 'request');
}

/** Native code below a layer throws to whoever called it, or its promise rejects. */
export function listenerFailed(native: NativeExchange, waiter: Waiter | undefined, thrown: unknown): void {
  if (waiter?.waits) return waiter.reject(thrown);
  if (saysClosed(native, thrown)) return;
  const error = toError(thrown);
  if (overtake(native, error)) return;
  failedLate(native, error);
  reportOnce(native, error);
  const cut = (): void => {
    // A package outside the layer ends the response later than native code has: compression.
    const isComplete = waiter?.hold.ended || native.res.writableEnded;
    if (!isComplete && !isAnsweredInPlace(native)) cutShort(native.res, error);
  };
  if (!whenReleased(native, cut)) cut();
}

/**
 * Native code reads more of a body than may come. Where it cannot be told (`isTold`), or does nothing, the
 * layer is told.
 */
export function refuseBody(native: NativeExchange, error: Error, isTold: boolean): void {
  const { innermost } = native.waiters;
  if (!innermost?.waits) {
    // Who only takes it off the connection goes on at its end: finalhandler does before it writes its page.
    if (!isTold && hasReader(native.req)) listenerFailed(native, innermost, error);
  } else if (!isTold) answerInPlace(native, innermost, error);
  else
    setTimeout(() => {
      if (innermost.waits) answerInPlace(native, innermost, error);
    }, patience).unref();
}

/**
 * Answers in place of native code that goes on: what it still does to the response neither fails nor counts.
 */
function answerInPlace({ waiters }: NativeExchange, waiter: Waiter, error: unknown): void {
  const { hold } = waiter;
  hold.substitute = { ...hold.substitute, downstreamRuns: true };
  waiters.wasLeft = true;
  waiter.reject(error);
}

/** Runs when what is held has gone out, through all the holds. Returns whether something is held. */
export function whenReleased(native: NativeExchange, action: () => void): boolean {
  const { holding } = native.waiters;
  holding?.afterRelease(() => {
    if (!whenReleased(native, action)) action();
  });
  return holding !== undefined;
}
