import { checkGraph } from './dependencies/dependency-graph.js';
import {
  type AnyDependency,
  checkedScope,
  checkNames,
  type Dependencies,
  type DependencyScope,
  type Depends,
  isDepends,
  partsOfDependency,
} from './dependencies/depends.js';
import { misuse, nameOf } from './errors.js';
import {
  type ExceptionHandler,
  ExceptionHandlers,
  type ExceptionKey,
} from './exceptions/exception-handlers.js';
import type { Request } from './http/request.js';
import { checkedMiddleware, compose, type Onion } from './middleware/compose.js';
import type { Middleware } from './middleware/middleware.js';

/** Where a reported error comes from. */
export type ErrorPhase = 'request' | 'response' | 'exit' | 'background';

/** Told of every error that no response can carry any more. */
export type ErrorReporter = (error: Error, context: { request: Request; phase: ErrorPhase }) => void;

/** The options of a layer. */
export interface LayerOptions {
  /** The first one is outermost. */
  middleware?: readonly Middleware[];
  /** Solved for every request that passes through, before the endpoint's own; their values are not handed out. */
  dependencies?: readonly Depends<unknown>[];
  /** Pairs of an error class or a status and its handler; a `Map` will do. */
  exceptionHandlers?: Iterable<readonly [ExceptionKey, ExceptionHandler]>;
  /** Told of errors that come too late for the client; `console.error` unless set. */
  onError?: ErrorReporter;
  /** The scope of dependencies that name none: `request` unless set. */
  defaultScope?: DependencyScope;
  /**
   * Milliseconds after which the layer answers by itself, with the response to an `HTTPException(504)`, where its middleware
   * and what is below them have not; never unless set. `request.signal` is aborted then, and what does not come to its
   * end is reported to `onError`. Its dependencies are left to it for as long again; then the exception is thrown into them.
   */
  timeout?: number;
}

/** What a layer does, in the order in which it does it. */
export interface LayerDescription {
  /** Outermost first. */
  readonly middleware: readonly string[];
  readonly dependencies: readonly string[];
  readonly exceptionHandlers: readonly string[];
  readonly defaultScope: DependencyScope;
  /** The same for people to read. */
  toString(): string;
}

/** A layer as requests run through it. */
export interface FrozenLayer {
  readonly onion: Onion;
  readonly dependencies: Dependencies;
  readonly hasDependencies: boolean;
  readonly handlers: ExceptionHandlers;
  readonly onError: ErrorReporter | undefined;
  readonly defaultScope: DependencyScope | undefined;
  readonly timeout: number | undefined;
  readonly overrides: ReadonlyMap<AnyDependency, AnyDependency>;
}

const brand = Symbol.for('callnext.Layer');
const frozen = Symbol.for('callnext.Layer.frozen');

/**
 * Middleware, dependencies and exception handlers around a part of an app: what `app = FastAPI(…)` holds, without the routes.
 *
 * ```ts
 * const layer = new Layer({ onError: (error, { request }) => log.error({ error, url: request.url }) });
 * layer.addMiddleware(timing);
 * app.use(toExpress(layer));
 * ```
 *
 * Set it up before the first request: then it is frozen, and adding to it throws `LAYER_FROZEN`.
 */
export class Layer {
  /**
   * What stands in for a dependency, for tests: `layer.dependencyOverrides.set(getDb, getTestDb)`. Looked up at every
   * request and depth; the replacement keeps the place, the scope and the cache key of the original.
   */
  readonly dependencyOverrides: Map<AnyDependency, AnyDependency> = new Map();
  readonly #middlewares: Middleware[];
  readonly #dependencies: Dependencies;
  readonly #handlers = new ExceptionHandlers();
  readonly #onError: ErrorReporter | undefined;
  readonly #defaultScope: DependencyScope | undefined;
  readonly #timeout: number | undefined;
  #frozen: FrozenLayer | undefined;

  constructor(options: LayerOptions = {}) {
    this.#middlewares = list('middleware', options.middleware ?? []).map(checkedMiddleware);
    this.#dependencies = named(list('dependencies', options.dependencies ?? []));
    const handlers = options.exceptionHandlers ?? [];
    if (!(Symbol.iterator in handlers)) throw misuse('LAYER_OPTIONS', 'exceptionHandlers', handlers);
    for (const [key, handler] of handlers) this.#handlers.add(key, handler);
    if (options.onError !== undefined && typeof options.onError !== 'function') {
      throw misuse('LAYER_OPTIONS', 'onError', options.onError);
    }
    this.#onError = options.onError;
    this.#defaultScope = options.defaultScope === undefined ? undefined : checkedScope(options.defaultScope);
    this.#timeout = options.timeout === undefined ? undefined : checkedTimeout(options.timeout);
    checkGraph(this.#dependencies, 'layer', this.#defaultScope ?? 'request');
  }

  /** Adds a middleware outside those that are there: the last one added is outermost, as in FastAPI. */
  addMiddleware(middleware: Middleware): this {
    this.#refuseIfFrozen('addMiddleware');
    this.#middlewares.unshift(checkedMiddleware(middleware));
    return this;
  }

  /**
   * Adds a handler that makes the response for an exception: by status for an HTTPException, then by class, the nearest
   * ancestor first. One for `Error` or 500 is the outermost of all; what it answers is reported to `onError` all the same.
   */
  addExceptionHandler<E extends Error>(key: ExceptionKey<E>, handler: ExceptionHandler<E>): this {
    this.#refuseIfFrozen('addExceptionHandler');
    this.#handlers.add(key, handler);
    return this;
  }

  /** The effective order, outermost first, as data and, by `String(…)`, for people. */
  describe(): LayerDescription {
    const description = {
      middleware: this.#middlewares.map(nameOf),
      dependencies: Object.values(this.#dependencies).map(
        ({ dependency }) => partsOfDependency(dependency).name,
      ),
      exceptionHandlers: this.#handlers.keys(),
      defaultScope: this.#defaultScope ?? ('request' as const),
    };
    return Object.assign(Object.create({ toString: () => describeText(description) }), description);
  }

  /** The layer as requests run through it; from here on nothing can be added. Internal. */
  [frozen](): FrozenLayer {
    this.#frozen ??= {
      onion: compose(this.#middlewares),
      dependencies: this.#dependencies,
      hasDependencies: Object.keys(this.#dependencies).length > 0,
      handlers: this.#handlers,
      onError: this.#onError,
      defaultScope: this.#defaultScope,
      timeout: this.#timeout,
      overrides: this.dependencyOverrides,
    };
    return this.#frozen;
  }

  get [brand](): true {
    return true;
  }

  #refuseIfFrozen(method: string): void {
    if (this.#frozen) throw misuse('LAYER_FROZEN', method);
  }
}

export function isLayer(value: unknown): value is Layer {
  return typeof value === 'object' && value !== null && brand in value;
}

/** Freezes a layer and gives what requests run through. */
export function freeze(layer: Layer): FrozenLayer {
  return layer[frozen]();
}

/** What a timer can wait: up to 2³¹ − 1 milliseconds, about 25 days. */
function checkedTimeout(timeout: unknown): number {
  if (typeof timeout === 'number' && timeout > 0 && timeout < 2 ** 31) return timeout;
  throw misuse('LAYER_OPTIONS', 'timeout', timeout);
}

function list<T>(option: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw misuse('LAYER_OPTIONS', option, value);
  return value;
}

function named(markers: readonly unknown[]): Dependencies {
  for (const [index, marker] of markers.entries()) {
    if (!isDepends(marker)) throw misuse('DEPENDS_EXPECTED', String(index), 'layer', marker);
  }
  const dependencies = Object.fromEntries(markers.entries()) as Dependencies;
  checkNames(dependencies, 'layer');
  return dependencies;
}

function describeText(description: Omit<LayerDescription, 'toString'>): string {
  const lines = description.middleware.map((name, depth) => `${'  '.repeat(depth)}${name}`);
  const inner = '  '.repeat(lines.length);
  if (description.dependencies.length > 0)
    lines.push(`${inner}dependencies: ${description.dependencies.join(', ')}`);
  lines.push(`${inner}(routes)`);
  if (description.exceptionHandlers.length > 0)
    lines.push(`handlers: ${description.exceptionHandlers.join(', ')}`);
  return lines.join('\n');
}
