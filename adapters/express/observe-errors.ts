import { goOnAfterError, NativeExchange, observe } from '../node/shared.js';
import {
  type Entry,
  type ExpressApp,
  type ExpressNext,
  isSignalToRouter,
  type Stacked,
} from './express-types.js';
import { endOf, endStack, routerOf } from './stack-end.js';

type HandleError = (this: Entry, error: unknown, req: unknown, res: object, next: ExpressNext) => unknown;

/** A registered symbol, so that two copies of the package patch a router only once. */
const patched: unique symbol = Symbol.for('callnext.observesErrors') as never;
const observed = new WeakSet<ExpressApp>();

/**
 * Observes the errors of an app that may be mounted in another one, with any copy of Express; once per app.
 */
export function observeInner(app: ExpressApp): void {
  if (observed.has(app)) return;
  observed.add(app);
  const router = routerOf(app);
  if (router) observeRouter(router, new Set());
}

/**
 * Patches the method with which routers call error handlers: every error passes through it before it is
 * answered. All routers of one copy of Express share it, and without an error it costs nothing. The tracing
 * channel of router 2.3 would slow down every handler.
 */
export function observeOutermost(app: ExpressApp): void {
  observed.add(app);
  observeStack(routerOf(app)?.stack ?? [], new Set());
}

/**
 * Covers mounted routers of other copies of Express. The stack of a mounted app cannot be reached from here.
 */
function observeStack(stack: readonly Entry[], seen: Set<unknown>): void {
  for (const entry of stack) {
    patchOnce(Object.getPrototypeOf(entry));
    const { handle } = entry as { handle?: Partial<Stacked> };
    if (Array.isArray(handle?.stack) && !seen.has(handle)) observeRouter(handle as Stacked, seen);
  }
}

function observeRouter(router: Stacked, seen: Set<unknown>): void {
  seen.add(router);
  observeStack(router.stack, seen);
  // An error of the last entry leaves its router in a timer, so add an entry that sees it synchronously.
  if (endOf(router) === undefined) endStack(router, 'passOn', passOn);
}

function passOn(error: unknown, _req: unknown, _res: unknown, next: ExpressNext): void {
  next(error);
}

/** Express 4 names it `handle_error`. */
function patchOnce(prototype: Entry & { [patched]?: true }): void {
  if (Object.hasOwn(prototype, patched)) return;
  for (const name of ['handleError', 'handle_error'] as const) {
    const original = Object.hasOwn(prototype, name) && prototype[name];
    if (typeof original !== 'function') continue;
    Object.defineProperty(prototype, patched, { value: true });
    prototype[name] = { [name]: observing(original as HandleError) }[name];
  }
}

function observing(original: HandleError): HandleError {
  return function (error, req, res, next) {
    const native = res && NativeExchange.of(res);
    if (!native?.isObserved || isSignalToRouter(error))
      return Reflect.apply(original, this, [error, req, res, next]);
    const goOn = (given: unknown): unknown =>
      Reflect.apply(original, this, [given, req, res, goingOn(this, native, next)]);
    return observe(native, error, goOn) ? undefined : goOn(error);
  };
}

/** The `next` of an error handler; called without an error, it means that the request has recovered. */
function goingOn({ handle }: Entry, native: NativeExchange, next: ExpressNext): ExpressNext {
  if (typeof handle !== 'function' || handle.length !== 4) return next;
  return given => {
    const left = isSignalToRouter(given) ? goOnAfterError(native) : undefined;
    if (left) left.then(() => next(given));
    else next(given);
  };
}
