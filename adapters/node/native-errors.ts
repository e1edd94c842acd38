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

/** How long native code may take to answer the error of a too large body, in milliseconds. */
const patience = 5_000;
/** The codes of streams that failed because the response closed before they were written. */
const closures: readonly unknown[] = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

/**
 * Whether an error only says that the response was closed while native code was writing it: its client has
 * gone, or another response replaced it. A handler that fails destroys the response with its own error.
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
 * Whether something other than the answer of native code is or was sent. Its failure must not cut the
 * connection then, which may already serve another request.
 */
export function isAnsweredInPlace({ passedOn, end, waiters }: NativeExchange): boolean {
  const isPageOut = passedOn !== undefined && end.over !== undefined;
  return isPageOut || waiters.wasLeft || waiters.holds.some(({ state }) => state === 'replaced');
}

/**
 * Observes an error of native code on its way to the code that answers it. Returns whether it was
 * intercepted: it then replaces an answer, and `passOn` receives it if no layer handles it.
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

/** Notes that an error handler of the app continues without the error. Returns what must be awaited first. */
export function goOnAfterError(native: NativeExchange): Promise<void> | undefined {
  if (native.res.headersSent) return undefined;
  native.observed = undefined;
  return goOnWithoutFailure(native.exchange);
}

/**
 * Replaces an answer that is still held by a later failure of native code with dependencies. Returns whether
 * it did.
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
 * Handles a failure of native code whose answer stands: readers of that answer must not wait for the rest.
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

/** Handles an error thrown by native code below a layer, or a rejection of its promise. */
export function listenerFailed(native: NativeExchange, waiter: Waiter | undefined, thrown: unknown): void {
  if (waiter?.waits) return waiter.reject(thrown);
  if (saysClosed(native, thrown)) return;
  const error = toError(thrown);
  if (overtake(native, error)) return;
  failedLate(native, error);
  reportOnce(native, error);
  const cut = (): void => {
    // A package outside the layer ends the response later than native code does: compression.
    const isComplete = waiter?.hold.ended || native.res.writableEnded;
    if (!isComplete && !isAnsweredInPlace(native)) cutShort(native.res, error);
  };
  if (!whenReleased(native, cut)) cut();
}

/**
 * Refuses native code the rest of a too large body. If it does not listen for errors, or does nothing, the
 * layer gets the error.
 */
export function refuseBody(native: NativeExchange, error: Error, isTold: boolean): void {
  const { innermost } = native.waiters;
  if (!innermost?.waits) {
    // Code that only drains the body continues at its end: finalhandler does so before it writes its page.
    if (!isTold && hasReader(native.req)) listenerFailed(native, innermost, error);
  } else if (!isTold) answerInPlace(native, innermost, error);
  else
    setTimeout(() => {
      if (innermost.waits) answerInPlace(native, innermost, error);
    }, patience).unref();
}

/** Answers in place of native code that continues: its later calls on the response have no effect. */
function answerInPlace({ waiters }: NativeExchange, waiter: Waiter, error: unknown): void {
  const { hold } = waiter;
  hold.substitute = { ...hold.substitute, downstreamRuns: true };
  waiters.wasLeft = true;
  waiter.reject(error);
}

/** Runs `action` when everything held has been sent through all holds. Returns whether something is held. */
export function whenReleased(native: NativeExchange, action: () => void): boolean {
  const { holding } = native.waiters;
  holding?.afterRelease(() => {
    if (!whenReleased(native, action)) action();
  });
  return holding !== undefined;
}
