import { http2Stream } from '../http2-stream.js';
import type { NativeRequest } from '../node-types.js';

/** Whether the head of a request leaves room for a body. */
export function mayHaveBody(req: NativeRequest): boolean {
  const stream = http2Stream(req);
  // HTTP/2 frames every body, of any method, and needs no header for it.
  if (stream) return !stream.endAfterHeaders;
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers;
  return length !== '0' || coding !== undefined;
}
