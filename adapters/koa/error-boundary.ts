import { freeze, isInside, isLayer, type Layer, misuse } from '../../core/adapter.js';
import type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';
import { observeBelow } from './late-failure.js';
import { joinAt } from './open-exchange.js';
import { refuseExpress } from './wrong-framework.js';

/**
 * Shows a layer the errors that the app's own error middleware answers. Mount it right after that error
 * middleware.
 *
 * ```ts
 * app.use(toKoa(layer));
 * app.use(renderErrors);
 * app.use(errorBoundary(layer));
 * ```
 *
 * The error is first thrown into the open dependencies and then continues as it was thrown; `callNext`
 * resolves with the answer to it. Not needed if the layer is mounted after the error middleware. Throws
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
