import type { ExpressApp, ExpressReq, ExpressRes } from './express-types.js';
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
  const match = (): never => {
    throw error;
  };
  // The getter of Express 4 throws.
  const name = app.lazyrouter ? '_router' : 'router';
  const router = (app[name] ?? { stack: [] }) as Routed;
  const stack = [{ match }, ...router.stack];
  const failing: unknown = Object.create(router, { stack: { value: stack } });
  const facade: unknown = Object.create(app, { [name]: { value: failing } });
  // It is not among the types of Express.
  Reflect.apply(Reflect.get(app, 'handle'), facade, [req, res]);
}
