import {
  answerEndpoint,
  asThrown,
  type Endpoint,
  isEndpoint,
  type Layer,
  type Middleware,
  matchRoute,
  type Response,
  runExchange,
  runLayer,
} from '../../core/index.js';
import { answerAlone, bareLayer, NativeExchange, toLayer } from '../node/index.js';
import { KoaExchange, type KoaRun } from './koa-exchange.js';
import type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';

export type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';

/**
 * A layer, a single middleware or an endpoint as a Koa middleware, on Koa 2 and 3.
 *
 * ```ts
 * app.use(toKoa(layer));
 * router.get('/items/:id', toKoa(readItem));
 * ```
 *
 * Middleware that comes after a layer stays as it is, whether it sets `ctx.body` or writes to `ctx.res`; its errors are
 * what `callNext` rejects with. Throws `ADAPTER_TARGET`.
 */
export function toKoa(target: Layer | Middleware | Endpoint): KoaHandler {
  return isEndpoint(target) ? endpointHandler(target) : layerHandler(toLayer('toKoa', target));
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
