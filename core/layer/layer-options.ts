import type { TaskQueue } from '../background/task-queue.js';
import { checkedDefaultScope, checkNames } from '../dependencies/depends.js';
import { type Declared, type Dependencies, isMarker, type RequestScope } from '../dependencies/marker.js';
import { isParameter } from '../dependencies/parameter.js';
import { misuse } from '../errors.js';
import type { ExceptionHandler, ExceptionKey } from '../exceptions/exception-handlers.js';
import type { WhenQueueFails } from '../lifecycle/layer-tasks.js';
import { type Lifespan, mayBeLifespan, type StateOf } from '../lifecycle/lifespan.js';
import type { ErrorReporter } from '../lifecycle/reports.js';
import { checkedMiddleware, type Middleware } from '../middleware/middleware.js';
import { flag, optionalFunction, type Rule } from '../middleware/options.js';
import { checkOption, checkOptions, type OptionNames } from '../options.js';

/** The options of a layer whose lifespan yields a `Yielded`. */
export interface LayerOptions<Yielded extends object | undefined = object | undefined> {
  /** The first is outermost. */
  middleware?: readonly Middleware<StateOf<NoInfer<Yielded>>>[];
  /**
   * Solved for every request, before the endpoint's own dependencies. Their values are not passed on. A
   * parameter among them needs an `alias`.
   */
  dependencies?: readonly Declared<unknown>[];
  /** Pairs of an error class or status and a handler, such as a `Map`. */
  exceptionHandlers?: Iterable<readonly [ExceptionKey, ExceptionHandler<never>]>;
  /** Receives errors that arrive after the response; `console.error` by default. */
  onError?: ErrorReporter;
  /** The scope of dependencies without one; `request` by default. */
  defaultScope?: RequestScope;
  /**
   * Entered by `start()` or the first request, exited by `close()`. The yielded object becomes
   * `request.state`, and types it in the layer's middleware and in `layer.run`.
   */
  lifespan?: Lifespan<Yielded>;
  /**
   * How many milliseconds the middleware and everything below may take before the layer answers with an
   * `HTTPException(504)`; unlimited by default. `request.signal` is aborted then, and unfinished work is
   * reported to `onError`. The dependencies stay open for the same time again; then the exception is thrown
   * into them. The same time also limits how long a response body may take to close after its client has
   * left; 5 seconds without a timeout.
   */
  timeout?: number;
  /**
   * How many bytes of a request body may be held in memory; 1 MiB by default. A reader that needs more gets a
   * 413. A body that is read once, as a stream or a form, may have any size. The innermost layer's value
   * applies.
   */
  maxBodySize?: number;
  /**
   * Whether `request.json()` answers 415 to a body without a JSON content type; `true` by default, because
   * another site's page can send such a body with its visitor's cookies. The innermost layer that sets it
   * applies. FastAPI's `strict_content_type`.
   */
  strictContentType?: boolean;
  /**
   * What errors of declared parameters contain. `{ input: false }` leaves out what was received, which may be
   * a whole body with a password in it. The innermost layer that sets it counts.
   */
  validationErrors?: ValidationErrorOptions;
  /**
   * Stores durable tasks, such as `pgBossQueue(boss)`; without one, they run in this process. A queue serves
   * one layer. The innermost layer's queue applies.
   */
  taskQueue?: TaskQueue;
  /**
   * What happens to a task that the queue refuses after the response, once `onError` has received
   * `TASK_NOT_QUEUED`: nothing (`report`, the default), it runs in this process (`run`), or the function is
   * called with it. A task that runs then may run twice, because the queue may have stored it all the same.
   */
  whenQueueFails?: WhenQueueFails;
  /** How many milliseconds the queue may take to store a task; 5,000 by default. */
  enqueueTimeoutMs?: number;
}

/** What errors of declared parameters contain. */
export interface ValidationErrorOptions {
  /** Whether each error has the `input` that was received, as in FastAPI; `true` unless set. */
  input?: boolean;
}

const knownOfErrors = { input: true } satisfies OptionNames<ValidationErrorOptions>;

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
  validationErrors: true,
  taskQueue: true,
  whenQueueFails: true,
  enqueueTimeoutMs: true,
} satisfies OptionNames<LayerOptions>;

/** The range of a timer: up to 2³¹ − 1 milliseconds, about 25 days. */
const milliseconds: Rule<number> = {
  check: value => typeof value === 'number' && value > 0 && value < 2 ** 31,
  expected: 'a positive number of milliseconds below 2³¹',
};

const rules: Readonly<Partial<Record<keyof LayerOptions, Rule<unknown>>>> = {
  onError: optionalFunction('a function (error, { request, phase })'),
  timeout: milliseconds,
  maxBodySize: {
    check: value => typeof value === 'number' && value >= 0,
    expected: 'a number of bytes, at least 0',
  },
  strictContentType: flag(true),
  taskQueue: { check: isQueue, expected: 'a queue, such as `memoryQueue()`' },
  whenQueueFails: {
    check: value => value === 'report' || value === 'run' || typeof value === 'function',
    expected: "'report', 'run' or a function (envelope, error)",
  },
  enqueueTimeoutMs: milliseconds,
};

/** The checked options of a layer. */
export interface CheckedOptions {
  readonly middlewares: Middleware[];
  readonly dependencies: Dependencies;
  readonly handlers: readonly (readonly [ExceptionKey, ExceptionHandler<never>])[];
  readonly onError: ErrorReporter | undefined;
  readonly defaultScope: RequestScope | undefined;
  readonly lifespan: Lifespan | undefined;
  readonly timeout: number | undefined;
  readonly maxBodySize: number | undefined;
  readonly strictContentType: boolean | undefined;
  readonly echoesInput: boolean | undefined;
  readonly taskQueue: TaskQueue | undefined;
  readonly whenQueueFails: WhenQueueFails | undefined;
  readonly enqueueTimeoutMs: number | undefined;
}

/** Throws `LAYER_OPTIONS`, `OPTIONS`, `UNKNOWN_OPTION`, and the errors of its parts. */
export function checkedLayerOptions<Yielded extends object | undefined>(
  options: LayerOptions<Yielded>,
): CheckedOptions {
  checkOptions('new Layer()', options, knownOptions);
  const { middleware = [], dependencies = [], exceptionHandlers = [], defaultScope, lifespan } = options;
  const { onError, timeout, maxBodySize, strictContentType } = options;
  const { taskQueue, whenQueueFails, enqueueTimeoutMs } = options;
  const middlewares = list('middleware', 'a list of functions', middleware).map(checkedMiddleware);
  const declared = named(list('dependencies', 'a list of `Depends(…)`', dependencies));
  const handlers = pairs(exceptionHandlers);
  for (const [name, rule] of Object.entries(rules)) {
    const value = options[name as keyof LayerOptions];
    if (value !== undefined && !rule.check(value)) throw misuse('LAYER_OPTIONS', name, rule.expected, value);
  }
  if (defaultScope !== undefined) checkedDefaultScope(defaultScope);
  if (lifespan !== undefined && !mayBeLifespan(lifespan)) throw misuse('LIFESPAN', lifespan);
  const echoesInput = inputOption(options.validationErrors);
  const plain = { onError, defaultScope, lifespan, timeout, maxBodySize, strictContentType, echoesInput };
  const tasks = { taskQueue, whenQueueFails, enqueueTimeoutMs };
  return { middlewares, dependencies: declared, handlers, ...plain, ...tasks };
}

/** Throws `OPTIONS`, `UNKNOWN_OPTION` and `OPTION_VALUE`. */
function inputOption(given: ValidationErrorOptions | undefined): boolean | undefined {
  if (given === undefined) return undefined;
  const where = 'new Layer({ validationErrors })';
  checkOptions(where, given, knownOfErrors);
  checkOption(where, 'input', given.input, 'true or false', value => typeof value === 'boolean');
  return given.input;
}

/** Throws `LAYER_OPTIONS`. */
export function checkTimeoutOfClose(timeout: number | undefined): void {
  if (timeout === undefined || timeout === 0 || milliseconds.check(timeout)) return;
  throw misuse('LAYER_OPTIONS', 'timeoutMs', milliseconds.expected, timeout, 'layer.close()');
}

function isQueue(value: unknown): boolean {
  const { name, send, work } = (value ?? {}) as Partial<TaskQueue>;
  return typeof name === 'string' && typeof send === 'function' && typeof work === 'function';
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

function named(markers: readonly unknown[]): Dependencies {
  for (const [index, marker] of markers.entries()) {
    if (!isMarker(marker)) throw misuse('DEPENDS_EXPECTED', String(index), 'layer', marker);
    if (isParameter(marker) && marker.alias === undefined)
      throw misuse('PARAM_NAME', marker.title, 'new Layer({ dependencies })');
  }
  const entries = markers.map((marker, index) => [`dependencies[${index}]`, marker]);
  const dependencies = Object.fromEntries(entries) as Dependencies;
  checkNames(dependencies, 'layer');
  return dependencies;
}
