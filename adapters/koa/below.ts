import { Readable, Stream } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asThrown, followTarget, goesOn, type Request, type Response, toError } from '../../core/adapter.js';
import {
  answeredLate,
  applyTo,
  belowMount,
  callNative,
  current,
  goOnIn,
  leaveInside,
  runBelow,
  type Waiter,
  waitAmong,
  waitBelow,
} from '../node/shared.js';
import { answerableChunks } from './answerable.js';
import { contentOf, reasonOf } from './context-content.js';
import { contextView } from './context-head.js';
import { stateOf } from './context-state.js';
import type { KoaFramework } from './framework.js';
import type { KoaExchange } from './koa-exchange.js';
import type { KoaContext, KoaNext } from './koa-types.js';
import { runMarked } from './late-code.js';
import { nativeFailed } from './late-failure.js';
import { toldOnce } from './own-bodies.js';
import { failOut, placeInner, takePlaced } from './place.js';

/**
 * Calls the middleware below. Resolves when it has answered, on the context or on the native response.
 */
export function goBelow(koa: KoaExchange, own: Waiter, request: Request, next: KoaNext): Promise<Response> {
  applyTarget(koa, request);
  waitBelow(koa.native, own);
  return runChain(koa, own, next);
}

/** Runs a middleware of Koa as one of a layer's. */
export function runAmong(
  koa: KoaExchange,
  request: Request,
  callNext: (request: Request) => Promise<Response>,
  middleware: (ctx: KoaContext, next: KoaNext) => unknown,
): Promise<Response> {
  const { native, ctx } = koa;
  const own = current(native);
  applyTarget(koa, request);
  const waiter = waitAmong(native, own);
  const next = async (): Promise<void> => {
    try {
      followTarget(request);
      const response = await goOnIn(native, own, () => callNext(request));
      placeInner(koa, leaveInside(native, own, waiter), response);
    } catch (thrown) {
      failOut(koa, leaveInside(native, own, waiter));
      throw asThrown(toError(thrown));
    }
  };
  return runChain(koa, waiter, async () => {
    await middleware(ctx, next);
  });
}

function applyTarget({ native, ctx }: KoaExchange, request: Request): void {
  const { mount } = native.framework as KoaFramework;
  applyTo(native, request, target => {
    ctx.url = belowMount(target, mount);
  });
}

function runChain(koa: KoaExchange, waiter: Waiter, next: KoaNext): Promise<Response> {
  const { native, ctx } = koa;
  waiter.before = stateOf(ctx);
  koa.outermost ??= waiter;
  const goOn = koa.isMarked ? () => runMarked(waiter, next) : next;
  waiter.chain = callNative(native, () => promised(() => runBelow(native, goOn)));
  waiter.chain.then(
    () => fulfilled(koa, waiter),
    error => {
      if (!waiter.waits) nativeFailed(koa, waiter, error);
      if (waiter.waits) waiter.reject(error);
    },
  );
  return waiter.answer;
}

/** koa-compose returns promises of the platform; anything else is made one. */
function promised(run: () => unknown): Promise<unknown> {
  try {
    const returned = run();
    return returned instanceof Promise ? returned : Promise.resolve(returned);
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** What Koa runs below has finished. */
function fulfilled(koa: KoaExchange, waiter: Waiter): void {
  const { native, ctx } = koa;
  native.calls.ended(waiter.chain);
  // It would go on on the native response, which a layer has answered meanwhile.
  if (koa.answersByItself) return void answeredLate(native, waiter);
  if (ctx.body instanceof Stream) koa.bodies.watch(ctx.body);
  if (!waiter.waits) return waiter.hold.whenStarved(() => answerFromContext(koa));
  const placed = takePlaced(koa);
  const view = placed ?? contextView(ctx, koa);
  if (answeredLate(native, waiter)) return placed ? undefined : native.exchange.replaced(view);
  if (placed) goesOn(native.exchange, placed);
  waiter.answered(view);
}

/**
 * The head was made on the native response, and the body is still on the context: who reads it cannot wait
 * for Koa.
 */
function answerFromContext(koa: KoaExchange): void {
  const { ctx, native } = koa;
  const { res, root, exchange } = native;
  if (koa.answersByItself || root?.ended) return;
  koa.takeFromKoa();
  const content = contentOf(ctx, ctx.body, reasonOf(ctx));
  if (content === null || typeof content === 'string' || content instanceof Uint8Array)
    return void res.end(content ?? '');
  const chunks = toldOnce(answerableChunks(content), error => {
    native.waiters.holding?.tape.fail(error);
    res.destroy();
  });
  pipeline(Readable.from(chunks), res).catch(error => {
    koa.failed(error);
    exchange.reports.tell(toError(error), 'response');
  });
}
