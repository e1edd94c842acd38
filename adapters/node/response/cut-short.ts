import { http2Stream } from '../http2-stream.js';

interface Destroyable {
  destroy(error?: Error): unknown;
}

/**
 * Destroys a response that is not complete. On HTTP/2 the error makes it a reset with a code: without one the
 * client would take what it has for the whole.
 */
export function cutShort(res: Destroyable, error: Error, { destroy }: Destroyable = res): void {
  Reflect.apply(destroy, res, http2Stream(res) ? [error] : []);
}
