import { asThrown, freeze, isLayer, type Layer, misuse, toError } from '../../core/index.js';
import { NativeExchange } from '../node/index.js';
import type {
  ExpressApp,
  ExpressErrorHandler,
  ExpressNext,
  ExpressReq,
  ExpressRes,
} from './express-types.js';

interface Stacked {
  readonly stack: { handle: unknown }[];
}

const bounded = new WeakSet<Layer>();

/**
 * The errors of native handlers come back to a layer here: an Express error handler to mount after the routes, and before
 * the app's own error middleware.
 *
 * ```ts
 * app.use(toExpress(layer));
 * app.get('/items', listItems);
 * app.use(errorBoundary(layer));
 * app.use(renderErrors);
 * ```
 *
 * What a handler throws or passes to `next(error)` is what `callNext` rejects with; what the layer does not handle goes on to the error
 * middleware that comes after. An error that comes when the handler has answered, and the answer is still held, takes
 * its place. Without a boundary the layer keeps a tap of its own at the end of the app's stack, and an answer
 * that was given stands. Throws `ERROR_BOUNDARY`.
 */
export function errorBoundary(layer: Layer): ExpressErrorHandler {
  if (!isLayer(layer)) throw misuse('ERROR_BOUNDARY', layer);
  bounded.add(layer);
  return function callnextErrorBoundary(error, _req, res, next) {
    const native = NativeExchange.of(res);
    if (!native?.exchange.isInside(freeze(layer))) return next(error);
    // What the layer does not handle goes on from here, where the app's own error middleware may answer it.
    const frame = native.frameOf(layer);
    if (frame) frame.passOn = next;
    takeError(native, error, next, true);
  };
}

export function hasErrorBoundary(layer: Layer): boolean {
  return bounded.has(layer);
}

/**
 * Sees to it that the last entry on the outermost app's stack is the tap: it gets the errors that no error handler of the
 * user has answered. Routes may be added at any time, so this is looked at on every request; it is one comparison then.
 */
export function placeErrorTap(inner: ExpressApp | undefined): void {
  const app = outermostApp(inner);
  if (app === undefined) return;
  const stack = routerOf(app)?.stack ?? [];
  if (stack.at(-1)?.handle === errorTap) return;
  // Requests may be on their way along the stack, so that nothing in it moves.
  for (const entry of stack) if (entry.handle === errorTap) entry.handle = retiredTap;
  app.use(errorTap);
}

/** An app of Express 4 has a router when something is mounted; its getter `router` throws. */
function routerOf(app: ExpressApp): Stacked | undefined {
  return (app.lazyrouter ? app._router : app.router) as Stacked | undefined;
}

function outermostApp(app: ExpressApp | undefined): ExpressApp | undefined {
  let outermost = app;
  while (outermost?.parent) outermost = outermost.parent;
  return outermost;
}

/** Where the tap has been before routes came after it. */
function retiredTap(error: unknown, _req: ExpressReq, _res: ExpressRes, next: ExpressNext): void {
  next(error);
}

/** An error handler, as Express knows one by its four parameters. */
function errorTap(error: unknown, _req: ExpressReq, res: ExpressRes, next: ExpressNext): void {
  const native = NativeExchange.of(res);
  if (native) takeError(native, error, next, native.isBounded);
  else next(error);
}

/** `takesPlace`: of an answer that is still held. */
function takeError(native: NativeExchange, error: unknown, next: ExpressNext, takesPlace: boolean): void {
  if (native.passedOn !== undefined && native.passedOn === error) return next(error);
  const frame = native.innermost;
  if (frame?.waits && frame.held.state === 'open') {
    native.passOn = next;
    native.settleError(undefined, error);
  } else if (native.wasAbandoned) {
    // A layer has answered in its place, and Express would cut a connection that serves other requests by now.
    native.settleError(undefined, error);
  } else if (native.saysClosed(error)) {
    // Where another response is sent in its place, Express would cut the connection of that one.
    if (native.end.over?.outcome === 'aborted') next(error);
  } else if (!takesPlace || !native.overtake(error, next)) {
    const failure = toError(error);
    native.failedLate(failure);
    // Natively the first answer is in the kernel by now, and Express would cut the connection before it got there.
    if (!native.whenReleased(() => goOn(native, failure, next))) next(asThrown(failure));
  }
}

function goOn(native: NativeExchange, failure: Error, next: ExpressNext): void {
  const isAnswered = native.end.over || native.wasAbandoned || native.passedOn !== undefined;
  if (isAnswered) native.exchange.report(failure, 'request');
  else next(asThrown(failure));
}
