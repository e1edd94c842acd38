import { readTarget } from '../node/shared.js';
import type {
  Entry,
  ExpressApp,
  ExpressErrorHandler,
  ExpressNext,
  ExpressReq,
  ExpressRes,
  Stacked,
} from './express-types.js';

/** A registered symbol, so that two copies of the package do not keep appending behind each other. */
const endKey: unique symbol = Symbol.for('callnext.stackEnd') as never;
/** Disables the previous end of a router's stack. */
const retirements = new WeakMap<Stacked, () => void>();

/** `tap` receives unanswered errors. `passOn` observes errors and passes them on. */
type End = 'tap' | 'passOn';

/** Express 4 creates the router on the first mount; its getter `router` throws. */
export function routerOf(app: ExpressApp): Stacked | undefined {
  return (app.lazyrouter ? app._router : app.router) as Stacked | undefined;
}

/**
 * The purpose of our last entry on a router's stack; `undefined` if our entry is missing or no longer last.
 */
export function endOf({ stack }: Stacked): End | undefined {
  return markOf(stack.at(-1));
}

function markOf(entry: Entry | undefined): End | undefined {
  return (entry?.handle as { [endKey]?: End } | undefined)?.[endKey];
}

/**
 * Puts an error handler last on a router's stack. Requests without an error pass it unchanged, after a call
 * of `reached`.
 *
 * A router calls `done` synchronously if its last entries did not match, and with `setImmediate` if the last
 * one called `next`. An entry after ours that never matches keeps that timing.
 */
export function endStack(
  router: Stacked,
  as: End,
  handleError: ExpressErrorHandler,
  reached: (req: ExpressReq, res: ExpressRes) => void = () => undefined,
): void {
  const { stack } = router;
  retirements.get(router)?.();
  let isRetired = false;
  // Never reorder the stack, because requests may be walking it.
  retirements.set(router, () => {
    isRetired = true;
  });
  const leaving = (req: ExpressReq, next: ExpressNext): ExpressNext => {
    return error =>
      stack.at(-1) === guard && isLeftByLast(stack, req) ? setImmediate(next, error) : next(error);
  };
  const end = added(router, as, (error, req, res, next) => handleError(error, req, res, leaving(req, next)));
  const matches = end.match;
  end.match = function match(path) {
    return isRetired ? false : matches.call(this, path);
  };
  const goOn = (req: ExpressReq, res: ExpressRes, next: ExpressNext): void => {
    reached(req, res);
    leaving(req, next)();
  };
  Object.assign(end, { handleRequest: goOn, handle_request: goOn });
  const guard = added(router, as, (error, _req, _res, next) => next(error));
  guard.match = () => false;
}

/** Adds a handler; Express recognizes an error handler by its four parameters. */
function added(router: Stacked, as: End, handler: ExpressErrorHandler): Entry {
  Object.defineProperty(handler, endKey, { value: as });
  router.use(handler);
  return router.stack.at(-1) as Entry;
}

/** Whether the app's own last entry ran for a request and called `next`. */
function isLeftByLast(stack: readonly Entry[], req: ExpressReq): boolean {
  const last = stack.findLast(entry => markOf(entry) === undefined);
  if (last === undefined || (last.route !== undefined && last.route !== req.route)) return false;
  try {
    return Boolean(last.match(readTarget(req.url ?? '').path ?? ''));
  } catch {
    // The path cannot be decoded.
    return false;
  }
}
