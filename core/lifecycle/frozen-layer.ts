import type { Dependencies } from '../dependencies/marker.js';
import type { Onion } from '../middleware/compose.js';
import type { Exchange } from './exchange.js';
import type { LifespanContext } from './lifespan.js';
import type { Surroundings } from './place.js';

/** A layer as requests run through it. */
export interface FrozenLayer extends Surroundings {
  readonly onion: Onion<Exchange>;
  readonly lifespan: LifespanContext | undefined;
  readonly dependencies: Dependencies;
}

/** By this symbol, so that two copies of the package understand each other. */
export const frozen: unique symbol = Symbol.for('callnext.Layer.frozen') as never;

/** What becomes a frozen layer: a `Layer`. */
export interface Freezable {
  [frozen](forGood: boolean): FrozenLayer;
}

/** Freezes a layer and gives what requests run through. */
export function freeze(layer: Freezable): FrozenLayer {
  return layer[frozen](true);
}

/** A layer as it is now: what runs outside a request does not freeze it. */
export function look(layer: Freezable): FrozenLayer {
  return layer[frozen](false);
}
