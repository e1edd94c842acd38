import {
  type BackgroundTasks,
  checkOption,
  checkOptions,
  type Declared,
  type Dependencies,
  type Endpoint,
  isEndpoint,
  isLayer,
  type Layer,
  type Middleware,
  type Mount,
  madeBy,
  matchRoute,
  misuse,
  type Named,
  noOptions,
  noteMount,
  type OptionNames,
  runExchange,
  type Solved,
} from '../../core/adapter.js';
import {
  answerAlone,
  applyTo,
  bareLayer,
  type FetchHandler,
  fetchEndpoint,
  type GoOn,
  injectAt,
  NativeExchange,
  openExchange,
  runEndpoint,
  runInside,
  runOutermost,
  tasksAt,
  toLayer,
} from '../node/shared.js';
import { toDictionaryMode } from './dictionary-mode.js';
import { placeErrorTap } from './error-tap.js';
import { ExpressRequest } from './express-request.js';
import type { ExpressApp, ExpressHandler, ExpressNext, ExpressReq, ExpressRes } from './express-types.js';
import { routesBefore } from './mount-order.js';
import { observeInner } from './observe-errors.js';
import { setTarget } from './set-target.js';
import { watchHandlers } from './watch-handlers.js';
import { wrongFramework } from './wrong-framework.js';

export type { FetchHandler } from '../node/shared.js';
export { errorBoundary } from './error-tap.js';
export { keepRawBody } from './express-request.js';
export type {
  ExpressApp,
  ExpressErrorHandler,
  ExpressHandler,
  ExpressNext,
  ExpressReq,
  ExpressRes,
} from './express-types.js';
export { type ConnectMiddleware, fromExpress } from './from-express.js';
export { wrap } from './wrap.js';

/** The options of `toExpress` for a layer. */
export interface ToExpressOptions {
  /**
   * Whether the layer observes errors that pass Express' error handling, and when a handler ends; `true`
   * unless set. It keeps an error handler last on the app's stack and patches its router. With `false` both
   * are left alone: errors of handlers reach only the app's error handlers, and dependencies of scope
   * `function` exit at the handler's answer.
   */
  errorTap?: boolean;
}

const knownOptions = { errorTap: true } satisfies OptionNames<ToExpressOptions>;

/**
 * A layer, a single middleware, an endpoint or a dependency as an Express handler, on Express 4 and 5.
 *
 * ```ts
 * app.use(toExpress(layer));
 * app.get('/items/:id', toExpress(readItem));
 * app.use('/admin', toExpress(Depends(verifyToken)));
 * ```
 *
 * Routes that come after a layer stay as they are: what they write is held at its head until the middleware
 * is through. A dependency alone is a guard: the routes after it are reached only where it does not throw.
 * Throws `ADAPTER_TARGET`, `UNKNOWN_OPTION`, and what a middleware or a dependency is refused with.
 */
export function toExpress(
  target: Layer | Middleware | Endpoint | Declared<unknown>,
  options: ToExpressOptions = noOptions,
): ExpressHandler {
  const { errorTap = true } = options;
  checkOptions('toExpress()', options, knownOptions);
  checkOption('toExpress()', 'errorTap', errorTap, 'true or false', value => typeof value === 'boolean');
  if (isEndpoint(target)) return madeBy('toExpress', endpointHandler(target));
  const layer = toLayer('toExpress', target);
  const mount = isLayer(target) ? noteMount(layer, toExpress) : undefined;
  return madeBy('toExpress', layerHandler(layer, errorTap, mount));
}

/**
 * A handler of the Fetch kind as an Express handler: `app.use('/api', mountFetch(hono.fetch))`.
 *
 * It works before and behind body parsers, streams both ways, and is an endpoint like any other: it takes
 * part in the layers around it. The url that it sees is the whole one, with the path at which it is mounted.
 * Throws `FETCH_HANDLER`.
 */
export function mountFetch(handler: FetchHandler): ExpressHandler {
  return madeBy('mountFetch', endpointHandler(fetchEndpoint(handler)));
}

/**
 * The value of a dependency in a native handler: the same value, scope and exit as in an endpoint of this
 * request.
 *
 * ```ts
 * app.get('/orders', async (req, res) => {
 *   const db = await inject(req, Depends(getDb));
 *   res.json(await db.orders());
 * });
 * ```
 *
 * Takes several by name, too. A block is given their values, and their exits wait for it:
 *
 * ```ts
 * await inject(req, { tx: Depends(getTx), user: Depends(getUser) }, async ({ tx, user }) => {
 *   res.json(await tx.ordersOf(user));
 * });
 * ```
 *
 * Where the handler or the block fails, or the handler answers with a status of 500 and above, the
 * dependencies get an exception thrown in at their `yield`. Rejects with what a dependency or the block
 * throws, and with `INJECT_BLOCK`, `INJECT_OUTSIDE`, `INJECT_LATE` and `DEPENDENCY_EXITED`.
 */
export function inject<T>(req: InjectableRequest, dependency: Declared<T>): Promise<T>;
export function inject<D extends Dependencies>(
  req: InjectableRequest,
  dependencies: Named<D>,
): Promise<Solved<D>>;
export function inject<D extends Dependencies, Result>(
  req: InjectableRequest,
  dependencies: Named<D>,
  block: (values: Solved<D>) => Result,
): Promise<Awaited<Result>>;
export function inject(
  req: InjectableRequest,
  wanted: Declared<unknown> | Dependencies,
  block?: (values: never) => unknown,
): Promise<unknown> {
  // The handler may be in an app of another copy of Express than the layer.
  if (req?.app && req.res && NativeExchange.of(req.res)?.isObserved) observeInner(req.app as ExpressApp);
  return injectAt(req?.res, wanted, block);
}

/**
 * Returns the background tasks of the request, for a native handler: those of an endpoint, with the same
 * order.
 *
 * ```ts
 * app.post('/orders', (req, res) => {
 *   backgroundTasks(req).addTask(sendMail, req.body.email);
 *   res.status(201).json({ ok: true });
 * });
 * ```
 *
 * They run when the response is out and the dependencies have exited. If the handler fails or answers with a
 * status of 500 and above, they are dropped and reported, except those added with `{ when: 'always' }`.
 * Throws `TASK_OUTSIDE` without a layer; its `addTask` throws `TASK_LATE` once the tasks have run.
 */
export function backgroundTasks(req: InjectableRequest): BackgroundTasks {
  return tasksAt(req?.res);
}

/** What `inject` and `backgroundTasks` need of a request: Express ties the response to it. */
export interface InjectableRequest {
  readonly app?: object | undefined;
  readonly res?: object | undefined;
}

function layerHandler(layer: Layer, errorTap: boolean, mount: Mount | undefined): ExpressHandler {
  let isPlaceChecked = false;
  const handler: ExpressHandler = function callnextLayer(req, res, next) {
    if (typeof next !== 'function') throw wrongFramework('toExpress', res);
    if (errorTap) {
      watchHandlers(req.app);
      placeErrorTap(req.app);
    }
    if (!isResponse(res)) return next();
    const outer = NativeExchange.join(res);
    const native = outer ?? open(req, res, next);
    if (errorTap) native.isObserved = true;
    if (outer) runInside(native, layer, goOn, next, next);
    else runOutermost(native, layer, goOn, next);
  };
  const goOn: GoOn<ExpressNext> = (native, request, next) => {
    const { req } = native as unknown as { readonly req: ExpressReq };
    if (!isPlaceChecked) checkPlace(native, req);
    if (request !== native.seen) applyTo(native, request, target => setTarget(req, target));
    next();
  };
  const checkPlace = (native: NativeExchange, { app }: ExpressReq): void => {
    isPlaceChecked = true;
    const routes = mount && routesBefore(app, handler);
    if (routes) native.exchange.reports.tell(misuse('LAYER_AFTER_ROUTES', mount.place, routes), 'request');
  };
  return handler;
}

/** Tests of native middleware mock a response by two or three methods; there is nothing to hold. */
function isResponse(res: ExpressRes): boolean {
  return typeof res.once === 'function' && typeof res.getHeaderNames === 'function';
}

function endpointHandler(endpoint: Endpoint): ExpressHandler {
  return function callnextEndpoint(req, res, next) {
    if (typeof res !== 'object') throw wrongFramework('toExpress', res);
    const outer = NativeExchange.join(res);
    const native = outer ?? open(req, res, next);
    matchRoute(native.exchange.request, req.params);
    if (outer) void runEndpoint(native, endpoint, next);
    else void runExchange(native.exchange, bareLayer, answerAlone(native.exchange, endpoint));
  };
}

function open(req: ExpressReq, res: ExpressRes, next: ExpressNext): NativeExchange {
  toDictionaryMode(req, res);
  return openExchange(req, res as never, new ExpressRequest(req, res), next);
}
