import type { ServerHttp2Stream } from 'node:http2';
import { Exchange, Request, sharedOf, type Transport } from '../../core/adapter.js';
import { currentResponse, type DestroyGuard, guardDestroy } from './connection.js';
import { exchangeKey } from './exchange-key.js';
import type { Framework } from './framework.js';
import { destroyWhenReset, http2Stream } from './http2-stream.js';
import { whenReleased } from './native-errors.js';
import { NativeExchange, type PassOn } from './native-exchange.js';
import type { NativeRequest, NativeResponse } from './node-types.js';
import { NodeRequestSource } from './request-source.js';
import { traceOf } from './trace.js';
import { NodeTransport } from './transport.js';

/**
 * Makes the exchange of a native request and its response, which is found by the response from then on.
 * `passOn` gives an exception that nobody handled to the framework; `over` may put a transport of the
 * framework's in front of Node's.
 */
export function openExchange(
  req: NativeRequest,
  res: NativeResponse,
  framework: Framework,
  passOn: PassOn,
  over: (node: NodeTransport) => Transport = itself,
): NativeExchange {
  const source = new NodeRequestSource(req, framework);
  const native = new NativeExchange(req, res, source, framework, passOn);
  const request = new Request(source);
  const trace = traceOf(res);
  if (trace) sharedOf(request).trace = trace;
  source.end = native.end;
  native.exchange = new Exchange(request, over(new NodeTransport(native)));
  (res as { [exchangeKey]?: NativeExchange })[exchangeKey] = native;
  const stream = http2Stream(res);
  if (stream) followStream(native, stream);
  else guardDestroy(req.socket, guard);
  return native;
}

function itself(node: NodeTransport): NodeTransport {
  return node;
}

/** The exchange is also found by the request. */
export function nameOn(req: NativeRequest, native: NativeExchange): void {
  Reflect.set(req, exchangeKey, native);
}

function followStream({ source, res }: NativeExchange, stream: ServerHttp2Stream): void {
  // It closes when both sides are through, so what nobody reads must not keep it.
  stream.once('finish', () => source.responseIsOut());
  guardDestroy(stream, { ...guard, responseOf: () => res });
  destroyWhenReset(stream);
}

const guard: DestroyGuard = {
  responseOf: currentResponse,
  whenReleased(response, destroy) {
    const native = NativeExchange.of(response);
    native?.waiters.holding?.willBeDestroyed();
    return native !== undefined && whenReleased(native, destroy);
  },
  destroyedHere(response) {
    const native = NativeExchange.of(response);
    if (native) native.isDestroyedHere = true;
  },
};
