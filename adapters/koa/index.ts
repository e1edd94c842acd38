import {
  answerEndpoint,
  asThrown,
  type Depends,
  type Endpoint,
  isEndpoint,
  type Layer,
  type Middleware,
  matchRoute,
  type Response,
  runExchange,
  runLayer,
} from '../../core/index.js';
import {
  answerAlone,
  bareLayer,
  type FetchHandler,
  fetchEndpoint,
  injectAt,
  NativeExchange,
  toLayer,
} from '../node/index.js';
import { KoaExchange, type KoaRun } from './koa-exchange.js';
import type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';

export type { FetchHandler } from '../node/index.js';
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
 * Throws `ADAPTER_TARGET`.
 */
export function toKoa(target: Layer | Middleware | Endpoint | Depends<unknown>): KoaHandler {
  return isEndpoint(target) ? endpointHandler(target) : layerHandler(toLayer('toKoa', target));
}

/**
 * A handler of the Fetch kind as a Koa handler: `app.use(mount('/api', mountFetch(hono.fetch)))`.
 *
 * It works before and behind body parsers, streams both ways, and is an endpoint as any other: it takes part in the layers around it. The
 * url that it sees is the whole one, with the path at which it is mounted. Throws `FETCH_HANDLER`.
 */
export function mountFetch(handler: FetchHandler): KoaHandler {
  return endpointHandler(fetchEndpoint(handler));
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
 * Where the middleware fails, or answers with a status of 500 and above, the dependency gets an exception thrown in at its
 * `yield`. Rejects with what the dependency throws, with `INJECT_OUTSIDE` and with `INJECT_LATE`.
 */
export function inject<T>(ctx: InjectableContext, dependency: Depends<T>): Promise<T> {
  return injectAt(ctx.res, dependency);
}

/** What `inject` needs of a context. */
export interface InjectableContext {
  readonly res: object;
}

function layerHandler(layer: Layer): KoaHandler {
  return async function callnextLayer(ctx, next) {
    const outer = exchangeOf(ctx);
    const koa = outer ?? new KoaExchange(ctx);
    const run: KoaRun = { frame: undefined, chain: undefined };
    const original = koa.exchange.request;
    const below = (request: typeof original): Promise<Response> => koa.below(run, request, original, next);
    if (outer) {
      const response = await runInner(koa, layer, below, run);
      koa.placeInner(run.frame, response);
    } else {
      void runExchange(koa.exchange, layer, below);
      await koa.handedBack;
    }
    await answered(run);
  };
}

async function runInner(
  koa: KoaExchange,
  layer: Layer,
  below: Parameters<typeof runLayer>[2],
  run: KoaRun,
): Promise<Response> {
  try {
    return await runLayer(koa.exchange, layer, below);
  } catch (thrown) {
    koa.drop(run.frame);
    throw thrown instanceof Error ? asThrown(thrown) : thrown;
  }
}

function endpointHandler(endpoint: Endpoint): KoaHandler {
  return async function callnextEndpoint(ctx: KoaContext, _next: KoaNext) {
    const outer = exchangeOf(ctx);
    const koa = outer ?? new KoaExchange(ctx);
    matchRoute(koa.exchange.request, ctx.params ?? {});
    if (outer) return koa.placeInner(undefined, await answerEndpoint(koa.exchange, endpoint));
    void runExchange(koa.exchange, bareLayer, answerAlone(koa.exchange, endpoint));
    await koa.handedBack;
  };
}

/** What is below has answered, and may still be at work: Koa goes on when it is through, as without the layer. */
async function answered({ frame, chain }: KoaRun): Promise<void> {
  if (frame?.received !== undefined) await chain;
}

function exchangeOf(ctx: KoaContext): KoaExchange | undefined {
  return NativeExchange.of(ctx.res) as KoaExchange | undefined;
}
