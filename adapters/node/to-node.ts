import type { ServerResponse } from 'node:http';
import {
  answerUnhandled,
  type BackgroundTasks,
  type Client,
  type Dependencies,
  type Depends,
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
  type Request,
  runExchange,
  type Solved,
  toError,
} from '../../core/adapter.js';
import { noParsedBody } from './body/parsed-body.js';
import type { Frame } from './frame.js';
import { injectAt } from './inject.js';
import type { LayerRun } from './layer-runs.js';
import { NativeExchange, whenRejected } from './native-exchange.js';
import { tasksAt } from './native-tasks.js';
import type { NativeRequest, NativeResponse } from './node-types.js';
import { clientOf, type FrameworkRequest, NodeRequestSource } from './read-request.js';
import { cutShort } from './response/cut-short.js';
import { writeResponse } from './response/write-response.js';
import { hostOf, readTarget, type Target } from './target.js';
import { answerAlone, bareLayer, toLayer } from './to-layer.js';

/** What `http.createServer` takes. */
export type NodeListener = (req: NativeRequest, res: ServerResponse) => unknown;

/**
 * An endpoint as a listener for `node:http`, or a layer around a listener.
 *
 * ```ts
 * http.createServer(toNode(layer, (req, res) => res.end('native'))).listen(3000);
 * ```
 *
 * An exception that nobody handles is answered by the `status`, `expose` and `headers` that it carries, as
 * frameworks do it. `onError` is told of it too, unless its status is below 500. Throws `ADAPTER_TARGET`
 * and `NODE_LISTENER`.
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
    const native = openExchange(req, res as NativeResponse);
    runAround(native, layer, () => listener.call(this, native.req, native.res));
  });
}

/** Solves dependencies for native code below `toNode(layer, …)`: see `inject` of `callnext/express`. */
export function inject<T>(req: NativeRequest, dependency: Depends<T>): Promise<T>;
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
  wanted: Depends<unknown> | Dependencies,
  block?: (values: never) => unknown,
): Promise<unknown> {
  return injectAt(req, wanted, block);
}

/**
 * Returns the background tasks of the request, for a native listener: those of an endpoint, with the same order.
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
 * Runs a layer around a listener, which `listen` calls. What it throws, or its promise rejects with, is what
 * `callNext` rejects with. `passOn` gives an exception of the layer that nobody handled to the listener.
 */
export function runAround(
  native: NativeExchange,
  layer: Layer,
  listen: () => unknown,
  passOn?: (thrown: unknown) => void,
): void {
  const goOn = (request: Request, frame: Frame, run: LayerRun): void => {
    native.applyTo(run, request, url => {
      native.req.url = url;
    });
    try {
      const returned = native.callNative(listen);
      whenRejected(returned, thrown => native.listenerFailed(frame, thrown));
    } catch (thrown) {
      native.listenerFailed(frame, thrown);
    }
  };
  native.runLayer(layer, goOn, passOn);
}

function endpointListener(endpoint: Endpoint): NodeListener {
  return (req, res) => {
    const native = openExchange(req, res as NativeResponse);
    followTarget(native.exchange.request);
    if (native.hasBegun) void native.runEndpoint(endpoint);
    else void runExchange(native.exchange, bareLayer, answerAlone(native.exchange, endpoint));
  };
}

function openExchange(req: NativeRequest, res: NativeResponse): NativeExchange {
  return NativeExchange.join(res) ?? openBare(req, res, new NodeRequest(req, res));
}

/**
 * An exchange with nobody around it. `passOn` gives an exception that nobody handled to what is below;
 * without it the adapter answers itself.
 */
export function openBare(
  req: NativeRequest,
  res: NativeResponse,
  framework: FrameworkRequest,
  passOn?: (thrown: unknown) => void,
): NativeExchange {
  const source = new NodeRequestSource(req, framework);
  const answer = (thrown: unknown): void => {
    const error = toError(thrown);
    const page = answerUnhandled(native.exchange, error, 'request');
    if (res.headersSent) cutShort(res, error);
    else writeResponse(page, req.method ?? 'GET', res);
  };
  const native = new NativeExchange(req, res, source, passOn ?? answer);
  native.nameOn(req);
  return native;
}

class NodeRequest implements FrameworkRequest {
  readonly pathParams = {};
  readonly parsedBody = noParsedBody;
  readonly #req: NativeRequest;
  readonly #res: NativeResponse;

  constructor(req: NativeRequest, res: NativeResponse) {
    this.#req = req;
    this.#res = res;
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
    // Native code of Node itself has no place for it.
  }
}
