import {
  adapterOf,
  answerEndpoint,
  type Below,
  type Declared,
  type Endpoint,
  type Exchange,
  isLayer,
  isMarker,
  type Layer,
  layerAlone,
  type Middleware,
  misuse,
} from '../../core/adapter.js';

/**
 * Makes a layer of a single middleware, or of a `Depends(…)`, which is then a guard. Throws `ADAPTER_TARGET`.
 */
export function toLayer(adapter: string, target: Layer | Middleware | Declared<unknown>): Layer {
  if (isLayer(target)) return target;
  if (isMarker(target)) return layerAlone({ dependencies: [target] });
  if (typeof target !== 'function' || adapterOf(target) !== undefined)
    throw misuse('ADAPTER_TARGET', adapter, target);
  return layerAlone({ middleware: [target] });
}

/** The layer around an endpoint that is used alone. */
export const bareLayer: Layer = layerAlone();

/** Answers with an endpoint that is used alone, below the bare layer. */
export function answerAlone(exchange: Exchange, endpoint: Endpoint): Below {
  exchange.tracing?.expect(endpoint);
  return () => answerEndpoint(exchange, endpoint);
}
