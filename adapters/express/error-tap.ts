import { asThrown, freeze, isInside, isLayer, type Layer, misuse, toError } from '../../core/adapter.js';
import {
  isAnsweredInPlace,
  isUnanswered,
  NativeExchange,
  observe,
  type PassOn,
  saysClosed,
  settleError,
  whenReleased,
} from '../node/shared.js';
import type {
  ExpressApp,
  ExpressErrorHandler,
  ExpressNext,
  ExpressReq,
  ExpressRes,
} from './express-types.js';
import { observeInner, observeOutermost } from './observe-errors.js';
import { endOf, endStack, routerOf } from './stack-end.js';
import { throwInto } from './throw-into.js';
import { wrongFramework } from './wrong-framework.js';

/**
 * Lets a layer's exception handlers answer before the app's own error middleware: an Express error handler to
 * mount after the routes, and before that middleware.
 *
 * ```ts
 * app.use(toExpress(layer));
 * app.get('/items', listItems);
 * app.use(errorBoundary(layer));
 * app.use(renderErrors);
 * ```
 *
 * What a handler throws or passes to `next(error)` is what `callNext` rejects with; what the layer does not
 * handle goes on to the error middleware that comes after. Without a boundary the app's own error middleware
 * answers first, and `callNext` resolves with its answer; the dependencies get the error in either case.
 * Throws `ERROR_BOUNDARY`.
 */
export function errorBoundary(layer: Layer): ExpressErrorHandler {
  if (!isLayer(layer)) throw misuse('ERROR_BOUNDARY', layer);
  return function callnextErrorBoundary(error, req, res, next) {
    if (typeof next !== 'function') throw wrongFramework('errorBoundary', req);
    const native = NativeExchange.of(res);
    if (!native || !isInside(native.exchange, freeze(layer))) return next(error);
    const passOn: PassOn = thrown => next(thrown);
    // Of an app that is left alone otherwise.
    if (observe(native, error, passOn)) return;
    if (!isUnanswered(native) || native.passedOn !== undefined) return next(error);
    const waiter = native.waiters.of(layer);
    // What the layer does not handle goes on from here, where the app's own error middleware may answer it.
    if (waiter) waiter.passOn = passOn;
    native.passOn = passOn;
    settleError(native, undefined, error);
  };
}

/**
 * Sees to it that the last entry on the outermost app's stack is the tap: it gets the errors that no error
 * handler of the user has answered. Routes may be added at any time, so this is looked at on every request;
 * it is one comparison then.
 */
export function placeErrorTap(inner: ExpressApp | undefined): void {
  const app = outermostApp(inner);
  if (inner === undefined || app === undefined) return;
  if (inner !== app) observeInner(inner);
  const router = routerOf(app);
  if (router === undefined || endOf(router) === 'tap') return;
  endStack(router, 'tap', errorTap, restartAtTop);
  observeOutermost(app);
}

function outermostApp(app: ExpressApp | undefined): ExpressApp | undefined {
  let outermost = app;
  while (outermost?.parent) outermost = outermost.parent;
  return outermost;
}

/**
 * No entry is left. A failure from now on, such as that of a middleware above the 404, would find no error
 * middleware after this place: it begins anew at the top of the app.
 */
function restartAtTop(req: ExpressReq, res: ExpressRes): void {
  const native = NativeExchange.of(res);
  const app = outermostApp(req.app);
  if (native && app) native.restart = thrown => throwInto(app, thrown, req, res);
}

function errorTap(error: unknown, req: ExpressReq, res: ExpressRes, next: ExpressNext): void {
  const native = NativeExchange.of(res);
  if (!native || (native.passedOn !== undefined && native.passedOn === error)) return next(error);
  if (isUnanswered(native)) native.passOn = next;
  else restartAtTop(req, res);
  // Where a layer has answered in its place, Express would cut a connection that serves other requests by
  // now.
  if (isUnanswered(native) || native.waiters.wasLeft) settleError(native, undefined, error);
  else if (saysClosed(native, error)) {
    // Where another response is sent in its place, Express would cut the connection of that one.
    if (native.end.over?.outcome === 'aborted') next(error);
  } else if (isAnsweredInPlace(native)) settleError(native, undefined, error);
  else {
    const told = asThrown(toError(error));
    // Natively the first answer is in the kernel by now, and Express would cut the connection before it got
    // there.
    if (!whenReleased(native, () => goOn(native, told, next))) next(told);
  }
}

function goOn(native: NativeExchange, error: unknown, next: ExpressNext): void {
  const isAnswered = native.end.over || native.waiters.wasLeft || native.passedOn !== undefined;
  if (!isAnswered) next(error);
}
