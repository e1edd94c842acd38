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
 * Turns a layer, a middleware, an endpoint or a dependency into a Koa middleware, for Koa 2 and 3.
 *
 * ```ts
 * app.use(toKoa(layer));
 * router.get('/items/:id', toKoa(readItem));
 * router.use('/admin', toKoa(Depends(verifyToken)));
 * ```
 *
 * Middleware after a layer stays unchanged, whether it sets `ctx.body` or writes to `ctx.res`; `callNext`
 * rejects with its errors. A dependency alone is a guard: if it throws, the middleware after it does not run.
 * Throws `ADAPTER_TARGET`, and the errors of an invalid middleware or dependency.
 */
export function toKoa(target: Layer | Middleware | Endpoint | Declared<unknown>): KoaHandler {
  if (isEndpoint(target)) return madeBy('toKoa', endpointHandler(target), target);
  const layer = toLayer('toKoa', target);
  const mount = isLayer(target) ? noteMount(layer, toKoa) : undefined;
  return madeBy('toKoa', layerHandler(layer, mount), layer);
}

/**
 * Turns a Fetch handler into a Koa handler: `app.use(mount('/api', mountFetch(hono.fetch)))`.
 *
 * It works before and after body parsers, streams in both directions, and is an endpoint inside the layers
 * around it. It receives the full url, including the mount path. Throws `FETCH_HANDLER`.
 */
export function mountFetch(handler: FetchHandler): KoaHandler {
  return madeBy('mountFetch', endpointHandler(fetchEndpoint(handler)));
}

/**
 * Returns the value of a dependency in a native middleware, with the same scope and exit as in an endpoint.
 *
 * ```ts
 * router.get('/orders', async ctx => {
 *   const db = await inject(ctx, Depends(getDb));
 *   ctx.body = await db.orders();
 * });
 * ```
 *
 * Several dependencies are passed by name. A block receives their values, and their exits wait for it:
 *
 * ```ts
 * await inject(ctx, { tx: Depends(getTx), user: Depends(getUser) }, async ({ tx, user }) => {
 *   ctx.body = await tx.ordersOf(user);
 * });
 * ```
 *
 * If the middleware or the block fails, or the middleware answers with a status of 500 or above, an exception
 * is thrown into the dependencies at their `yield`. Rejects with the error of a dependency or the block, and
 * with `INJECT_BLOCK`, `INJECT_OUTSIDE`, `INJECT_LATE` and `DEPENDENCY_EXITED`.
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
 * Returns the background tasks of the request in a native middleware; they run like those of an endpoint.
 *
 * ```ts
 * router.post('/orders', ctx => {
 *   backgroundTasks(ctx).addTask(sendMail, ctx.request.body.email);
 *   ctx.status = 201;
 * });
 * ```
 *
 * They run after the response is sent and the dependencies have exited. If the middleware fails or answers
 * with a status of 500 and above, they are dropped and reported, except those added with `{ when: 'always'
 * }`. Throws `TASK_OUTSIDE` without a layer; its `addTask` throws `TASK_LATE` once the tasks have run.
 */
export function backgroundTasks(ctx: InjectableContext): BackgroundTasks {
  return tasksAt(ctx?.res);
}

/** The part of a context that `inject` and `backgroundTasks` need. */
export interface InjectableContext {
  readonly res: object;
}
