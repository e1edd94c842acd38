import { toError } from '../../core/index.js';
import { NativeExchange } from '../node/index.js';
import type { ExpressApp, ExpressNext, ExpressReq, ExpressRes } from './express-types.js';

interface Stacked {
  readonly stack: { readonly handle: unknown }[];
}

/**
 * Sees to it that the last entry on the outermost app's stack is the tap: it gets the errors that no error handler of the
 * user has answered. Routes may be added at any time, so this is looked at on every request; it is one comparison then.
 */
export function placeErrorTap(req: ExpressReq): void {
  const app = outermostApp(req.app);
  // In this order: the getter `router` of Express 4 throws.
  const stack = ((app?._router ?? app?.router) as Stacked | undefined)?.stack;
  if (app === undefined || stack === undefined || stack.at(-1)?.handle === errorTap) return;
  const before = stack.findIndex(entry => entry.handle === errorTap);
  if (before >= 0) stack.push(...stack.splice(before, 1));
  else app.use(errorTap);
}

function outermostApp(app: ExpressApp | undefined): ExpressApp | undefined {
  let outermost = app;
  while (outermost?.parent) outermost = outermost.parent;
  return outermost;
}

/** An error handler, as Express knows one by its four parameters. */
function errorTap(error: unknown, _req: ExpressReq, res: ExpressRes, next: ExpressNext): void {
  const native = NativeExchange.of(res);
  if (!native || (native.passedOn !== undefined && native.passedOn === error)) return next(error);
  const frame = native.innermost;
  if (frame?.waits && frame.held.state === 'open') {
    native.passOn = next;
    native.settleError(undefined, error);
  } else if (native.wasAbandoned) {
    // A layer has answered in its place, and Express would cut a connection that serves other requests by now.
    native.settleError(undefined, error);
  } else if (native.holding) whenReleased(native, error, next);
  else next(error);
}

/** Natively the first answer is in the kernel by now, and Express would cut the connection before it got there. */
function whenReleased(native: NativeExchange, error: unknown, next: ExpressNext): void {
  const { holding } = native;
  if (holding) holding.afterRelease(() => whenReleased(native, error, next));
  else if (native.end.over || native.wasAbandoned || native.passedOn !== undefined) {
    native.exchange.report(toError(error), 'request');
  } else next(error);
}
