import { misuse } from '../errors.js';
import type { Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import type { Tracing } from '../tracing/tracing.js';
import type { DependencyCache, Solution } from './dependency-cache.js';
import type { GraphRun } from './dependency-graph.js';
import type { ExitStack } from './exit-stack.js';
import type { AppContext, Injected } from './marker.js';
import type { Need } from './needs.js';

/** The layers of a request, which own its dependencies of scope `app`. */
export interface AppPort {
  /**
   * Adds a value to `values`, and enters the dependency first if needed. Returns a promise only if the caller
   * must wait. Throws `APP_OUTSIDE` and `LAYER_CLOSED`.
   */
  solveApp(need: Need, values: Values, run: DependencyRun, asked?: Solution[]): Promise<unknown> | undefined;
}

/** The part of a request that its dependencies share. */
export interface DependencyRun extends GraphRun {
  readonly injected: Injected;
  /** Replaces `injected` while a dependency of scope `app` is entered. */
  readonly appContext?: AppContext;
  readonly place: AppPort | undefined;
  readonly exits: Pick<ExitStack, 'push' | 'refusal' | 'ends' | 'arrange'>;
  readonly solved: DependencyCache;
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  readonly tracing: Tracing | undefined;
  readonly reports: {
    /** Records which dependency threw a value. */
    cameFrom(thrown: unknown, dependency: string): void;
    /** Reports a failure that is not thrown, because another one that came at the same time is. */
    failureLost(lost: Error): void;
  };
}

/** The values of dependencies by name, without a prototype: `constructor` is a name like any other. */
export interface Values {
  [name: string]: unknown;
}

/** V8 treats `Object.create(null)` as a dictionary; objects with this prototype stay fast. */
const nothing: object = Object.freeze(Object.create(null));

export function noValues(): Values {
  return Object.create(nothing);
}

/** The argument of a dependency or an endpoint: its declared values, and the injected objects. */
export function contextOf(values: Values, { request, response, backgroundTasks }: Injected): never {
  values.request = request;
  values.response = response;
  values.backgroundTasks = backgroundTasks;
  return values as never;
}

/** The argument of a dependency of scope `app`. Reading `request` from it throws `APP_REQUEST`. */
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
