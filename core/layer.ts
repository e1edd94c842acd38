import { runNow } from './background/background-task.js';
import type { Task, TaskArguments } from './background/durable-task.js';
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
import { AppScope } from './lifecycle/app-scope.js';
import { closeLayer } from './lifecycle/close-layer.js';
import { type FrozenLayer, frozen } from './lifecycle/frozen-layer.js';
import { InFlight, type Undone } from './lifecycle/in-flight.js';
import { type LayerTasks, tasksOf } from './lifecycle/layer-tasks.js';
import { LifespanContext, type StateOf } from './lifecycle/lifespan.js';
import { type Mount, Mounts, mounted } from './lifecycle/mounts.js';
import { belowWith, goBelow, onionPort } from './lifecycle/run-layer.js';
import { endOf, reportOutside, runOutside, startOutside } from './lifecycle/run-outside.js';
import { compose } from './middleware/compose.js';
import { checkedMiddleware, type Middleware } from './middleware/middleware.js';
import { checkOptions, noOptions, type OptionNames } from './options.js';

interface CloseOptions {
  timeoutMs?: number;
}

const knownOfClose = { timeoutMs: true } satisfies OptionNames<CloseOptions>;

const brand = Symbol.for('callnext.Layer');

/**
 * Middleware, dependencies and exception handlers around a part of an app, like `app = FastAPI(…)` without
 * the routes.
 *
 * ```ts
 * const layer = new Layer({ onError: (error, { request }) => log.error({ error, url: request.url }) });
 * layer.addMiddleware(timing);
 * app.use(toExpress(layer));
 * ```
 *
 * Set the layer up before the first request, which freezes it: later additions throw `LAYER_FROZEN`.
 */
export class Layer<Yielded extends object | undefined = object | undefined> {
  /**
   * Overrides for tests: `layer.dependencyOverrides.set(getDb, getTestDb)`. They apply to every request, at
   * every depth, and keep the place and scope of the original. `set` throws `OVERRIDE`.
   */
  readonly dependencyOverrides: Map<AnyDependency, AnyDependency> = new DependencyOverrides();
  readonly #middlewares: Middleware[];
  /** How many of the middlewares `addMiddleware` has added. */
  #added = 0;
  readonly #options: CheckedOptions;
  readonly #handlers = new ExceptionHandlers();
  readonly #inFlight = new InFlight();
  readonly #app = new AppScope(this.#inFlight, endOf(this));
  readonly #lifespan: LifespanContext | undefined;
  readonly #mounts = new Mounts();
  readonly #tasks: LayerTasks | undefined;
  #frozen: FrozenLayer | undefined;

  /** Throws `LAYER_OPTIONS`, `OPTIONS`, `UNKNOWN_OPTION`, and the errors of its parts. */
  constructor(options: LayerOptions<Yielded> = noOptions) {
    this.#options = checkedLayerOptions(options);
    const { middlewares, dependencies, handlers, lifespan, defaultScope = 'request' } = this.#options;
    this.#middlewares = middlewares;
    for (const [key, handler] of handlers) this.#handlers.add(key, handler);
    this.#lifespan = lifespan && new LifespanContext(lifespan, this.#app);
    this.#tasks = tasksOf(this.#options, (...failure) => reportOutside(this, ...failure));
    checkGraph(dependencies, 'layer', defaultScope);
  }

  /** Adds a middleware outside the existing ones: the last one added is outermost, as in FastAPI. */
  addMiddleware(middleware: Middleware<StateOf<Yielded>>): this {
    this.#refuseIfFrozen('addMiddleware');
    this.#middlewares.unshift(checkedMiddleware(middleware));
    this.#added += 1;
    return this;
  }

  /**
   * Adds a handler that makes the response for an exception: by status for an HTTPException, then by class,
   * the nearest ancestor first. Errors that it throws go to the outer layers and to the framework. A handler
   * for `Error` or 500 is the outermost, and its errors are also reported to `onError`.
   */
  addExceptionHandler<E extends Error>(key: ExceptionKey<E>, handler: ExceptionHandler<E>): this {
    this.#refuseIfFrozen('addExceptionHandler');
    this.#handlers.add(key, handler);
    return this;
  }

  /**
   * Enters the lifespan and the dependencies of scope `app` that it and the layer's own `dependencies` need,
   * at any depth, and starts the `taskQueue`. Call it before the server listens, so that a failure shows
   * before clients can connect. Rejects with the first failure, and with `LAYER_CLOSED`.
   */
  start(): Promise<void> {
    return startOutside(this, this.#options.dependencies);
  }

  /**
   * Runs a function with dependencies outside a request: in a script, a cron job or a test.
   *
   * ```ts
   * const count = await layer.run({ db: Depends(getDb) }, async ({ db, backgroundTasks }) => {
   *   backgroundTasks.addTask(tellAdmins);
   *   return db.deleteExpired();
   * });
   * ```
   *
   * Overrides, scopes, `onError`, lifespan and order are those of a request. There is no middleware, none of
   * the layer's own `dependencies`, and no response: `yield` returns `undefined`. Resolves with the result
   * after the last task. Rejects with the failure of the function, after its dependencies have seen it, with
   * that of an exit, and with `LAYER_CLOSED`. Failed tasks are reported to `onError`.
   */
  run<D extends Dependencies, Result>(
    dependencies: Named<D>,
    work: (context: Solved<D> & Injected<StateOf<Yielded>>) => Result,
  ): Promise<Awaited<Result>> {
    return runOutside(this, dependencies, work);
  }

  /**
   * Runs a durable task now, in this process, with its dependencies and overrides: in a script or a test.
   * Resolves with the result of its handler. Rejects with its failure, and with `TASK_ARGUMENTS`.
   */
  runTask<Args, Result>(
    task: Task<Args, Result>,
    ...args: TaskArguments<Args, never>
  ): Promise<Awaited<Result>>;
  async runTask(task: Task, args?: unknown): Promise<unknown> {
    return runNow(task, this, args);
  }

  /**
   * Closes the layer: refuses new requests with a 503 and waits for running ones to their last background
   * task. Its workers take no further tasks, and its queue closes after them. Then the lifespan and the
   * dependencies of scope `app` exit, last entered first.
   *
   * ```ts
   * process.once('SIGTERM', async () => {
   *   server.close();
   *   const { responses, exits, tasks } = await layer.close({ timeoutMs: 10_000 });
   *   console.log('unfinished:', ...responses, ...exits, ...tasks);
   *   process.exit();
   * });
   * ```
   *
   * After `timeoutMs` milliseconds (never, by default), aborts `backgroundTasks.signal` and the signals of
   * unanswered requests, drops tasks that have not started, reports those to `onError`, and resolves with the
   * names of unfinished work. The exits of the layer have the same time again. Rejects with the first failure
   * of an exit, and with `LAYER_OPTIONS`.
   */
  async close(options: CloseOptions = noOptions): Promise<Undone> {
    checkOptions('layer.close()', options, knownOfClose);
    const { timeoutMs } = options;
    checkTimeoutOfClose(timeoutMs);
    return closeLayer(this.#inFlight, this.#tasks, this.#app, timeoutMs);
  }

  /** Describes the effective order, outermost first, as data and, with `String(…)`, as text. */
  describe(): LayerDescription {
    return describe({
      ...this.#options,
      middlewares: this.#middlewares,
      names: this.#middlewareNames,
      exceptionHandlers: this.#handlers.keys(),
      lifespan: this.#lifespan,
      entered: this.#app.names,
    });
  }

  /** Internal: freezes the layer for requests. */
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
      dependencies,
      app: alone.has(this) ? undefined : this.#app,
      tasks: this.#tasks,
    };
    if (forGood) this.#frozen = plan;
    return plan;
  }

  /** Internal: records that an adapter function mounts the layer. */
  [mounted](adapter: { readonly name: string }): Mount {
    return this.#mounts.add(adapter);
  }

  get [brand](): true {
    return true;
  }

  /** A function without a name is named after its place: `addMiddleware #2`, `middleware[0]`. */
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

const alone = new WeakSet<Layer>();

/**
 * A layer that stands for a single middleware, guard or endpoint. Nobody closes it, so it owns no
 * dependencies of scope `app`. Internal.
 */
export function layerAlone(options: LayerOptions = noOptions): Layer {
  const layer = new Layer(options);
  alone.add(layer);
  return layer;
}

export function isLayer(value: unknown): value is Layer {
  return typeof value === 'object' && value !== null && brand in value;
}
