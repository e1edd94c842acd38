import type { AnyDependency, Dependencies, DependencyScope } from '../dependencies/marker.js';
import type { ExceptionHandlers } from '../exceptions/exception-handlers.js';
import type { Request } from '../http/request.js';
import type { Onion } from '../middleware/compose.js';
import type { InFlight } from './in-flight.js';
import type { LifespanContext } from './lifespan.js';
import type { Mounts } from './mounts.js';

/** The part of a request that a reported error comes from. */
export type ErrorPhase = 'request' | 'response' | 'exit' | 'background';

/** Where a reported error comes from. */
export interface ErrorContext {
  readonly request: Request;
  readonly phase: ErrorPhase;
  /** The method and the path, such as `POST /orders`; outside a request `run` and the name of its function. */
  readonly where: string;
  /** The background task, or the dependency, that has failed, where it is known. */
  readonly name: string | undefined;
}

/** Told of every error that no response can carry any more. */
export type ErrorReporter = (error: Error, context: ErrorContext) => void;

/** A layer as requests run through it. */
export interface FrozenLayer {
  readonly onion: Onion;
  readonly dependencies: Dependencies;
  readonly hasDependencies: boolean;
  readonly handlers: ExceptionHandlers;
  readonly onError: ErrorReporter | undefined;
  readonly defaultScope: DependencyScope | undefined;
  readonly timeout: number | undefined;
  readonly maxBodySize: number | undefined;
  readonly strictContentType: boolean | undefined;
  readonly overrides: ReadonlyMap<AnyDependency, AnyDependency>;
  readonly inFlight: InFlight;
  readonly mounts: Mounts;
  readonly lifespan: LifespanContext | undefined;
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
