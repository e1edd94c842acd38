import {
  answerEndpoint,
  type Endpoint,
  followTarget,
  type Layer,
  misuse,
  type Request,
  type Response,
  runExchange,
  runLayer,
} from '../../core/adapter.js';
import { applyChanges } from './apply-changes.js';
import { keepContext, runBelow } from './below-context.js';
import { asTold } from './hand-back.js';
import { leave, leaveUnanswered, releaseLater } from './leaving.js';
import type { NativeExchange, PassOn } from './native-exchange.js';
import { settle, settleError } from './settle.js';
import { Waiter } from './waiter.js';

const none: readonly never[] = [];

/** Calls the native code below a layer for this request. `given` is how it continues. */
export type GoOn<Given> = (native: NativeExchange, request: Request, given: Given, waiter: Waiter) => void;

/** Runs the whole exchange, with its outermost layer around native code. */
export function runOutermost<Given>(
  native: NativeExchange,
  layer: Layer,
  goOn: GoOn<Given>,
  given: Given,
): void {
  const own = begin(native, layer);
  void runExchange(native.exchange, layer, request => {
    waitBelow(native, own);
    if (native.keepsContext) runBelow(native, () => goOn(native, request, given, own));
    else goOn(native, request, given, own);
    return own.answer;
  });
}

/**
 * Runs a layer inside another one: its response goes to the outer layer. `passOn` is how the framework
 * continues with an error from here.
 */
export function runInside<Given>(
  native: NativeExchange,
  layer: Layer,
  goOn: GoOn<Given>,
  given: Given,
  passOn?: PassOn,
): void {
  const own = begin(native, layer);
  const below = (request: Request): Promise<Response> => {
    waitBelow(native, own);
    runBelow(native, () => goOn(native, request, given, own));
    return own.answer;
  };
  runLayer(native.exchange, layer, below).then(
    response => settle(native, end(native, own), response),
    error => {
      const isFromBelow = lineOf(own).some(({ rejectedWith }) => rejectedWith === error);
      if (!isFromBelow) thrownAt(native, passOn, error);
      failInside(native, own, error);
    },
  );
}

/** Starts to wait below all middleware of a layer. */
export function waitBelow(native: NativeExchange, own: Waiter): void {
  wait(native, own);
  if (own.line) own.line = [...own.line, own];
}

/** Notes that the middleware of a layer starts. */
export function begin(native: NativeExchange, layer?: Layer): Waiter {
  const { request } = native.exchange;
  followTarget(request);
  native.seen ??= request;
  const own = new Waiter(layer);
  native.waiters.begin(own);
  return own;
}

/** Notes that a layer has finished. Returns its outermost waiter; nobody waited for those further in. */
export function end(native: NativeExchange, own: Waiter): Waiter | undefined {
  native.waiters.end(own);
  if (own.line === undefined) return own.hasBegun ? own : undefined;
  const [first, ...inside] = lineOf(own);
  for (const waiter of inside) leaveUnanswered(native, waiter);
  return first;
}

/**
 * Where a layer waits for native code, outermost first: at its own native middleware, and below all of it.
 */
export function lineOf(own: Waiter): readonly Waiter[] {
  return own.line ?? (own.hasBegun ? [own] : none);
}

/** Starts to wait, as the innermost middleware, for what is written to the native response from now on. */
export function wait(native: NativeExchange, waiter: Waiter): void {
  const { waiters, exchange, knownCalls } = native;
  if (native.source.mayHaveBody) keepContext(native);
  const hold = waiters.nextHold();
  waiter.wait(hold, exchange, knownCalls?.count ?? 0);
  waiters.add(waiter);
  if (hold.state === 'passing') waiter.answered(hold.view);
  else if (native.end.over) releaseLater(native);
}

/**
 * Error middleware between this place and the outermost layer runs before that of the app, as for a native
 * error.
 */
function thrownAt(native: NativeExchange, passOn: PassOn | undefined, error: unknown): void {
  if (passOn) native.thrown = { error, passOn };
}

function failInside(native: NativeExchange, own: Waiter, error: Error): void {
  const passOn = native.res.headersSent ? undefined : lineOf(own).findLast(each => each.passOn)?.passOn;
  const waiter = end(native, own);
  if (!passOn) return settleError(native, waiter, error);
  if (waiter) leave(native, waiter, undefined);
  passOn(asTold(native, error));
}

/** Returns the layer whose middleware is running on the way in. Throws `ALREADY_ANSWERED`. */
export function current({ waiters, exchange }: NativeExchange): Waiter {
  const { current: own } = waiters;
  if (own === undefined || exchange.isSending) throw misuse('ALREADY_ANSWERED');
  return own;
}

/** Applies the changes of a request given to `callNext` to what native code reads. */
export function applyTo(native: NativeExchange, request: Request, setTarget: (target: string) => void): void {
  const { seen = request } = native;
  if (request !== seen) applyChanges(request, seen, native, setTarget);
  native.seen = request;
}

/** Runs an endpoint below the waiting layers and answers with its response. Never rejects. */
export async function runEndpoint(
  native: NativeExchange,
  endpoint: Endpoint,
  passOn?: PassOn,
): Promise<void> {
  try {
    settle(native, undefined, await answerEndpoint(native.exchange, endpoint));
  } catch (thrown) {
    thrownAt(native, passOn, thrown);
    settleError(native, undefined, thrown);
  }
}
