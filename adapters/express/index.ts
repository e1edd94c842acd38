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

export interface ToExpressOptions {
  /**
   * Whether the layer observes errors that pass through Express, and when handlers end; `true` by default. It
   * keeps an error handler last on the app's stack and patches its router. With `false`, both stay untouched:
   * errors of handlers only reach the app's error handlers, and dependencies of scope `function` exit as soon
   * as the handler answers.
   */
  errorTap?: boolean;
}

const knownOptions = { errorTap: true } satisfies OptionNames<ToExpressOptions>;

/**
 * Turns a layer, a middleware, an endpoint or a dependency into an Express handler, for Express 4 and 5.
 *
 * ```ts
 * app.use(toExpress(layer));
 * app.get('/items/:id', toExpress(readItem));
 * app.use('/admin', toExpress(Depends(verifyToken)));
 * ```
 *
 * Routes after a layer stay unchanged: the head of their response is held until the middleware has finished.
 * A dependency alone is a guard: if it throws, the routes after it do not run. Throws `ADAPTER_TARGET`,
 * `UNKNOWN_OPTION`, and the errors of an invalid middleware or dependency.
 */
export function toExpress(
  target: Layer | Middleware | Endpoint | Declared<unknown>,
  options: ToExpressOptions = noOptions,
): ExpressHandler {
  const { errorTap = true } = options;
  checkOptions('toExpress()', options, knownOptions);
  checkOption('toExpress()', 'errorTap', errorTap, 'true or false', value => typeof value === 'boolean');
  if (isEndpoint(target)) return madeBy('toExpress', endpointHandler(target), target);
  const layer = toLayer('toExpress', target);
  const mount = isLayer(target) ? noteMount(layer, toExpress) : undefined;
  return madeBy('toExpress', layerHandler(layer, errorTap, mount), layer);
}

/**
 * Turns a Fetch handler into an Express handler: `app.use('/api', mountFetch(hono.fetch))`.
 *
 * It works before and after body parsers, streams in both directions, and is an endpoint inside the layers
 * around it. It receives the full url, including the mount path. Throws `FETCH_HANDLER`.
 */
export function mountFetch(handler: FetchHandler): ExpressHandler {
  return madeBy('mountFetch', endpointHandler(fetchEndpoint(handler)));
}

/**
 * Returns the value of a dependency in a native handler, with the same scope and exit as in an endpoint.
 *
 * ```ts
 * app.get('/orders', async (req, res) => {
 *   const db = await inject(req, Depends(getDb));
 *   res.json(await db.orders());
 * });
 * ```
 *
 * Several dependencies are passed by name. A block receives their values, and their exits wait for it:
 *
 * ```ts
 * await inject(req, { tx: Depends(getTx), user: Depends(getUser) }, async ({ tx, user }) => {
 *   res.json(await tx.ordersOf(user));
 * });
 * ```
 *
 * If the handler or the block fails, or the handler answers with a status of 500 or above, an exception is
 * thrown into the dependencies at their `yield`. Rejects with the error of a dependency or the block, and
 * with `INJECT_BLOCK`, `INJECT_OUTSIDE`, `INJECT_LATE` and `DEPENDENCY_EXITED`.
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
  // The handler's app may use another copy of Express than the layer's.
  if (req?.app && req.res && NativeExchange.of(req.res)?.isObserved) observeInner(req.app as ExpressApp);
  return injectAt(req?.res, wanted, block);
}

/**
 * Returns the background tasks of the request in a native handler; they run like those of an endpoint.
 *
 * ```ts
 * app.post('/orders', (req, res) => {
 *   backgroundTasks(req).addTask(sendMail, req.body.email);
 *   res.status(201).json({ ok: true });
 * });
 * ```
 *
 * They run after the response is sent and the dependencies have exited. If the handler fails or answers with
 * a status of 500 and above, they are dropped and reported, except those added with `{ when: 'always' }`.
 * Throws `TASK_OUTSIDE` without a layer; its `addTask` throws `TASK_LATE` once the tasks have run.
 */
export function backgroundTasks(req: InjectableRequest): BackgroundTasks {
  return tasksAt(req?.res);
}

/** The part of a request that `inject` and `backgroundTasks` need: Express' link to the response. */
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

/** Tests may mock a response with two or three methods, which cannot be held. */
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
