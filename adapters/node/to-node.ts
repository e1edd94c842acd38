import type { ServerResponse } from 'node:http';
import {
  answerUnhandled,
  type BackgroundTasks,
  type Client,
  type Declared,
  type Dependencies,
  type Endpoint,
  followTarget,
  isEndpoint,
  isLayer,
  type Layer,
  type Middleware,
  madeBy,
  misuse,
  type Named,
  noteMount,
  runExchange,
  type Solved,
  toError,
} from '../../core/adapter.js';
import { whenRejected } from './among-native.js';
import { applyTo, type GoOn, runEndpoint, runInside, runOutermost } from './around-native.js';
import { clientOf } from './client.js';
import type { Framework } from './framework.js';
import { injectAt } from './inject.js';
import { listenerFailed } from './native-errors.js';
import { NativeExchange, type PassOn } from './native-exchange.js';
import { tasksAt } from './native-tasks.js';
import { callNative } from './native-work.js';
import type { NativeRequest, NativeResponse } from './node-types.js';
import { nameOn, openExchange } from './open-exchange.js';
import { cutShort } from './response/cut-short.js';
import { writeResponse } from './response/write-response.js';
import { hostOf, readTarget, type Target } from './target.js';
import { answerAlone, bareLayer, toLayer } from './to-layer.js';

/** A request listener for `http.createServer`. */
export type NodeListener = (req: NativeRequest, res: ServerResponse) => unknown;

/**
 * Turns an endpoint into a listener for `node:http`, or wraps a layer around a listener.
 *
 * ```ts
 * http.createServer(toNode(layer, (req, res) => res.end('native'))).listen(3000);
 * ```
 *
 * An unhandled exception is answered with its own `status`, `expose` and `headers`, as frameworks do. It is
 * also passed to `onError`, unless its status is below 500. Throws `ADAPTER_TARGET` and `NODE_LISTENER`.
 */
export function toNode(target: Endpoint): NodeListener;
export function toNode(target: Layer | Middleware, listener: NodeListener): NodeListener;
export function toNode(target: Layer | Middleware | Endpoint, listener?: NodeListener): NodeListener {
  if (isEndpoint(target)) return endpointListener(target);
  const layer = toLayer('toNode', target);
  if (typeof listener !== 'function') throw misuse('NODE_LISTENER', listener);
  if (isLayer(target)) noteMount(layer, toNode);
  // Node calls a listener on its server.
  return madeBy('toNode', function (this: unknown, req: NativeRequest, res: ServerResponse) {
    const outer = NativeExchange.join(res);
    const native = outer ?? openOnNode(req, res as NativeResponse);
    const run = outer ? runInside : runOutermost;
    run(native, layer, listening, () => listener.call(this, native.req, native.res));
  });
}

/** Solves dependencies for native code below `toNode(layer, …)`: see `inject` of `callnext/express`. */
export function inject<T>(req: NativeRequest, dependency: Declared<T>): Promise<T>;
export function inject<D extends Dependencies>(
  req: NativeRequest,
  dependencies: Named<D>,
): Promise<Solved<D>>;
export function inject<D extends Dependencies, Result>(
  req: NativeRequest,
  dependencies: Named<D>,
  block: (values: Solved<D>) => Result,
): Promise<Awaited<Result>>;
export function inject(
  req: NativeRequest,
  wanted: Declared<unknown> | Dependencies,
  block?: (values: never) => unknown,
): Promise<unknown> {
  return injectAt(req, wanted, block);
}

/**
 * Returns the background tasks of the request, for a native listener: those of an endpoint, with the same
 * order.
 *
 * ```ts
 * http.createServer(toNode(layer, (req, res) => {
 *   backgroundTasks(req).addTask(sendMail);
 *   res.end();
 * }));
 * ```
 *
 * They run when the response is out and the dependencies have exited. If the listener fails or answers with a
 * status of 500 and above, they are dropped and reported, except those added with `{ when: 'always' }`.
 * Throws `TASK_OUTSIDE` without a layer; its `addTask` throws `TASK_LATE` once the tasks have run.
 */
export function backgroundTasks(req: NativeRequest): BackgroundTasks {
  return tasksAt(req);
}

/**
 * Calls a listener through `listen`. `callNext` rejects with what it throws, or with the rejection of its
 * promise.
 */
export const listening: GoOn<() => unknown> = (native, request, listen, waiter) => {
  applyTo(native, request, url => {
    native.req.url = url;
  });
  try {
    whenRejected(callNative(native, listen), thrown => listenerFailed(native, waiter, thrown));
  } catch (thrown) {
    listenerFailed(native, waiter, thrown);
  }
};

function endpointListener(endpoint: Endpoint): NodeListener {
  return (req, res) => {
    const outer = NativeExchange.join(res);
    const native = outer ?? openOnNode(req, res as NativeResponse);
    const { exchange } = native;
    followTarget(exchange.request);
    if (outer) void runEndpoint(native, endpoint);
    else void runExchange(exchange, bareLayer, answerAlone(exchange, endpoint));
  };
}

/** Opens an exchange without a framework around it: the adapter itself answers what nobody handled. */
function openOnNode(req: NativeRequest, res: NativeResponse): NativeExchange {
  const answer: PassOn = thrown => {
    const error = toError(thrown);
    const page = answerUnhandled(native.exchange, error, 'request');
    if (res.headersSent) cutShort(res, error);
    else writeResponse(page, native.method, res);
  };
  const native = openExchange(req, res, new NodeRequest(req, res), answer);
  nameOn(req, native);
  return native;
}

class NodeRequest implements Framework {
  readonly kind = 'node';
  readonly keepsContext = true;
  readonly awaitsNative = false;
  readonly pathParams = {};
  readonly parsedBody = undefined;
  readonly #req: NativeRequest;
  readonly #res: NativeResponse;

  constructor(req: NativeRequest, res: NativeResponse) {
    this.#req = req;
    this.#res = res;
  }

  isSignal(): boolean {
    return false;
  }

  get raw(): { req: NativeRequest; res: NativeResponse } {
    return { req: this.#req, res: this.#res };
  }

  get host(): string | undefined {
    return hostOf(this.#req);
  }

  get scheme(): string {
    return 'encrypted' in this.#req.socket ? 'https' : 'http';
  }

  get asked(): string {
    return this.#req.url ?? '/';
  }

  get nativeTarget(): string {
    return this.asked;
  }

  get target(): Target {
    return readTarget(this.asked);
  }

  get client(): Client | null {
    return clientOf(this.#req);
  }

  setParsedBody(): void {
    // Native code of plain Node has no place for a parsed body.
  }
}
