import { IncomingMessage, ServerResponse } from 'node:http';
import { type Client, isLayer, type Layer, type Middleware, misuse, noteMount } from '../../core/adapter.js';
import {
  listening,
  NativeExchange,
  type NativeRequest,
  type NodeListener,
  nameOn,
  openExchange,
  type PassOn,
  runInside,
  runOutermost,
  toLayer,
} from '../node/shared.js';
import { toDictionaryMode } from './dictionary-mode.js';
import { placeErrorTap } from './error-tap.js';
import { ExpressRequest } from './express-request.js';
import type { ExpressApp, ExpressReq, ExpressRes } from './express-types.js';
import { throwInto } from './throw-into.js';
import { watchHandlers } from './watch-handlers.js';
import { noteWrapped } from './wrapped-by.js';

/**
 * Returns a request listener with a layer around a whole Express app.
 *
 * ```ts
 * http.createServer(wrap(app, layer)).listen(3000);
 * ```
 *
 * The whole app is below the layer: its settings, its first middleware, its 404 and its error page.
 * `callNext` rejects with errors that the app's error middleware does not answer. Errors that the layer does
 * not handle go to the app's error middleware and to Express' error page. Throws `WRAP_APP` and
 * `ADAPTER_TARGET`.
 */
export function wrap(app: ExpressApp & NodeListener, target: Layer | Middleware): NodeListener {
  if (typeof app !== 'function' || typeof app.request !== 'object') throw misuse('WRAP_APP', app);
  const layer = toLayer('wrap', target);
  if (isLayer(target)) noteMount(layer, wrap);
  noteWrapped(app, layer);
  return function callnextApp(req, res) {
    watchHandlers(app);
    placeErrorTap(app);
    const passOn: PassOn = thrown => {
      const begun = new WrappedRequest(app, req, res as ExpressRes).raw;
      throwInto(app, thrown, begun.req, begun.res);
    };
    const outer = NativeExchange.join(res);
    const native = outer ?? openWrapped(app, req, res as ExpressRes, passOn);
    native.isObserved = true;
    const listen = (): unknown => app(native.req, native.res);
    if (outer) runInside(native, layer, listening, listen, passOn);
    else runOutermost(native, layer, listening, listen);
  };
}

function openWrapped(app: ExpressApp, req: NativeRequest, res: ExpressRes, passOn: PassOn): NativeExchange {
  // Dictionary mode is cheapest with the prototypes that Express will set, and before it adds properties.
  // Objects with other prototypes (a subclass, an outer app, HTTP/2) keep them until Express runs.
  if (isOf(req, IncomingMessage) && isOf(res, ServerResponse)) {
    Object.setPrototypeOf(req, app.request as object);
    Object.setPrototypeOf(res, app.response as object);
  }
  toDictionaryMode(req, res);
  const native = openExchange(req, res as never, new WrappedRequest(app, req, res), passOn);
  nameOn(req, native);
  return native;
}

function isOf(object: object, { prototype }: { readonly prototype: object }): boolean {
  return Object.getPrototypeOf(object) === prototype;
}

/** A request that Express has not received yet. */
class WrappedRequest extends ExpressRequest {
  readonly #app: ExpressApp;
  readonly #req: NativeRequest;
  readonly #res: ExpressRes;

  constructor(app: ExpressApp, req: NativeRequest, res: ExpressRes) {
    super(req as ExpressReq, res);
    this.#app = app;
    this.#req = req;
    this.#res = res;
  }

  override isSignal(thrown: unknown): boolean {
    return thrown === true || super.isSignal(thrown);
  }

  /**
   * Native middleware inside the onion runs before the app, and expects `req` and `res` as Express prepares
   * them.
   */
  override get raw(): { req: ExpressReq; res: ExpressRes } {
    this.#begin();
    if (!('locals' in this.#res)) {
      Object.setPrototypeOf(this.#res, this.#app.response as object);
      Object.assign(this.#req, { res: this.#res });
      Object.assign(this.#res, { req: this.#req, locals: Object.create(null) });
      this.#parseQuery();
    }
    return super.raw;
  }

  /** Applies the app's `trust proxy`, through the prototype that Express will set. */
  override get scheme(): string {
    this.#begin();
    return super.scheme;
  }

  override get host(): string | undefined {
    this.#begin();
    return super.host;
  }

  override get client(): Client | null {
    this.#begin();
    return super.client;
  }

  /** Express 4 parses the query in a middleware of its own, which keeps an existing one. */
  #parseQuery(): void {
    const parse = this.#app.get?.('query parser fn');
    if ('query' in this.#req || typeof parse !== 'function') return;
    Reflect.set(this.#req, 'query', parse(this.#req.url?.split('?')[1] ?? ''));
  }

  #begin(): void {
    if (!('protocol' in this.#req)) Object.setPrototypeOf(this.#req, this.#app.request as object);
  }
}
