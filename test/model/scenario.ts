import type { DependencyScope, RequestScope } from 'callnext';

/**
 * How a place of a request fails: with an exception without a handler, an HTTPException (with its built-in
 * handler), or one with a registered handler.
 */
export type Fault = 'error' | 'http' | 'handled';

export interface TaskSpec {
  readonly name: string;
  readonly when: 'success' | 'always';
  readonly fails?: boolean;
  /** The task that it adds while it runs. */
  readonly adds?: TaskSpec;
}

export interface DependencySpec {
  readonly name: string;
  readonly kind: 'async generator' | 'generator' | 'disposable' | 'plain';
  readonly scope: DependencyScope | undefined;
  readonly needs: readonly DependencySpec[];
  /** The error before its `yield`. */
  readonly enter?: Fault;
  /**
   * The exit code: throws on success and failure, swallows an exception, or converts it to an HTTPException.
   */
  readonly exit?: Fault | 'swallows' | 'converts';
  readonly task?: TaskSpec;
  /** A task that the exit code adds if there was no exception. */
  readonly exitTask?: TaskSpec;
}

export interface MiddlewareSpec {
  readonly name: string;
  /** Returns the response, answers itself, replaces the response, or catches the rejection of `callNext`. */
  readonly kind: 'passes' | 'answers' | 'replaces' | 'catches';
  readonly before?: Fault;
  readonly after?: Fault;
  /** The `background` that it sets on its response. */
  readonly sets?: TaskSpec;
}

export interface LayerSpec {
  readonly name: string;
  /** The first is outermost. */
  readonly middleware: readonly MiddlewareSpec[];
  readonly dependencies: readonly DependencySpec[];
  /** The effect of its handler for `Handled`, if any. */
  readonly handler?: 'answers' | 'fails';
  readonly handlerTask?: TaskSpec;
  /** The effect of its handler for `Error`, if any. */
  readonly catchAll?: 'answers' | 'fails';
}

export interface EndpointSpec {
  /** Uses a native handler, which injects what it needs and answers in the framework's own way. */
  readonly isNative?: boolean;
  readonly dependencies: readonly DependencySpec[];
  readonly fault?: Fault;
  /** `yields`: the endpoint is a generator. */
  readonly body: 'data' | 'response' | 'stream' | 'yields';
  /** The producer of a streamed body throws after its first chunk. */
  readonly streamFails?: boolean;
  readonly tasks: readonly TaskSpec[];
  /** The `background` of a returned response. */
  readonly ownTask?: TaskSpec;
}

/** One request and everything that happens to it. */
export interface Scenario {
  readonly defaultScope: RequestScope;
  /** Outermost first. */
  readonly layers: readonly LayerSpec[];
  readonly endpoint: EndpointSpec;
  /**
   * When the client leaves: while the endpoint runs, after the first chunk, or during the outermost
   * after-code.
   */
  readonly goes?: 'endpoint' | 'stream' | 'after';
}

/** The visible result of a request. */
export interface Outcome {
  readonly events: readonly string[];
  /** `undefined` if the client left or the body was cut. */
  readonly status: number | undefined;
}

export const widths: Readonly<Record<DependencyScope, number>> = {
  function: 0,
  request: 1,
  background: 2,
  app: 3,
};

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
