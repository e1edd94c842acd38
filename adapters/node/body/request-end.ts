import { http2Stream } from '../http2-stream.js';
import type { NativeRequest } from '../node-types.js';

/** Whether the connection of a request is gone: one that emits `close` may still be coming in. */
export function isGone(req: NativeRequest, socket: NativeRequest['socket'] | undefined): boolean {
  return http2Stream(req)?.destroyed === true || socket?.destroyed === true;
}

/**
 * Whether a body that ends after this many bytes is not complete: HTTP/2 ends a stream that is aborted as it
 * ends a complete one, and tells of the abort after that.
 */
export function isCutOff(req: NativeRequest, received: number): boolean {
  const stream = http2Stream(req);
  if (!stream) return false;
  const declared = Number(req.headers['content-length'] ?? received);
  return req.aborted || stream.aborted || received < declared;
}
