import { DependencyCache } from '../dependencies/dependency-cache.js';
import type { AppPort, DependencyRun } from '../dependencies/dependency-run.js';
import type { AnyDependency, AppContext, Injected } from '../dependencies/marker.js';
import { misuse } from '../errors.js';
import type { AppExits } from './app-exits.js';

/**
 * Enters dependencies of scope `app` for the request that needs them first, with that request's overrides.
 */
export class AppRun implements DependencyRun {
  readonly appContext: AppContext;
  readonly place: AppPort;
  readonly exits: AppExits;
  readonly solved = new DependencyCache();
  readonly defaultScope = 'app';
  readonly #of: DependencyRun;

  constructor(of: DependencyRun, place: AppPort, exits: AppExits, appContext: AppContext) {
    this.#of = of;
    this.place = place;
    this.exits = exits;
    this.appContext = appContext;
  }

  get injected(): Injected {
    throw misuse('APP_REQUEST', 'A parameter', 'request');
  }

  get timings(): DependencyRun['timings'] {
    return this.#of.timings;
  }

  get trace(): DependencyRun['trace'] {
    return this.#of.trace;
  }

  get tracing(): DependencyRun['tracing'] {
    return this.#of.tracing;
  }

  get reports(): DependencyRun['reports'] {
    return this.#of.reports;
  }

  get hasOverrides(): boolean {
    return this.#of.hasOverrides;
  }

  overrideOf(dependency: AnyDependency): AnyDependency {
    return this.#of.overrideOf(dependency);
  }
}
