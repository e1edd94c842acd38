import type { Solution } from '../dependencies/dependency-cache.js';
import type { AppPort, DependencyRun, Values } from '../dependencies/dependency-run.js';
import type { AnyDependency, DependencyScope } from '../dependencies/marker.js';
import type { Need } from '../dependencies/needs.js';
import { misuse } from '../errors.js';
import type { ExceptionHandlers } from '../exceptions/exception-handlers.js';
import type { AppScope } from './app-scope.js';
import { type InFlight, Ring, type Work } from './in-flight.js';
import type { LayerTasks } from './layer-tasks.js';
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
  /** The dependencies of scope `app`. A layer that stands for a single middleware or guard has none. */
  readonly app: AppScope | undefined;
  readonly tasks: LayerTasks | undefined;
}

/**
 * A layer that a request is inside, and those around it: all is looked up when somebody asks. It is also the
 * place of the request among what the layer is at.
 */
export class Place extends Ring implements AppPort {
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

  /** The innermost layer that has a queue for durable tasks. */
  get withQueue(): Surroundings | undefined {
    for (let place: Place | undefined = this; place; place = place.around)
      if (place.layer.tasks) return place.layer;
    return undefined;
  }

  get hasOverrides(): boolean {
    for (let place: Place | undefined = this; place; place = place.around)
      if (place.layer.overrides.size > 0) return true;
    return false;
  }

  /**
   * Solves a dependency in the innermost layer that has entered it. If none has, the outermost layer enters
   * it, so that all inner layers share it.
   */
  solveApp(need: Need, values: Values, run: DependencyRun, asked?: Solution[]): Promise<unknown> | undefined {
    let owner: AppScope | undefined;
    for (let place: Place | undefined = this; place; place = place.around) {
      const { app } = place.layer;
      owner = app ?? owner;
      if (app?.has(need, run)) break;
    }
    if (owner === undefined) throw misuse('APP_OUTSIDE', need.name);
    return owner.solveApp(need, values, run, asked);
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
