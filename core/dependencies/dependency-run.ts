import type { Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import type { DependencyCache } from './dependency-cache.js';
import type { GraphRun } from './dependency-graph.js';
import type { ExitStack } from './exit-stack.js';
import type { Injected } from './marker.js';

/** The part of a request that its dependencies share. */
export interface DependencyRun extends GraphRun {
  readonly injected: Injected;
  readonly exits: ExitStack;
  readonly solved: DependencyCache;
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  /** Records which dependency threw a value. */
  readonly reports: { cameFrom(thrown: unknown, dependency: string): void };
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
