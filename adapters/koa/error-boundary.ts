import { freeze, isInside, isLayer, type Layer, misuse } from '../../core/adapter.js';
import type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';
import { observeBelow } from './late-failure.js';
import { joinAt } from './open-exchange.js';
import { refuseExpress } from './wrong-framework.js';

/**
 * Lets a layer see the errors that the app's own error middleware answers below it: a Koa middleware to mount
 * right below that one.
 *
 * ```ts
 * app.use(toKoa(layer));
 * app.use(renderErrors);
 * app.use(errorBoundary(layer));
 * ```
 *
 * The error goes on as it was thrown, and `callNext` resolves with what answers it; before that it is thrown
 * into the open dependencies. Not needed where the layer stands below the error middleware. Throws
 * `ERROR_BOUNDARY`.
 */
export function errorBoundary(layer: Layer): KoaHandler {
  if (!isLayer(layer)) throw misuse('ERROR_BOUNDARY', layer);
  return async function callnextErrorBoundary(
    ctx: KoaContext,
    next: KoaNext,
    ofExpress: unknown = undefined,
  ) {
    if (typeof next !== 'function') return refuseExpress(ofExpress, 'errorBoundary');
    try {
      await next();
    } catch (thrown) {
      const koa = joinAt(ctx);
      if (koa && isInside(koa.native.exchange, freeze(layer))) observeBelow(koa, thrown);
      throw thrown;
    }
  };
}
