import {
  type Endpoint,
  isEndpoint,
  type Layer,
  type Middleware,
  misuse,
  runExchange,
  toError,
} from '../../core/index.js';
import { NativeExchange } from './native-exchange.js';
import type { NativeRequest, NativeResponse } from './node-types.js';
import { absoluteUrl, applyChanges, type FrameworkRequest, NodeRequestSource } from './read-request.js';
import { answerAlone, bareLayer, toLayer } from './to-layer.js';

/** What `http.createServer` takes. */
export type NodeListener = (req: NativeRequest, res: import('node:http').ServerResponse) => void;

/**
 * An endpoint as a listener for `node:http`, or a layer around a listener.
 *
 * ```ts
 * http.createServer(toNode(layer, (req, res) => res.end('native'))).listen(3000);
 * ```
 *
 * An exception that nobody handles is reported to `onError` and answered with a bare 500. Throws `ADAPTER_TARGET`.
 */
export function toNode(target: Endpoint): NodeListener;
export function toNode(target: Layer | Middleware, listener: NodeListener): NodeListener;
export function toNode(target: Layer | Middleware | Endpoint, listener?: NodeListener): NodeListener {
  if (isEndpoint(target)) {
    return (req, res) => {
      const native = openExchange(req, res as NativeResponse);
      void runExchange(native.exchange, bareLayer, answerAlone(native.exchange, target));
    };
  }
  if (typeof listener !== 'function') throw misuse('ADAPTER_TARGET', 'toNode', listener);
  const layer = toLayer('toNode', target);
  return (req, res) => {
    const native = openExchange(req, res as NativeResponse);
    const original = native.exchange.request;
    void runExchange(native.exchange, layer, async request => {
      applyChanges(request, original, req, url => {
        req.url = url;
      });
      const frame = native.wait();
      try {
        listener(req, res);
      } catch (thrown) {
        frame.reject(thrown);
      }
      return frame.response;
    });
  };
}

function openExchange(req: NativeRequest, res: NativeResponse): NativeExchange {
  const source = new NodeRequestSource(req, new NodeRequest(req, res));
  const native = new NativeExchange(req, res, source, thrown => {
    native.exchange.report(toError(thrown), 'request');
    if (res.headersSent) return res.destroy();
    res.statusCode = 500;
    res.statusMessage = 'Internal Server Error';
    res.setHeader('content-type', 'text/plain; charset=utf-8');
    res.end('Internal Server Error');
  });
  source.end = native.end;
  return native;
}

class NodeRequest implements FrameworkRequest {
  readonly pathParams = {};
  readonly parsedBody = undefined;
  readonly #req: NativeRequest;
  readonly #res: NativeResponse;

  constructor(req: NativeRequest, res: NativeResponse) {
    this.#req = req;
    this.#res = res;
  }

  get raw(): { req: NativeRequest; res: NativeResponse } {
    return { req: this.#req, res: this.#res };
  }

  get url(): string {
    const { socket, headers, url } = this.#req;
    return absoluteUrl('encrypted' in socket ? 'https' : 'http', headers.host, url ?? '/');
  }
}
