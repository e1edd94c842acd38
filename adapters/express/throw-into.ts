import type { ExpressApp, ExpressNext, ExpressReq, ExpressRes } from './express-types.js';
import { leaveMounts } from './set-target.js';

/** What stands for the stack of a router. */
interface Routed {
  readonly stack: readonly object[];
}

/**
 * Gives an error to an app as if the first thing on its stack had thrown it: to its error middleware, and to
 * the page of Express where none of that answers. Nothing else of the app runs.
 *
 * Both majors take what the `match` of an entry throws for the error, and pass over all but error handlers
 * then.
 */
export function throwInto(app: ExpressApp, error: unknown, req: ExpressReq, res: ExpressRes): void {
  leaveMounts(req);
  // The getter of Express 4 throws.
  const name = app.lazyrouter ? '_router' : 'router';
  const failing = failingRouter(app[name] as Routed | undefined, error);
  const facade: unknown = Object.create(app, { [name]: { value: failing } });
  // It is not among the types of Express.
  Reflect.apply(Reflect.get(app, 'handle'), facade, [req, res]);
}

/** An app of Express 4 without routes has no router. */
function failingRouter(router: Routed | undefined, error: unknown): object {
  if (router === undefined)
    return { handle: (_req: unknown, _res: unknown, done: ExpressNext) => done(error) };
  const match = (): never => {
    throw error;
  };
  const stack = [{ match }, ...router.stack];
  return Object.create(router, { stack: { value: stack } });
}
