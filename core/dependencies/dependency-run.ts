import { misuse } from '../errors.js';
import type { Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import type { DependencyCache, Solution } from './dependency-cache.js';
import type { GraphRun } from './dependency-graph.js';
import type { ExitStack } from './exit-stack.js';
import type { AppContext, Injected } from './marker.js';
import type { Need } from './needs.js';

/** Where the dependencies of scope `app` live that a request needs: its layers. */
export interface AppPort {
  /**
   * Adds the value of one to `values`; enters it where it has not been entered. Returns what has to be waited
   * for, if anything. Throws `APP_OUTSIDE` and `LAYER_CLOSED`.
   */
  solveApp(need: Need, values: Values, run: DependencyRun, asked?: Solution[]): Promise<unknown> | undefined;
}

/** What of a request its dependencies share. */
export interface DependencyRun extends GraphRun {
  readonly injected: Injected;
  /** What stands in for `injected` while a dependency of scope `app` is entered. */
  readonly appContext?: AppContext;
  readonly place: AppPort | undefined;
  readonly exits: Pick<ExitStack, 'push' | 'refusal' | 'ends' | 'arrange'>;
  readonly solved: DependencyCache;
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  /** Notes which dependency has thrown a value. */
  readonly reports: {
    cameFrom(thrown: unknown, dependency: string): void;
    /** One of several that failed at once: only the first of them goes on. */
    failureLost(lost: Error): void;
  };
}

/** The values of dependencies by name. Without a prototype of its own, every name is only a name. */
export interface Values {
  [name: string]: unknown;
}

/** Objects made on it are as fast as others; those of `Object.create(null)` are dictionaries. */
const nothing: object = Object.freeze(Object.create(null));

export function noValues(): Values {
  return Object.create(nothing);
}

/**
 * What a dependency or an endpoint is called with: the values that it has declared, and what all are given.
 */
export function contextOf(values: Values, { request, response, backgroundTasks }: Injected): never {
  values.request = request;
  values.response = response;
  values.backgroundTasks = backgroundTasks;
  return values as never;
}

/** The same for a dependency of scope `app`, where asking for a request throws `APP_REQUEST`. */
export function appContextOf(values: Values, { signal, state }: AppContext, name: string): never {
  values.signal = signal;
  values.state = state;
  for (const missing of ['request', 'response', 'backgroundTasks'])
    Object.defineProperty(values, missing, {
      get: () => {
        throw misuse('APP_REQUEST', name, missing);
      },
    });
  return values as never;
}
