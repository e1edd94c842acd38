import type { ServerHttp2Stream } from 'node:http2';
import { Exchange, Request, sharedOf, type Trace, type Transport } from '../../core/adapter.js';
import { currentResponse, type DestroyGuard, guardDestroy } from './connection.js';
import { exchangeKey, traceKey } from './exchange-key.js';
import type { Framework } from './framework.js';
import { destroyWhenReset, http2Stream } from './http2-stream.js';
import { whenReleased } from './native-errors.js';
import { NativeExchange, type PassOn } from './native-exchange.js';
import type { NativeRequest, NativeResponse } from './node-types.js';
import { NodeRequestSource } from './request-source.js';
import { NodeTransport } from './transport.js';

/**
 * Creates the exchange of a native request and its response, which is then found by the response. `passOn`
 * hands an exception that nobody handled to the framework; `over` may wrap Node's transport in that of the
 * framework.
 */
export function openExchange(
  req: NativeRequest,
  res: NativeResponse,
  framework: Framework,
  passOn: PassOn,
  over: (node: NodeTransport) => Transport = itself,
): NativeExchange {
  const source = new NodeRequestSource(req, framework);
  // Before the response follows its connection, which is then notified of its end by the guard.
  const stream = http2Stream(res);
  if (!stream) guardDestroy(req.socket, guard);
  const native = new NativeExchange(req, res, stream, source, framework, passOn);
  const request = new Request(source);
  const trace = (res as { readonly [traceKey]?: Trace })[traceKey];
  if (trace) sharedOf(request).trace = trace;
  source.end = native.end;
  native.exchange = new Exchange(request, over(new NodeTransport(native)));
  (res as { [exchangeKey]?: NativeExchange })[exchangeKey] = native;
  if (stream) followStream(native, stream);
  return native;
}

function itself(node: NodeTransport): NodeTransport {
  return node;
}

/** Makes the request refer to the exchange too. */
export function nameOn(req: NativeRequest, native: NativeExchange): void {
  Reflect.set(req, exchangeKey, native);
}

function followStream({ source, res }: NativeExchange, stream: ServerHttp2Stream): void {
  // The stream closes when both sides have ended, so an unread request body must not keep it open.
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

/** Whether a trace is already attached to a response. */
export function isTraced(res: object): boolean {
  return traceKey in res;
}

/** Records the steps of the exchange that a response will have. */
export function traceOn(res: object, trace: Trace): void {
  Reflect.set(res, traceKey, trace);
}
