import { http2Stream } from '../http2-stream.js';
import type { NativeRequest } from '../node-types.js';

/** Whether the connection of a request is gone: a request that emits `close` may still be arriving. */
export function isGone(req: NativeRequest, socket: NativeRequest['socket'] | undefined): boolean {
  return http2Stream(req)?.destroyed === true || socket?.destroyed === true;
}

/**
 * Whether a body that ends after this many bytes is incomplete: HTTP/2 ends an aborted stream like a complete
 * one, and reports the abort afterwards.
 */
export function isCutOff(req: NativeRequest, received: number): boolean {
  const stream = http2Stream(req);
  if (!stream) return false;
  const declared = Number(req.headers['content-length'] ?? received);
  return req.aborted || stream.aborted || received < declared;
}
