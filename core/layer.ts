import { checkGraph } from './dependencies/dependency-graph.js';
import { checkedScope, checkNames, type Depends, disposedIn, type Named } from './dependencies/depends.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  type Injected,
  isDepends,
  nameOfDependency,
  type Solved,
} from './dependencies/marker.js';
import { DependencyOverrides } from './dependencies/overrides.js';
import { isAsyncFunction, isClass, misuse, nameOf } from './errors.js';
import {
  type ExceptionHandler,
  ExceptionHandlers,
  type ExceptionKey,
} from './exceptions/exception-handlers.js';
import { type FrozenLayer, frozen } from './lifecycle/frozen-layer.js';
import { InFlight, type Undone } from './lifecycle/in-flight.js';
import { type Lifespan, LifespanContext } from './lifecycle/lifespan.js';
import { type Mount, Mounts, mounted } from './lifecycle/mounts.js';
import type { ErrorReporter } from './lifecycle/reports.js';
import { onionPort } from './lifecycle/run-layer.js';
import { reportOutside, runOutside } from './lifecycle/run-outside.js';
import { checkedMiddleware, compose } from './middleware/compose.js';
import type { Middleware } from './middleware/middleware.js';
import { optionsOf, optionsText } from './middleware/options.js';
import { checkOptions, noOptions, type OptionNames } from './options.js';

/** The options of a layer. */
export interface LayerOptions {
  /** The first one is outermost. */
  middleware?: readonly Middleware[];
  /** Solved for every request that passes through, before the endpoint's own; their values are not handed out. */
  dependencies?: readonly Depends<unknown>[];
  /** Pairs of an error class or a status and its handler; a `Map` will do. */
  exceptionHandlers?: Iterable<readonly [ExceptionKey, ExceptionHandler<never>]>;
  /** Told of errors that come too late for the client; `console.error` unless set. */
  onError?: ErrorReporter;
  /** The scope of dependencies that name none: `request` unless set. */
  defaultScope?: DependencyScope;
  /** Entered by `start()` or the first request, left by `close()`; what it yields is on `request.state`. */
  lifespan?: Lifespan;
  /**
   * Milliseconds after which the layer answers by itself, with the response to an `HTTPException(504)`, where its middleware
   * and what is below them have not; never unless set. `request.signal` is aborted then, and what does not come to its
   * end is reported to `onError`. Its dependencies are left to it for as long again; then the exception is thrown into them.
   * As long is also what a body has to close when its client has left; 5 seconds where no layer has a timeout.
   */
  timeout?: number;
  /**
   * Bytes of a request body that its readers may hold in memory; 1 MiB unless set. Who needs more is refused with a 413; a body that is
   * read once, as a stream or a form, may have any size. That of the innermost layer holds that the request has come to.
   */
  maxBodySize?: number;
  /**
   * Whether `request.json()` refuses, with a 415, a body whose content type is not JSON, or that has none: `true` unless set. A page of
   * another site can send such a body with the cookies of its visitor. The innermost layer that sets it counts. FastAPI's `strict_content_type`.
   */
  strictContentType?: boolean;
}

/** The options of `layer.close()`. */
interface CloseOptions {
  timeoutMs?: number;
}

const knownOfClose = { timeoutMs: true } satisfies OptionNames<CloseOptions>;

/** What a layer does, in the order in which it does it. */
export interface LayerDescription {
  /** Outermost first. */
  readonly middleware: readonly string[];
  /** The options of each of them, where it is one that callnext brings; secrets are left out. */
  readonly options: readonly (Readonly<Record<string, unknown>> | undefined)[];
  readonly dependencies: readonly string[];
  /** Those of them, and of what they need, whose values are disposed: `Depends(…, { dispose: true })`. */
  readonly disposed: readonly string[];
  readonly exceptionHandlers: readonly string[];
  readonly defaultScope: DependencyScope;
  /** Whether `request.json()` reads bodies with a JSON content type only. */
  readonly strictContentType: boolean;
  /** The name of the lifespan, if there is one. */
  readonly lifespan: string | undefined;
  /** The same for people to read. */
  toString(): string;
}

const knownOptions = {
  middleware: true,
  dependencies: true,
  exceptionHandlers: true,
  onError: true,
  defaultScope: true,
  lifespan: true,
  timeout: true,
  maxBodySize: true,
  strictContentType: true,
} satisfies OptionNames<LayerOptions>;

const brand = Symbol.for('callnext.Layer');

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
   * request and depth; the replacement keeps the place, the scope and the cache key of the original. `set` throws `OVERRIDE`.
   */
  readonly dependencyOverrides: Map<AnyDependency, AnyDependency> = new DependencyOverrides();
  readonly #middlewares: Middleware[];
  /** How many of them `addMiddleware` has put around the others. */
  #added = 0;
  readonly #dependencies: Dependencies;
  readonly #handlers = new ExceptionHandlers();
  readonly #onError: ErrorReporter | undefined;
  readonly #defaultScope: DependencyScope | undefined;
  readonly #timeout: number | undefined;
  readonly #maxBodySize: number | undefined;
  readonly #strictContentType: boolean | undefined;
  readonly #lifespan: LifespanContext | undefined;
  readonly #inFlight = new InFlight();
  readonly #mounts = new Mounts();
  #frozen: FrozenLayer | undefined;

  /** Throws `LAYER_OPTIONS`, `OPTIONS`, `UNKNOWN_OPTION`, and what each of its parts is refused with. */
  constructor(options: LayerOptions = noOptions) {
    checkOptions('new Layer()', options, knownOptions);
    this.#middlewares = list('middleware', 'a list of functions', options.middleware ?? []).map(
      checkedMiddleware,
    );
    this.#dependencies = named(list('dependencies', 'a list of `Depends(…)`', options.dependencies ?? []));
    for (const [key, handler] of pairs(options.exceptionHandlers ?? [])) this.#handlers.add(key, handler);
    if (options.onError !== undefined && typeof options.onError !== 'function') {
      throw misuse('LAYER_OPTIONS', 'onError', 'a function (error, { request, phase })', options.onError);
    }
    this.#onError = options.onError;
    this.#defaultScope = options.defaultScope === undefined ? undefined : checkedScope(options.defaultScope);
    this.#timeout = options.timeout === undefined ? undefined : checkedTimeout('timeout', options.timeout);
    const { lifespan, maxBodySize, strictContentType } = options;
    if (maxBodySize !== undefined && !(typeof maxBodySize === 'number' && maxBodySize >= 0))
      throw misuse('LAYER_OPTIONS', 'maxBodySize', 'a number of bytes of at least 0', maxBodySize);
    this.#maxBodySize = maxBodySize;
    if (strictContentType !== undefined && typeof strictContentType !== 'boolean')
      throw misuse('LAYER_OPTIONS', 'strictContentType', 'true or false', strictContentType);
    this.#strictContentType = strictContentType;
    if (lifespan !== undefined && !mayBeLifespan(lifespan)) throw misuse('LIFESPAN', lifespan);
    this.#lifespan = lifespan && new LifespanContext(lifespan);
    checkGraph(this.#dependencies, 'layer', this.#defaultScope ?? 'request');
  }

  /** Adds a middleware outside those that are there: the last one added is outermost, as in FastAPI. */
  addMiddleware(middleware: Middleware): this {
    this.#refuseIfFrozen('addMiddleware');
    this.#middlewares.unshift(checkedMiddleware(middleware));
    this.#added += 1;
    return this;
  }

  /**
   * Adds a handler that makes the response for an exception: by status for an HTTPException, then by class,
   * the nearest ancestor first. What it throws goes to the layers further out, and to the framework. One for
   * `Error` or 500 is the outermost of all; what it answers is reported to `onError` all the same.
   */
  addExceptionHandler<E extends Error>(key: ExceptionKey<E>, handler: ExceptionHandler<E>): this {
    this.#refuseIfFrozen('addExceptionHandler');
    this.#handlers.add(key, handler);
    return this;
  }

  /**
   * Enters the lifespan, where the first request would do it otherwise: before the server listens, so that what fails here
   * is known before there is anybody to tell. Rejects with what it throws, and with `LAYER_CLOSED`.
   */
  async start(): Promise<void> {
    if (this.#inFlight.isClosed) throw misuse('LAYER_CLOSED');
    await this.#lifespan?.start();
  }

  /**
   * A function with dependencies outside a request: in a script, a cron job, a test.
   *
   * ```ts
   * const count = await layer.run({ db: Depends(getDb) }, async ({ db, backgroundTasks }) => {
   *   backgroundTasks.addTask(tellAdmins);
   *   return db.deleteExpired();
   * });
   * ```
   *
   * Overrides, scopes, `onError`, lifespan and order are those of a request; there is no middleware, none of the layer's own `dependencies`, and
   * no response: `yield` gives `undefined`. Resolves with the result when the last task has run. Rejects with what the function throws, as its
   * dependencies make it, with what an exit fails with, and with `LAYER_CLOSED`; tasks that fail are told to `onError`.
   */
  run<D extends Dependencies, Result>(
    dependencies: Named<D>,
    work: (context: Solved<D> & Injected) => Result,
  ): Promise<Awaited<Result>> {
    return runOutside(this, dependencies, work);
  }

  /**
   * Ends the layer: it refuses new requests with a 503 and waits for those that it has, to their last background task. Then
   * the lifespan is left.
   *
   * ```ts
   * process.once('SIGTERM', async () => {
   *   server.close();
   *   const { responses, exits, tasks } = await layer.close({ timeoutMs: 10_000 });
   *   console.log('left undone:', ...responses, ...exits, ...tasks);
   *   process.exit();
   * });
   * ```
   *
   * Resolves with what was left undone, by name, when `timeoutMs` milliseconds are over; it waits for ever without them. Then
   * `backgroundTasks.signal` and the signals of unanswered requests are aborted, and tasks that have not begun are dropped and told to `onError`.
   * The exit of the lifespan has as long again. Rejects with what that throws, and with `LAYER_OPTIONS`.
   */
  async close(options: CloseOptions = noOptions): Promise<Undone> {
    checkOptions('layer.close()', options, knownOfClose);
    const { timeoutMs } = options;
    if (timeoutMs !== undefined && timeoutMs !== 0) checkedTimeout('timeoutMs', timeoutMs, 'layer.close()');
    const undone = await this.#inFlight.close(timeoutMs);
    const lifespan = this.#lifespan;
    if (!lifespan) return undone;
    const isLeft = await lifespan.exit(timeoutMs, error => reportOutside(this, lifespan.name, error, 'exit'));
    return isLeft ? undone : { ...undone, exits: [...undone.exits, lifespan.name] };
  }

  /** The effective order, outermost first, as data and, by `String(…)`, for people. */
  describe(): LayerDescription {
    const description = {
      middleware: this.#middlewareNames,
      options: this.#middlewares.map(optionsOf),
      dependencies: Object.entries(this.#dependencies).map(([key, { dependency }]) =>
        nameOfDependency(dependency, key),
      ),
      disposed: disposedIn(this.#dependencies),
      exceptionHandlers: this.#handlers.keys(),
      defaultScope: this.#defaultScope ?? ('request' as const),
      strictContentType: this.#strictContentType ?? true,
      lifespan: this.#lifespan?.name,
    };
    return Object.assign(Object.create({ toString: () => describeText(description) }), description);
  }

  /** The layer as requests run through it; from here on nothing can be added. Internal. */
  [frozen](forGood: boolean): FrozenLayer {
    if (this.#frozen) return this.#frozen;
    const plan: FrozenLayer = {
      onion: compose(this.#middlewares, this.#middlewareNames, onionPort),
      dependencies: this.#dependencies,
      hasDependencies: Object.keys(this.#dependencies).length > 0,
      handlers: this.#handlers,
      onError: this.#onError,
      defaultScope: this.#defaultScope,
      timeout: this.#timeout,
      maxBodySize: this.#maxBodySize,
      strictContentType: this.#strictContentType,
      overrides: this.dependencyOverrides,
      inFlight: this.#inFlight,
      mounts: this.#mounts,
      lifespan: this.#lifespan,
    };
    if (forGood) this.#frozen = plan;
    return plan;
  }

  /** Notes that an adapter's function mounts the layer. Internal. */
  [mounted](adapter: { readonly name: string }): Mount {
    return this.#mounts.add(adapter);
  }

  get [brand](): true {
    return true;
  }

  /** A function without a name is called by where it was given: `addMiddleware #2`, `middleware[0]`. */
  get #middlewareNames(): string[] {
    return this.#middlewares.map((middleware, index) => {
      const inOption = index - this.#added;
      return nameOf(middleware, inOption < 0 ? `addMiddleware #${-inOption}` : `middleware[${inOption}]`);
    });
  }

  #refuseIfFrozen(method: string): void {
    if (this.#frozen) throw misuse('LAYER_FROZEN', method);
  }
}

export function isLayer(value: unknown): value is Layer {
  return typeof value === 'object' && value !== null && brand in value;
}

/** What a timer can wait: up to 2³¹ − 1 milliseconds, about 25 days. */
function checkedTimeout(option: string, timeout: unknown, where?: string): number {
  if (typeof timeout === 'number' && timeout > 0 && timeout < 2 ** 31) return timeout;
  throw misuse('LAYER_OPTIONS', option, 'a positive number of milliseconds, below 2³¹', timeout, where);
}

function list<T>(option: string, expected: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw misuse('LAYER_OPTIONS', option, expected, value);
  return value;
}

function pairs<Pair>(handlers: Iterable<Pair>): readonly Pair[] {
  const isIterable = typeof handlers === 'object' && handlers !== null && Symbol.iterator in handlers;
  const found = isIterable ? [...handlers] : [handlers];
  if (found.every(Array.isArray)) return found as readonly Pair[];
  const expected = 'a Map, or a list of pairs such as `[[404, handler]]`';
  throw misuse('LAYER_OPTIONS', 'exceptionHandlers', expected, handlers);
}

/** A plain function may return a generator, as those of compilers do. An async one gives a promise. */
function mayBeLifespan(lifespan: unknown): boolean {
  return typeof lifespan === 'function' && !isAsyncFunction(lifespan) && !isClass(lifespan);
}

function named(markers: readonly unknown[]): Dependencies {
  for (const [index, marker] of markers.entries()) {
    if (!isDepends(marker)) throw misuse('DEPENDS_EXPECTED', String(index), 'layer', marker);
  }
  const entries = markers.map((marker, index) => [`dependencies[${index}]`, marker]);
  const dependencies = Object.fromEntries(entries) as Dependencies;
  checkNames(dependencies, 'layer');
  return dependencies;
}

function describeText(description: Omit<LayerDescription, 'toString'>): string {
  const lines = description.middleware.map((name, depth) => {
    const options = description.options[depth];
    return `${'  '.repeat(depth)}${name}${options ? optionsText(options) : ''}`;
  });
  if (description.lifespan !== undefined) lines.unshift(`lifespan: ${description.lifespan}`);
  const inner = '  '.repeat(description.middleware.length);
  if (description.dependencies.length > 0)
    lines.push(`${inner}dependencies: ${description.dependencies.join(', ')}`);
  if (description.disposed.length > 0) lines.push(`${inner}disposed: ${description.disposed.join(', ')}`);
  lines.push(`${inner}(routes)`);
  if (!description.strictContentType) lines.push('strictContentType: false');
  if (description.exceptionHandlers.length > 0)
    lines.push(`handlers: ${description.exceptionHandlers.join(', ')}`);
  return lines.join('\n');
}
