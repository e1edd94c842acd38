import type { AnyDependency, DependencyScope } from '../dependencies/marker.js';
import type { ExceptionHandlers } from '../exceptions/exception-handlers.js';
import { type InFlight, Ring, type Work } from './in-flight.js';
import type { Mounts } from './mounts.js';
import type { ErrorReporter } from './reports.js';

/** What a layer says about the requests inside it. */
export interface Surroundings {
  readonly handlers: ExceptionHandlers;
  readonly onError: ErrorReporter | undefined;
  readonly defaultScope: DependencyScope | undefined;
  readonly timeout: number | undefined;
  readonly maxBodySize: number | undefined;
  readonly strictContentType: boolean | undefined;
  readonly echoesInput: boolean | undefined;
  readonly overrides: ReadonlyMap<AnyDependency, AnyDependency>;
  readonly inFlight: InFlight;
  readonly mounts: Mounts;
}

/**
 * A layer that a request is inside, and those around it: all is looked up when somebody asks. It is also the
 * place of the request among what the layer is at.
 */
export class Place extends Ring {
  readonly layer: Surroundings;
  around: Place | undefined;
  /** The place that was taken before this one. */
  takenBefore: Place | undefined;

  constructor(work: Work, layer: Surroundings, around: Place | undefined) {
    super(work);
    this.layer = layer;
    this.around = around;
  }

  isInside(layer: Surroundings): boolean {
    for (let place: Place | undefined = this; place; place = place.around)
      if (place.layer === layer) return true;
    return false;
  }

  /** That of the layer, or of the nearest one around it that has one. */
  get onError(): ErrorReporter | undefined {
    for (let place: Place | undefined = this; place; place = place.around)
      if (place.layer.onError) return place.layer.onError;
    return undefined;
  }

  get defaultScope(): DependencyScope {
    for (let place: Place | undefined = this; place; place = place.around)
      if (place.layer.defaultScope !== undefined) return place.layer.defaultScope;
    return 'request';
  }

  get hasOverrides(): boolean {
    for (let place: Place | undefined = this; place; place = place.around)
      if (place.layer.overrides.size > 0) return true;
    return false;
  }

  /** What stands in for a dependency, or the dependency itself. */
  overrideOf(dependency: AnyDependency): AnyDependency {
    for (let place: Place | undefined = this; place; place = place.around) {
      const { overrides } = place.layer;
      if (overrides.size > 0 && overrides.has(dependency)) return overrides.get(dependency) as AnyDependency;
    }
    return dependency;
  }
}
