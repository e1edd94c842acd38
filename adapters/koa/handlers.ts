import {
  answerEndpoint,
  asThrown,
  type Below,
  type Endpoint,
  type Layer,
  type Mount,
  matchRoute,
  misuse,
  type Request,
  type Response,
  runExchange,
  runLayer,
  toError,
} from '../../core/adapter.js';
import {
  answerAlone,
  bareLayer,
  begin,
  end,
  NativeExchange,
  runEndpoint,
  saysClosed,
  type Waiter,
} from '../node/shared.js';
import { goBelow } from './below.js';
import type { KoaExchange } from './koa-exchange.js';
import type { KoaContext, KoaHandler, KoaNext } from './koa-types.js';
import { areContextsCheap } from './late-code.js';
import { isFirstOf, routesBefore } from './mount-order.js';
import { joinAt, onContext, openOnKoa } from './open-exchange.js';
import { failOut, placeInner } from './place.js';
import { routerParams } from './router-params.js';
import { refuseExpress } from './wrong-framework.js';

/** A layer as a middleware of Koa. */
export function layerHandler(layer: Layer, mount: Mount | undefined): KoaHandler {
  let isPlaceChecked = false;
  let seen: object | undefined;
  let isFirst = false;
  const checkPlace = (koa: KoaExchange): void => {
    isPlaceChecked = true;
    const routes = mount && routesBefore(koa.ctx, handler);
    if (routes)
      koa.native.exchange.reports.tell(misuse('LAYER_AFTER_ROUTES', mount.place, routes), 'request');
  };
  const handler = async function callnextLayer(
    ctx: KoaContext,
    next: KoaNext,
    ofExpress: unknown = undefined,
  ): Promise<void> {
    if (typeof next !== 'function') return refuseExpress(ofExpress);
    const outer = joinAt(ctx);
    const koa = outer ?? openOnKoa(ctx);
    if (ctx.app !== seen) [seen, isFirst] = [ctx.app, isFirstOf(ctx, handler)];
    koa.isFirst = isFirst && outer === undefined;
    koa.isMarked = areContextsCheap && !koa.isFirst;
    const own = begin(koa.native, layer);
    const below = (request: Request): Promise<Response> => {
      if (!isPlaceChecked) checkPlace(koa);
      return goBelow(koa, own, request, next);
    };
    if (outer) {
      const response = await runInner(koa, layer, below, own);
      placeInner(koa, end(koa.native, own), response);
    } else {
      void runExchange(koa.native.exchange, layer, below);
      await koa.handedBack;
    }
    await answered(koa, own);
  };
  return handler;
}

async function runInner(koa: KoaExchange, layer: Layer, below: Below, own: Waiter): Promise<Response> {
  try {
    return await runLayer(koa.native.exchange, layer, below);
  } catch (thrown) {
    failOut(koa, end(koa.native, own));
    throw asThrown(toError(thrown));
  }
}

/** An endpoint as a middleware of Koa. */
export function endpointHandler(endpoint: Endpoint): KoaHandler {
  return async function callnextEndpoint(ctx: KoaContext, next: KoaNext, ofExpress: unknown = undefined) {
    if (typeof next === 'object') return refuseExpress(ofExpress);
    const around = NativeExchange.join(ctx.res);
    const outer = around && onContext(ctx, around);
    if (around && !outer) return answerPastKoa(ctx, around, endpoint);
    const koa = outer ?? openOnKoa(ctx);
    const { exchange } = koa.native;
    matchRoute(exchange.request, routerParams(ctx));
    if (outer) return placeInner(koa, undefined, await answerEndpoint(exchange, endpoint));
    void runExchange(exchange, bareLayer, answerAlone(exchange, endpoint));
    await koa.handedBack;
  };
}

/** The layer around is another app's, which does not see this context: it gets the answer itself. */
function answerPastKoa(ctx: KoaContext, outer: NativeExchange, endpoint: Endpoint): Promise<void> {
  ctx.respond = false;
  matchRoute(outer.exchange.request, routerParams(ctx));
  return runEndpoint(outer, endpoint);
}

/**
 * What is below has answered and may still be running: Koa continues when it has finished, as without the
 * layer.
 */
async function answered({ native }: KoaExchange, own: Waiter): Promise<void> {
  const first = own.line?.[0] ?? own;
  if (first.received === undefined) return;
  try {
    await first.chain;
  } catch (thrown) {
    const isGone = native.end.over?.outcome === 'aborted';
    if (isGone || !saysClosed(native, thrown)) throw thrown;
  }
}
