import type { DependencyScope, RequestScope } from 'callnext';

/**
 * How a place of a request fails: by an exception without a handler, by an HTTPException (which has a built-in one), or by
 * one that a handler is registered for.
 */
export type Fault = 'error' | 'http' | 'handled';

export interface TaskSpec {
  readonly name: string;
  readonly when: 'success' | 'always';
  readonly fails?: boolean;
  /** What it adds while it runs. */
  readonly adds?: TaskSpec;
}

export interface DependencySpec {
  readonly name: string;
  readonly kind: 'async generator' | 'generator' | 'disposable' | 'plain';
  readonly scope: DependencyScope | undefined;
  readonly needs: readonly DependencySpec[];
  /** What it throws before its `yield`. */
  readonly enter?: Fault;
  /**
   * What its exit code does: throws on success and on failure, catches an exception without throwing, or throws an
   * HTTPException in its place.
   */
  readonly exit?: Fault | 'swallows' | 'converts';
  readonly task?: TaskSpec;
  /** Added by its exit code, where that is reached without an exception. */
  readonly exitTask?: TaskSpec;
}

export interface MiddlewareSpec {
  readonly name: string;
  /** Passes the response on, answers by itself, replaces the response, or catches what `callNext` rejects with. */
  readonly kind: 'passes' | 'answers' | 'replaces' | 'catches';
  readonly before?: Fault;
  readonly after?: Fault;
  /** What it sets at the `background` of the response that it returns. */
  readonly sets?: TaskSpec;
}

export interface LayerSpec {
  readonly name: string;
  /** The first one is outermost. */
  readonly middleware: readonly MiddlewareSpec[];
  readonly dependencies: readonly DependencySpec[];
  /** What its handler for `Handled` does, if it has one. */
  readonly handler?: 'answers' | 'fails';
  readonly handlerTask?: TaskSpec;
  /** What its handler for `Error` does, if it has one. */
  readonly catchAll?: 'answers' | 'fails';
}

export interface EndpointSpec {
  /** A handler of the framework instead, which injects what it needs and answers in the framework's own way. */
  readonly isNative?: boolean;
  readonly dependencies: readonly DependencySpec[];
  readonly fault?: Fault;
  /** `yields`: the endpoint is a generator. */
  readonly body: 'data' | 'response' | 'stream' | 'yields';
  /** The producer of a streamed body throws after its first chunk. */
  readonly streamFails?: boolean;
  readonly tasks: readonly TaskSpec[];
  /** What is at the `background` of a returned response. */
  readonly ownTask?: TaskSpec;
}

/** One request, and everything that happens to it. */
export interface Scenario {
  readonly defaultScope: RequestScope;
  /** The outermost first. */
  readonly layers: readonly LayerSpec[];
  readonly endpoint: EndpointSpec;
  /** Where the client goes away: while the endpoint works, after the first chunk, or during the outermost after-code. */
  readonly goes?: 'endpoint' | 'stream' | 'after';
}

/** What is seen of a request from outside. */
export interface Outcome {
  readonly events: readonly string[];
  /** `undefined` where the client has gone, or the body was cut. */
  readonly status: number | undefined;
}

export const widths: Readonly<Record<DependencyScope, number>> = {
  function: 0,
  request: 1,
  background: 2,
  app: 3,
};

/** All dependencies of a scenario, each once. */
export function dependenciesOf({ layers, endpoint }: Scenario): DependencySpec[] {
  const all = new Set<DependencySpec>();
  const add = (each: DependencySpec): void => {
    each.needs.forEach(add);
    all.add(each);
  };
  for (const layer of layers) layer.dependencies.forEach(add);
  endpoint.dependencies.forEach(add);
  return [...all];
}
