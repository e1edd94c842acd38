import {
  answerEndpoint,
  asThrown,
  type BackgroundTasks,
  type Dependencies,
  type Depends,
  type Endpoint,
  freeze,
  isClass,
  isEndpoint,
  isInside,
  isLayer,
  type Layer,
  type Middleware,
  type Mount,
  madeBy,
  matchRoute,
  misuse,
  type Named,
  noteMount,
  optionsOf,
  type Request,
  type Response,
  runExchange,
  runLayer,
  type Solved,
  toError,
} from '../../core/adapter.js';
import {
  answerAlone,
  bareLayer,
  type FetchHandler,
  fetchEndpoint,
  injectAt,
  type LayerRun,
  NativeExchange,
  tasksAt,
  toLayer,
} from '../node/shared.js';
import { KoaExchange } from './koa-exchange.js';
import type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';
import { routesBefore } from './mount-order.js';
import { routerParams } from './router-params.js';

export type { FetchHandler } from '../node/shared.js';
export type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';

/**
 * A layer, a single middleware, an endpoint or a dependency as a Koa middleware, on Koa 2 and 3.
 *
 * ```ts
 * app.use(toKoa(layer));
 * router.get('/items/:id', toKoa(readItem));
 * router.use('/admin', toKoa(Depends(verifyToken)));
 * ```
 *
 * Middleware that comes after a layer stays as it is, whether it sets `ctx.body` or writes to `ctx.res`; its errors are
 * what `callNext` rejects with. A dependency alone is a guard: what comes after it is reached only where it does not throw.
 * Throws `ADAPTER_TARGET`, and what a middleware or a dependency is refused with.
 */
export function toKoa(target: Layer | Middleware | Endpoint | Depends<unknown>): KoaHandler {
  if (isEndpoint(target)) return madeBy('toKoa', endpointHandler(target));
  const layer = toLayer('toKoa', target);
  const mount = isLayer(target) ? noteMount(layer, toKoa) : undefined;
  return madeBy('toKoa', layerHandler(layer, mount));
}

/**
 * Lets a layer see the errors that the app's own error middleware answers below it: a Koa middleware to mount right below that one.
 *
 * ```ts
 * app.use(toKoa(layer));
 * app.use(renderErrors);
 * app.use(errorBoundary(layer));
 * ```
 *
 * The error goes on as it was thrown, and `callNext` resolves with what answers it; before that it is thrown into the open dependencies. Not needed
 * where the layer stands below the error middleware. Throws `ERROR_BOUNDARY`.
 */
export function errorBoundary(layer: Layer): KoaHandler {
  if (!isLayer(layer)) throw misuse('ERROR_BOUNDARY', layer);
  return async function callnextErrorBoundary(
    ctx: KoaContext,
    next: KoaNext,
    ofExpress: unknown = undefined,
  ) {
    if (typeof next !== 'function') return refuseExpress(ofExpress, 'errorBoundary');
    try {
      await next();
    } catch (thrown) {
      const koa = exchangeOf(ctx);
      if (koa && isInside(koa.exchange, freeze(layer))) koa.observeBelow(thrown);
      throw thrown;
    }
  };
}

/**
 * A handler of the Fetch kind as a Koa handler: `app.use(mount('/api', mountFetch(hono.fetch)))`.
 *
 * It works before and behind body parsers, streams both ways, and is an endpoint as any other: it takes part in the layers around it. The
 * url that it sees is the whole one, with the path at which it is mounted. Throws `FETCH_HANDLER`.
 */
export function mountFetch(handler: FetchHandler): KoaHandler {
  return madeBy('mountFetch', endpointHandler(fetchEndpoint(handler)));
}

/**
 * The value of a dependency in a native middleware: the same value, scope and exit as in an endpoint of this request.
 *
 * ```ts
 * router.get('/orders', async ctx => {
 *   const db = await inject(ctx, Depends(getDb));
 *   ctx.body = await db.orders();
 * });
 * ```
 *
 * Takes several by name, too. A block is given their values, and their exits wait for it:
 *
 * ```ts
 * await inject(ctx, { tx: Depends(getTx), user: Depends(getUser) }, async ({ tx, user }) => {
 *   ctx.body = await tx.ordersOf(user);
 * });
 * ```
 *
 * Where the middleware or the block fails, or the middleware answers with a status of 500 and above, the
 * dependencies get an exception thrown in at their `yield`. Rejects with what a dependency or the block
 * throws, and with `INJECT_BLOCK`, `INJECT_OUTSIDE`, `INJECT_LATE` and `DEPENDENCY_EXITED`.
 */
export function inject<T>(ctx: InjectableContext, dependency: Depends<T>): Promise<T>;
export function inject<D extends Dependencies>(
  ctx: InjectableContext,
  dependencies: Named<D>,
): Promise<Solved<D>>;
export function inject<D extends Dependencies, Result>(
  ctx: InjectableContext,
  dependencies: Named<D>,
  block: (values: Solved<D>) => Result,
): Promise<Awaited<Result>>;
export function inject(
  ctx: InjectableContext,
  wanted: Depends<unknown> | Dependencies,
  block?: (values: never) => unknown,
): Promise<unknown> {
  return injectAt(ctx?.res, wanted, block);
}

/**
 * Returns the background tasks of the request, for a native middleware: those of an endpoint, with the same order.
 *
 * ```ts
 * router.post('/orders', ctx => {
 *   backgroundTasks(ctx).addTask(sendMail, ctx.request.body.email);
 *   ctx.status = 201;
 * });
 * ```
 *
 * They run when the response is out and the dependencies have exited. If the middleware fails or answers with a
 * status of 500 and above, they are dropped and reported, except those added with `{ when: 'always' }`.
 * Throws `TASK_OUTSIDE` without a layer; its `addTask` throws `TASK_LATE` once the tasks have run.
 */
export function backgroundTasks(ctx: InjectableContext): BackgroundTasks {
  return tasksAt(ctx?.res);
}

/** What `inject` and `backgroundTasks` need of a context. */
export interface InjectableContext {
  readonly res: object;
}

/**
 * A middleware of Koa as one of ours, at its place among them.
 *
 * ```ts
 * layer.addMiddleware(fromKoa(cors()));
 * ```
 *
 * What it makes of the context is the response that the middleware further out gets; `await next()` resolves when what is below has answered, with the response on
 * the context, and rejects as natively. Throws `FROM_NATIVE` when it is built, and in a request of another framework.
 */
export function fromKoa(middleware: KoaMiddleware): Middleware {
  const wrong = (what: string, received: unknown): Error => misuse('FROM_NATIVE', 'fromKoa', what, received);
  if (typeof middleware !== 'function' || middleware.length > 2 || isClass(middleware))
    throw wrong('takes a middleware (ctx, next) of Koa', middleware);
  if (optionsOf(middleware as unknown as Middleware))
    throw wrong('takes a middleware of Koa, and one of callnext is added as it is', middleware);
  const run = (ctx: KoaContext, next: KoaNext): unknown => {
    const returned = middleware(ctx as never, next);
    if (typeof returned === 'function') throw wrong(uncalled, middleware);
    return returned;
  };
  const named: Middleware = (request, callNext) => {
    const { res } = (request.raw ?? {}) as { res?: object };
    const koa = res && NativeExchange.of(res);
    if (koa?.host !== 'koa') throw wrong('runs in requests of Koa only', request.raw);
    return (koa as KoaExchange).among(request, callNext, run);
  };
  return Object.defineProperty(named, 'name', { value: middleware.name || 'fromKoa' });
}

/** `cors` itself in place of `cors()`: nothing below would run. */
const uncalled = 'takes a middleware, and was given a function that makes one: call it first';

/** A middleware of Koa: `(ctx, next)`. Its own types may ask for more of the context. */
export type KoaMiddleware = (ctx: never, next: KoaNext) => unknown;

function layerHandler(layer: Layer, mount: Mount | undefined): KoaHandler {
  let isPlaceChecked = false;
  const checkPlace = (koa: KoaExchange): void => {
    isPlaceChecked = true;
    const routes = mount && routesBefore(koa.ctx, handler);
    if (routes) koa.exchange.reports.tell(misuse('LAYER_AFTER_ROUTES', mount.place, routes), 'request');
  };
  const handler = async function callnextLayer(
    ctx: KoaContext,
    next: KoaNext,
    ofExpress: unknown = undefined,
  ): Promise<void> {
    if (typeof next !== 'function') return refuseExpress(ofExpress);
    const outer = exchangeOf(ctx);
    const koa = outer ?? new KoaExchange(ctx);
    const run = koa.beginRun();
    const below = (request: Request): Promise<Response> => {
      if (!isPlaceChecked) checkPlace(koa);
      return koa.below(run, request, next);
    };
    if (outer) {
      const response = await runInner(koa, layer, below, run);
      koa.placeInner(koa.endRun(run), response);
    } else {
      void runExchange(koa.exchange, layer, below);
      await koa.handedBack;
    }
    await answered(koa, run);
  };
  return handler;
}

/** Express 4 would leave a rejection unhandled, and the request open. */
function refuseExpress(next: unknown, made = 'toKoa'): void {
  const right = made === 'toKoa' ? 'toExpress' : made;
  const error = misuse('WRONG_FRAMEWORK', made, 'an Express app', `\`${right}()\` from \`callnext/express\``);
  if (typeof next !== 'function') throw error;
  next(error);
}

async function runInner(
  koa: KoaExchange,
  layer: Layer,
  below: Parameters<typeof runLayer>[2],
  run: LayerRun,
): Promise<Response> {
  try {
    return await runLayer(koa.exchange, layer, below);
  } catch (thrown) {
    koa.failOut(koa.endRun(run));
    throw asThrown(toError(thrown));
  }
}

function endpointHandler(endpoint: Endpoint): KoaHandler {
  return async function callnextEndpoint(ctx: KoaContext, next: KoaNext, ofExpress: unknown = undefined) {
    if (typeof next === 'object') return refuseExpress(ofExpress);
    const outer = NativeExchange.join(ctx.res);
    if (outer && !isOn(ctx, outer)) return answerPastKoa(ctx, outer, endpoint);
    const koa = outer ?? new KoaExchange(ctx);
    matchRoute(koa.exchange.request, routerParams(ctx));
    if (outer) return koa.placeInner(undefined, await answerEndpoint(koa.exchange, endpoint));
    void runExchange(koa.exchange, bareLayer, answerAlone(koa.exchange, endpoint));
    await koa.handedBack;
  };
}

/** The layer around is another app's, which does not see this context: it gets the answer itself. */
function answerPastKoa(ctx: KoaContext, outer: NativeExchange, endpoint: Endpoint): Promise<void> {
  ctx.respond = false;
  matchRoute(outer.exchange.request, routerParams(ctx));
  return outer.runEndpoint(endpoint);
}

/** What is below has answered, and may still be at work: Koa goes on when it is through, as without the layer. */
async function answered(koa: KoaExchange, { frames, chain }: LayerRun): Promise<void> {
  if (frames[0]?.received === undefined) return;
  try {
    await chain;
  } catch (thrown) {
    const isGone = koa.end.over?.outcome === 'aborted';
    if (isGone || !koa.saysClosed(thrown)) throw thrown;
  }
}

/** Throws `APP_INSIDE_APP`: two layers would wait for the answers of two contexts. */
function exchangeOf(ctx: KoaContext): KoaExchange | undefined {
  const outer = NativeExchange.join(ctx.res);
  if (outer && !isOn(ctx, outer)) throw misuse('APP_INSIDE_APP');
  return outer;
}

/** Whether an exchange is that of this context, which may have been derived from the one that it began with. */
function isOn(ctx: KoaContext, native: NativeExchange): native is KoaExchange {
  return native.host === 'koa' && (native as KoaExchange).ctx.response === ctx.response;
}
