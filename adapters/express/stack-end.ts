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

/** By this symbol, so that two copies of the package do not each put theirs behind the other's. */
const endKey: unique symbol = Symbol.for('callnext.stackEnd') as never;
/** Takes the end that a router has out of use. */
const retirements = new WeakMap<Stacked, () => void>();

/** `tap`: it gets the errors that nobody has answered. `passOn`: errors are observed there, and go on. */
type End = 'tap' | 'passOn';

/** An app of Express 4 has a router when something is mounted; its getter `router` throws. */
export function routerOf(app: ExpressApp): Stacked | undefined {
  return (app.lazyrouter ? app._router : app.router) as Stacked | undefined;
}

/**
 * What our entry at the end of a router's stack is for; `undefined` unless it is there and still the last
 * one.
 */
export function endOf({ stack }: Stacked): End | undefined {
  return markOf(stack.at(-1));
}

function markOf(entry: Entry | undefined): End | undefined {
  return (entry?.handle as { [endKey]?: End } | undefined)?.[endKey];
}

/**
 * Puts an error handler last on a router's stack. Requests without an error leave the router as if it were
 * not there; `reached` is called for them.
 *
 * A router calls its `done` at once where the last entries did not match, and by `setImmediate` where the
 * last one called `next`. Behind our handler stands an entry that never matches, so that our `next` leads to
 * `done` at once.
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
  // Requests may be on their way along the stack, so that nothing in it moves.
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

/** The entry of a handler: Express knows one for errors by its four parameters. */
function added(router: Stacked, as: End, handler: ExpressErrorHandler): Entry {
  Object.defineProperty(handler, endKey, { value: as });
  router.use(handler);
  return router.stack.at(-1) as Entry;
}

/** Whether the last entry of the app's own was called for a request, and has gone on. */
function isLeftByLast(stack: readonly Entry[], req: ExpressReq): boolean {
  const last = stack.findLast(entry => markOf(entry) === undefined);
  if (last === undefined || (last.route !== undefined && last.route !== req.route)) return false;
  try {
    return Boolean(last.match(readTarget(req.url ?? '').path ?? ''));
  } catch {
    // A path that cannot be decoded.
    return false;
  }
}
