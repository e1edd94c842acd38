import {
  type BackgroundTasks,
  type Declared,
  type Dependencies,
  type Endpoint,
  isEndpoint,
  isLayer,
  type Layer,
  type Middleware,
  madeBy,
  type Named,
  noteMount,
  type Solved,
} from '../../core/adapter.js';
import { type FetchHandler, fetchEndpoint, injectAt, tasksAt, toLayer } from '../node/shared.js';
import { endpointHandler, layerHandler } from './handlers.js';
import type { KoaHandler } from './koa-types.js';

export type { FetchHandler } from '../node/shared.js';
export { errorBoundary } from './error-boundary.js';
export { fromKoa, type KoaMiddleware } from './from-koa.js';
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
 * Middleware that comes after a layer stays as it is, whether it sets `ctx.body` or writes to `ctx.res`; its
 * errors are what `callNext` rejects with. A dependency alone is a guard: what comes after it is reached only
 * where it does not throw. Throws `ADAPTER_TARGET`, and what a middleware or a dependency is refused with.
 */
export function toKoa(target: Layer | Middleware | Endpoint | Declared<unknown>): KoaHandler {
  if (isEndpoint(target)) return madeBy('toKoa', endpointHandler(target), target);
  const layer = toLayer('toKoa', target);
  const mount = isLayer(target) ? noteMount(layer, toKoa) : undefined;
  return madeBy('toKoa', layerHandler(layer, mount), layer);
}

/**
 * A handler of the Fetch kind as a Koa handler: `app.use(mount('/api', mountFetch(hono.fetch)))`.
 *
 * It works before and behind body parsers, streams both ways, and is an endpoint like any other: it takes
 * part in the layers around it. The url that it sees is the whole one, with the path at which it is mounted.
 * Throws `FETCH_HANDLER`.
 */
export function mountFetch(handler: FetchHandler): KoaHandler {
  return madeBy('mountFetch', endpointHandler(fetchEndpoint(handler)));
}

/**
 * The value of a dependency in a native middleware: the same value, scope and exit as in an endpoint of this
 * request.
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
export function inject<T>(ctx: InjectableContext, dependency: Declared<T>): Promise<T>;
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
  wanted: Declared<unknown> | Dependencies,
  block?: (values: never) => unknown,
): Promise<unknown> {
  return injectAt(ctx?.res, wanted, block);
}

/**
 * Returns the background tasks of the request, for a native middleware: those of an endpoint, with the same
 * order.
 *
 * ```ts
 * router.post('/orders', ctx => {
 *   backgroundTasks(ctx).addTask(sendMail, ctx.request.body.email);
 *   ctx.status = 201;
 * });
 * ```
 *
 * They run when the response is out and the dependencies have exited. If the middleware fails or answers with
 * a status of 500 and above, they are dropped and reported, except those added with `{ when: 'always' }`.
 * Throws `TASK_OUTSIDE` without a layer; its `addTask` throws `TASK_LATE` once the tasks have run.
 */
export function backgroundTasks(ctx: InjectableContext): BackgroundTasks {
  return tasksAt(ctx?.res);
}

/** What `inject` and `backgroundTasks` need of a context. */
export interface InjectableContext {
  readonly res: object;
}
