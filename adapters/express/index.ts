import {
  type Endpoint,
  isEndpoint,
  type Layer,
  type Middleware,
  matchRoute,
  runExchange,
  runLayer,
} from '../../core/index.js';
import {
  answerAlone,
  applyChanges,
  bareLayer,
  type Frame,
  NativeExchange,
  NodeRequestSource,
  toLayer,
} from '../node/index.js';
import { placeErrorTap } from './error-tap.js';
import { ExpressRequest } from './express-request.js';
import type { ExpressHandler, ExpressNext, ExpressReq, ExpressRes } from './express-types.js';

export type { ExpressHandler, ExpressNext, ExpressReq, ExpressRes } from './express-types.js';

/** The options of `toExpress` for a layer. */
export interface ToExpressOptions {
  /**
   * Whether errors of native handlers come back to the middleware, by an error handler that callnext keeps last on the
   * app's stack; `true` unless set. Without it they go to the error handlers alone.
   */
  errorTap?: boolean;
}

/**
 * A layer, a single middleware or an endpoint as an Express handler, on Express 4 and 5.
 *
 * ```ts
 * app.use(toExpress(layer));
 * app.get('/items/:id', toExpress(readItem));
 * ```
 *
 * Routes that come after a layer stay as they are: what they write is held at its head until the middleware is through.
 * Throws `ADAPTER_TARGET`.
 */
export function toExpress(
  target: Layer | Middleware | Endpoint,
  options: ToExpressOptions = {},
): ExpressHandler {
  if (isEndpoint(target)) return endpointHandler(target);
  return layerHandler(toLayer('toExpress', target), options.errorTap ?? true);
}

function layerHandler(layer: Layer, errorTap: boolean): ExpressHandler {
  return function callnextLayer(req, res, next) {
    if (errorTap) placeErrorTap(req);
    const outer = NativeExchange.of(res);
    const native = outer ?? openExchange(req, res, next);
    let frame: Frame | undefined;
    const original = native.exchange.request;
    const below = (request: typeof original) => {
      applyChanges(request, original, req, target => setTarget(req, target));
      frame = native.wait();
      next();
      return frame.response;
    };
    if (!outer) void runExchange(native.exchange, layer, below);
    else {
      runLayer(native.exchange, layer, below).then(
        response => native.settle(frame, response),
        error => native.settleError(frame, error),
      );
    }
  };
}

function endpointHandler(endpoint: Endpoint): ExpressHandler {
  return function callnextEndpoint(req, res, next) {
    const outer = NativeExchange.of(res);
    const native = outer ?? openExchange(req, res, next);
    matchRoute(native.exchange.request, req.params);
    if (outer) void native.runEndpoint(endpoint);
    else void runExchange(native.exchange, bareLayer, answerAlone(native.exchange, endpoint));
  };
}

function openExchange(req: ExpressReq, res: ExpressRes, next: ExpressNext): NativeExchange {
  const source = new NodeRequestSource(req, new ExpressRequest(req, res));
  const native = new NativeExchange(req, res as never, source, next);
  source.end = native.end;
  return native;
}

/** Express strips the mount path from `req.url`, and Express 4 has parsed the query before. */
function setTarget(req: ExpressReq, target: string): void {
  const { baseUrl } = req;
  req.url = baseUrl && target.startsWith(baseUrl) ? target.slice(baseUrl.length) || '/' : target;
  const parseQuery = req.app?.get?.('query parser fn');
  const hasOwnQuery = Object.hasOwn(req, 'query') && typeof parseQuery === 'function';
  if (hasOwnQuery) Reflect.set(req, 'query', parseQuery(target.split('?')[1] ?? ''));
}
