import type { Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import type { DependencyCache } from './dependency-cache.js';
import type { GraphRun } from './dependency-graph.js';
import type { ExitStack } from './exit-stack.js';
import type { Injected } from './marker.js';

/** What of a request its dependencies share. */
export interface DependencyRun extends GraphRun {
  readonly injected: Injected;
  readonly exits: ExitStack;
  readonly solved: DependencyCache;
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  /** Notes which dependency has thrown a value. */
  readonly reports: { cameFrom(thrown: unknown, dependency: string): void };
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
