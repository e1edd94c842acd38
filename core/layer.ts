import { checkGraph } from './dependencies/dependency-graph.js';
import type { Named } from './dependencies/depends.js';
import type { AnyDependency, Dependencies, Injected, Solved } from './dependencies/marker.js';
import { DependencyOverrides } from './dependencies/overrides.js';
import { misuse, nameOf } from './errors.js';
import {
  type ExceptionHandler,
  ExceptionHandlers,
  type ExceptionKey,
} from './exceptions/exception-handlers.js';
import { describe, type LayerDescription } from './layer/description.js';
import {
  type CheckedOptions,
  checkedLayerOptions,
  checkTimeoutOfClose,
  type LayerOptions,
} from './layer/layer-options.js';
import { type FrozenLayer, frozen } from './lifecycle/frozen-layer.js';
import { InFlight, type Undone } from './lifecycle/in-flight.js';
import { LifespanContext } from './lifecycle/lifespan.js';
import { type Mount, Mounts, mounted } from './lifecycle/mounts.js';
import { belowWith, goBelow, onionPort } from './lifecycle/run-layer.js';
import { reportOutside, runOutside } from './lifecycle/run-outside.js';
import { checkedMiddleware, compose } from './middleware/compose.js';
import type { Middleware } from './middleware/middleware.js';
import { checkOptions, noOptions, type OptionNames } from './options.js';

/** The options of `layer.close()`. */
interface CloseOptions {
  timeoutMs?: number;
}

const knownOfClose = { timeoutMs: true } satisfies OptionNames<CloseOptions>;

const brand = Symbol.for('callnext.Layer');

/**
 * Middleware, dependencies and exception handlers around a part of an app: what `app = FastAPI(…)` holds,
 * without the routes.
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
   * What stands in for a dependency, for tests: `layer.dependencyOverrides.set(getDb, getTestDb)`. Looked up
   * at every request and depth; the replacement keeps the place, the scope and the cache key of the original.
   * `set` throws `OVERRIDE`.
   */
  readonly dependencyOverrides: Map<AnyDependency, AnyDependency> = new DependencyOverrides();
  readonly #middlewares: Middleware[];
  /** How many of them `addMiddleware` has put around the others. */
  #added = 0;
  readonly #options: CheckedOptions;
  readonly #handlers = new ExceptionHandlers();
  readonly #lifespan: LifespanContext | undefined;
  readonly #inFlight = new InFlight();
  readonly #mounts = new Mounts();
  #frozen: FrozenLayer | undefined;

  /** Throws `LAYER_OPTIONS`, `OPTIONS`, `UNKNOWN_OPTION`, and what each of its parts is refused with. */
  constructor(options: LayerOptions = noOptions) {
    this.#options = checkedLayerOptions(options);
    const { middlewares, dependencies, handlers, lifespan, defaultScope = 'request' } = this.#options;
    this.#middlewares = middlewares;
    for (const [key, handler] of handlers) this.#handlers.add(key, handler);
    this.#lifespan = lifespan && new LifespanContext(lifespan);
    checkGraph(dependencies, 'layer', defaultScope);
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
   * Enters the lifespan, where the first request would do it otherwise: before the server listens, so that
   * what fails here is known before there is anybody to tell. Rejects with what it throws, and with
   * `LAYER_CLOSED`.
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
   * Overrides, scopes, `onError`, lifespan and order are those of a request; there is no middleware, none of
   * the layer's own `dependencies`, and no response: `yield` gives `undefined`. Resolves with the result when
   * the last task has run. Rejects with what the function throws, as its dependencies make it, with what an
   * exit fails with, and with `LAYER_CLOSED`; tasks that fail are told to `onError`.
   */
  run<D extends Dependencies, Result>(
    dependencies: Named<D>,
    work: (context: Solved<D> & Injected) => Result,
  ): Promise<Awaited<Result>> {
    return runOutside(this, dependencies, work);
  }

  /**
   * Ends the layer: it refuses new requests with a 503 and waits for those that it has, to their last
   * background task. Then the lifespan is left.
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
   * Resolves with what was left undone, by name, when `timeoutMs` milliseconds are over; it waits for ever
   * without them. Then `backgroundTasks.signal` and the signals of unanswered requests are aborted, and tasks
   * that have not begun are dropped and told to `onError`. The exit of the lifespan has as long again.
   * Rejects with what that throws, and with `LAYER_OPTIONS`.
   */
  async close(options: CloseOptions = noOptions): Promise<Undone> {
    checkOptions('layer.close()', options, knownOfClose);
    const { timeoutMs } = options;
    checkTimeoutOfClose(timeoutMs);
    const undone = await this.#inFlight.close(timeoutMs);
    const lifespan = this.#lifespan;
    if (!lifespan) return undone;
    const isLeft = await lifespan.exit(timeoutMs, error => reportOutside(this, lifespan.name, error, 'exit'));
    return isLeft ? undone : { ...undone, exits: [...undone.exits, lifespan.name] };
  }

  /** The effective order, outermost first, as data and, by `String(…)`, for people. */
  describe(): LayerDescription {
    return describe({
      ...this.#options,
      middlewares: this.#middlewares,
      names: this.#middlewareNames,
      exceptionHandlers: this.#handlers.keys(),
      lifespan: this.#lifespan?.name,
    });
  }

  /** The layer as requests run through it; from here on nothing can be added. Internal. */
  [frozen](forGood: boolean): FrozenLayer {
    if (this.#frozen) return this.#frozen;
    const { dependencies, onError, defaultScope, timeout, maxBodySize } = this.#options;
    const innermost = Object.keys(dependencies).length > 0 ? belowWith(dependencies) : goBelow;
    const plan: FrozenLayer = {
      onion: compose(this.#middlewares, this.#middlewareNames, onionPort, innermost),
      handlers: this.#handlers,
      onError,
      defaultScope,
      timeout,
      maxBodySize,
      strictContentType: this.#options.strictContentType,
      echoesInput: this.#options.echoesInput,
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
