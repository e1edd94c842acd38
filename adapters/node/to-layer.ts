import {
  adapterOf,
  answerEndpoint,
  type Below,
  type Declared,
  type Endpoint,
  type Exchange,
  isLayer,
  isMarker,
  Layer,
  type Middleware,
  misuse,
} from '../../core/adapter.js';

/**
 * A middleware used alone is a layer with that one middleware, and a `Depends(…)` one with that dependency: a
 * guard. Throws `ADAPTER_TARGET`.
 */
export function toLayer(adapter: string, target: Layer | Middleware | Declared<unknown>): Layer {
  if (isLayer(target)) return target;
  if (isMarker(target)) return new Layer({ dependencies: [target] });
  if (typeof target !== 'function' || adapterOf(target) !== undefined)
    throw misuse('ADAPTER_TARGET', adapter, target);
  return new Layer({ middleware: [target] });
}

/** What is around an endpoint that stands alone. */
export const bareLayer: Layer = new Layer();

/** What is below the bare layer of an endpoint that stands alone. */
export function answerAlone(exchange: Exchange, endpoint: Endpoint): Below {
  return () => answerEndpoint(exchange, endpoint);
}
