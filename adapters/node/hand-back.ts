import { answerUnhandled, asThrown, fillHeaders, type Headers, misuse, toError } from '../../core/adapter.js';
import { detachHeaders } from './hold/detached-headers.js';
import { dropHeaders, forgetFraming, ofBody } from './hold/framing.js';
import type { HeaderSnapshot } from './hold/header-snapshot.js';
import { methodsOf, originalMethods } from './hold/install.js';
import type { PreviousMethods } from './hold/previous.js';
import { answerLate } from './leaving.js';
import type { NativeExchange, PassOn } from './native-exchange.js';
import { put } from './outlet.js';
import { cutShort } from './response/cut-short.js';
import { ErrorPage, patience } from './response/error-page.js';
import { fillAtHead } from './response/fill-at-head.js';
import { setReason } from './response/write-response.js';
import type { Waiter } from './waiter.js';

/** Returns an exception to the framework, whose answer is no longer held. */
export function handBack(
  native: NativeExchange,
  error: Error,
  innermost: Waiter | undefined,
  headers: Headers | undefined,
): void {
  const { res, waiters, thrown } = native;
  native.passedOn = asTold(native, error);
  if (!makeWay(native, innermost)) return answerForStream(native, error, innermost, headers);
  if (native.page) native.page.fill(headers);
  else if (headers) fillAtHead(res, headers);
  if (waiters.wasLeft) res.once('finish', () => detachHeaders(res));
  const fromHere = thrown?.error === error ? thrown.passOn : native.passOn;
  passOn(native, native.passedOn, native.restart ?? fromHere);
}

/** The exception as it was thrown, unless the framework would treat that value as a signal. */
export function asTold({ framework }: NativeExchange, error: Error): unknown {
  const thrown = asThrown(error);
  return framework.isSignal(thrown) ? error : thrown;
}

/** Whether the framework is answering an error, and reached a layer or an endpoint while doing so. */
export function isHandedBack({ passedOn, waiters, end }: NativeExchange): boolean {
  return passedOn !== undefined && !waiters.wasLeft && !end.over && !waiters.innermost?.waits;
}

/**
 * Lets the framework answer, past the methods that an answer has used up. Returns false if native code still
 * writes, and its calls cannot be separated from those of the framework.
 */
function makeWay(native: NativeExchange, innermost: Waiter | undefined): boolean {
  const { res, waiters, framework } = native;
  const { holds } = waiters;
  const first = holds.findIndex(hold => hold.isUsed);
  const used = first < 0 ? [] : holds.slice(first);
  const hasEnded = used.findLast(hold => hold.isUsed)?.ended ?? true;
  if (!hasEnded && !framework.keepsContext) return false;
  for (const hold of holds.slice(0, first < 0 ? undefined : first).toReversed()) hold.pass();
  const outermost = used[0];
  if (outermost === undefined) {
    // A handler that nobody waited for may answer while the page is made.
    if (waiters.late.length > 0 && framework.keepsContext) openPage(native, methodsOf(res), true);
    return true;
  }
  for (const hold of used.toReversed()) hold.bypass();
  const methods = outermost.output === 'none' ? outermost.previous : originalMethods(res);
  bypass(native, methods, !hasEnded, innermost?.entry);
  return true;
}

/** Sends later answers through the earlier methods, with the headers of that time. */
export function bypass(
  native: NativeExchange,
  methods: PreviousMethods,
  isGuarded: boolean,
  entry?: HeaderSnapshot,
): void {
  const { res } = native;
  entry?.restore(res);
  res.statusCode = entry?.status ?? 200;
  setReason(res, undefined);
  forgetFraming(res);
  openPage(native, methods, isGuarded);
}

function openPage(native: NativeExchange, methods: PreviousMethods, isGuarded: boolean): void {
  native.page = new ErrorPage(native.res, methods, {
    isGuarded,
    onStuck: () => {
      const error = misuse('ERROR_PAGE_UNENDED', patience);
      native.exchange.reports.tell(error, 'response');
      return error;
    },
    onDropped: () => answerLate(native),
  });
}

/** The framework's own error handling may fail too; the connection must not hang then. */
function passOn({ page, exchange, res }: NativeExchange, told: unknown, give: PassOn): void {
  try {
    if (page) page.run(() => give(told));
    else give(told);
  } catch (thrown) {
    const error = toError(thrown);
    exchange.reports.tell(error, 'request');
    if (page) page.destroy(error);
    else cutShort(res, error);
  }
}

/**
 * Native code streams, and its writes cannot be separated from those of an error page: the library answers.
 */
function answerForStream(
  native: NativeExchange,
  error: Error,
  innermost: Waiter | undefined,
  headers: Headers | undefined,
): void {
  const page = answerUnhandled(native.exchange, error, 'response');
  const { root, holds } = native.waiters;
  for (const hold of holds.slice(1)) hold.giveUp();
  if (root === undefined) return;
  root.substitute = { base: innermost?.entry, downstreamRuns: false };
  try {
    if (headers) fillHeaders(page.headers, headers);
    put(native, root, page);
  } catch (thrown) {
    native.exchange.reports.tell(toError(thrown), 'response');
    cutShort(native.res, toError(thrown));
  }
}

/**
 * Ends a response that could not be written. After its head there is no other answer, so the connection is
 * cut.
 */
export function cutUnwritten(native: NativeExchange, error: Error): void {
  const { res, root } = native;
  if (res.headersSent) {
    if (!res.writableEnded) cutShort(res, error);
  } else if (root === undefined) {
    // Without a hold nothing restores the headers, and the length of this body is not that of an error page.
    dropHeaders(res, ofBody);
    bypass(native, originalMethods(res), false);
  }
}
