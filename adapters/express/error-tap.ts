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
 * Lets a layer's exception handlers answer before the app's own error middleware. Mount it after the routes
 * and before that middleware.
 *
 * ```ts
 * app.use(toExpress(layer));
 * app.get('/items', listItems);
 * app.use(errorBoundary(layer));
 * app.use(renderErrors);
 * ```
 *
 * `callNext` rejects with the error that a handler throws or passes to `next(error)`. Errors that the layer
 * does not handle go to the next error middleware. Without a boundary, the app's error middleware answers
 * first, and `callNext` resolves with its answer. The dependencies receive the error in both cases. Throws
 * `ERROR_BOUNDARY`.
 */
export function errorBoundary(layer: Layer): ExpressErrorHandler {
  if (!isLayer(layer)) throw misuse('ERROR_BOUNDARY', layer);
  return function callnextErrorBoundary(error, req, res, next) {
    if (typeof next !== 'function') throw wrongFramework('errorBoundary', req);
    const native = NativeExchange.of(res);
    if (!native || !isInside(native.exchange, freeze(layer))) return next(error);
    const passOn: PassOn = thrown => next(thrown);
    // The app has no error tap (`errorTap: false`).
    if (observe(native, error, passOn)) return;
    if (!isUnanswered(native) || native.passedOn !== undefined) return next(error);
    const waiter = native.waiters.of(layer);
    // Errors that the layer does not handle continue from here, to the app's error middleware.
    if (waiter) waiter.passOn = passOn;
    native.passOn = passOn;
    settleError(native, undefined, error);
  };
}

/**
 * Keeps the tap last on the outermost app's stack, where it receives the errors that no error handler has
 * answered. Routes may be added at any time, so every request checks this, with one comparison.
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
 * Restarts at the top of the app, because a later failure, such as one in a middleware above the 404, would
 * find no error middleware after this place.
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
  // If a layer has answered instead, Express would cut a connection that already serves other requests.
  if (isUnanswered(native) || native.waiters.wasLeft) settleError(native, undefined, error);
  else if (saysClosed(native, error)) {
    // If another response is sent instead, Express would cut its connection.
    if (native.end.over?.outcome === 'aborted') next(error);
  } else if (isAnsweredInPlace(native)) settleError(native, undefined, error);
  else {
    const told = asThrown(toError(error));
    // Without a layer, the first answer would be in the kernel by now; here Express would cut the connection
    // before it is sent.
    if (!whenReleased(native, () => goOn(native, told, next))) next(told);
  }
}

function goOn(native: NativeExchange, error: unknown, next: ExpressNext): void {
  const isAnswered = native.end.over || native.waiters.wasLeft || native.passedOn !== undefined;
  if (!isAnswered) next(error);
}
