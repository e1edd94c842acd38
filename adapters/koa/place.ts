import { headOf, moveResponse, openedBodyOf, type Response } from '../../core/adapter.js';
import { answeredTooLate, bypass, finish, type Hold, keep, leave, type Waiter } from '../node/shared.js';
import { ContextHead, viewed } from './context-head.js';
import { type ContextState, restoreContext, undoLateBody } from './context-state.js';
import type { KoaExchange } from './koa-exchange.js';
import { applyToContext, putBack } from './place-on-context.js';

/** Whether a response is the one on the context, as the middleware sees it. */
export function isView({ ctx }: KoaExchange, response: Response): boolean {
  return viewed(ctx, response) !== undefined;
}

/** Puts a response onto the context: the one that a middleware has received there, or one of ours. */
export function place(koa: KoaExchange, waiter: Waiter | undefined, response: Response): void {
  const { ctx, native } = koa;
  if (isView(koa, response)) {
    if (native.root?.state !== 'held') koa.knownBodies?.throwFailure();
    if (native.waiters.wasLeft) undoLateBody(ctx, viewed(ctx, response)?.body);
    putBack(ctx, response);
  } else {
    if (waiter && response !== waiter.received) waiter.baseOf(response).restore(native.res);
    koa.hasPlacedReset = response.status === 205;
    keep(native, applyToContext(ctx, response));
  }
}

/** An inner layer or an endpoint has answered: those around it see its response on the context. */
export function placeInner(koa: KoaExchange, waiter: Waiter | undefined, response: Response): void {
  const { native } = koa;
  if (waiter) leave(native, waiter, response);
  if (native.waiters.wasLeft) koa.guardAnswer(false);
  const { innermost } = native.waiters;
  // Somebody further out did not wait and has answered: the context is no longer this one's to change.
  if (!innermost?.waits) return answeredTooLate(native, response);
  // Native code has taken the connection over: there is no context to put anything on.
  if (native.end.isAnsweredElsewhere) return innermost.answered(response);
  // What is held is the same response for those further out.
  if (waiter?.hold.state === 'held') return handOn(koa, waiter.hold, response);
  // Koa's own answer goes through the methods that native code has put on the response.
  if (waiter && waiter.hold !== native.root && waiter.hold.waiters.length === 0) waiter.hold.release();
  // What was to answer on the native response was not waited for, or has gone on: nothing on the context
  // would be sent.
  if (koa.answersByItself && !isView(koa, response)) return innermost.answered(response);
  try {
    place(koa, waiter, response);
    moveOnto(koa, response);
  } finally {
    native.exchange.replaced(response);
  }
}

/**
 * Whoever is further out gets this very response, as long as native code in between leaves its body on the
 * context.
 */
function moveOnto(koa: KoaExchange, response: Response): void {
  const body = openedBodyOf(response);
  const isRead = body !== undefined && (body.taken || body.isBeingRead);
  koa.placed = isRead ? undefined : response;
  if (!isRead && !isView(koa, response)) moveResponse(response, new ContextHead(koa.ctx, koa));
}

/** The response on the context when native code has finished. */
export function takePlaced(koa: KoaExchange): Response | undefined {
  const { placed, ctx } = koa;
  koa.placed = undefined;
  if (placed === undefined || viewed(ctx, placed)?.body === ctx.body) return placed;
  headOf(placed).seal();
  return undefined;
}

/**
 * Gives what is held to the next layer. Without one, methods of native code stand between this hold and the
 * next one.
 */
function handOn(koa: KoaExchange, hold: Hold, response: Response): void {
  const { native } = koa;
  const next = hold.waiters.at(-1);
  if (!isView(koa, response)) return next ? next.answered(response) : finish(native, hold, response);
  // Koa 2 answers on the native response where a body on the context fails, whoever reads that.
  native.exchange.replaced(response);
  if (next) next.answered(hold.view);
  else hold.release();
}

/** An exception travels on by itself, out of a layer: what was answered below is not sent. */
export function failOut(koa: KoaExchange, waiter: Waiter | undefined): void {
  if (waiter === undefined) return;
  leave(koa.native, waiter, undefined);
  if (koa.native.waiters.wasLeft) koa.guardAnswer(false);
  if (waiter.received && waiter.hold.state === 'held') failOutOf(koa, waiter);
  // Somebody further out did not wait and has answered on the context.
  if (koa.native.waiters.innermost?.waits) undo(koa, waiter);
}

/** An answer on the native response is not sent, unless it goes on: then it stands for those further out. */
function failOutOf({ native }: KoaExchange, { hold, entry }: Waiter): void {
  if (!hold.ended) return hold.waiters.at(-1)?.answered(hold.view);
  hold.bypass();
  bypass(native, hold.previous, false, entry);
}

/** Puts the context back to where a middleware had called `callNext`. */
export function undo({ ctx }: KoaExchange, waiter: Waiter | undefined): void {
  if (waiter?.received) restoreContext(ctx, waiter.entry, waiter.before as ContextState);
}
