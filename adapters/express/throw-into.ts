import type { ExpressApp, ExpressNext, ExpressReq, ExpressRes } from './express-types.js';
import { leaveMounts } from './set-target.js';

/** The slot that holds an app's router. */
interface Routed {
  readonly stack: readonly object[];
}

/**
 * Throws an error into an app as if its first middleware had thrown it: only its error middleware runs, and
 * Express' error page if none of it answers.
 *
 * Both majors treat an exception in an entry's `match` as the error, and then skip everything but error
 * handlers.
 */
export function throwInto(app: ExpressApp, error: unknown, req: ExpressReq, res: ExpressRes): void {
  leaveMounts(req);
  // Express 4's getter throws.
  const name = app.lazyrouter ? '_router' : 'router';
  const failing = failingRouter(app[name] as Routed | undefined, error);
  const facade: unknown = Object.create(app, { [name]: { value: failing } });
  // Missing in Express' types.
  Reflect.apply(Reflect.get(app, 'handle'), facade, [req, res]);
}

/** An Express 4 app without routes has no router. */
function failingRouter(router: Routed | undefined, error: unknown): object {
  if (router === undefined)
    return { handle: (_req: unknown, _res: unknown, done: ExpressNext) => done(error) };
  const match = (): never => {
    throw error;
  };
  const stack = [{ match }, ...router.stack];
  return Object.create(router, { stack: { value: stack } });
}
