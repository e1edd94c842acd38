import type http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Endpoint, isEndpoint, isLayer, type Layer, misuse } from '../../core/adapter.js';
import { type NodeListener, toNode } from '../node/shared.js';

/**
 * The target of a client: an Express app or any request listener, a Koa app, a Node server, an endpoint or a
 * layer.
 */
export type TestTarget = NodeListener | { callback(): NodeListener } | http.Server | Endpoint | Layer;

/** Returns the request listener of a target; a layer is mounted around `below`. Throws `TEST_TARGET`. */
export function listenerOf(
  target: Exclude<TestTarget, http.Server>,
  below: NodeListener | Endpoint = notFound,
): NodeListener {
  if (isEndpoint(target)) return toNode(target);
  if (isLayer(target)) return toNode(target, isEndpoint(below) ? toNode(below) : below);
  if (typeof target === 'function') return target;
  if (typeof target?.callback === 'function') return target.callback();
  throw misuse('TEST_TARGET', target);
}

function notFound(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not Found');
}
