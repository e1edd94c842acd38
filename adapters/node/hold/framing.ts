import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import { symbolOf } from '../symbol-of.js';
import { keepingMarks } from './header-snapshot.js';

/** Where Node counts what a response with `strictContentLength` has written. */
const bytesWritten = symbolOf('kBytesWritten');

/**
 * Calls a method that makes the head of a response. Where Node refuses the head, it has changed how the
 * response is framed before it throws: without `_hasBody`, the next answer has a length and no body, and the
 * client reads the response after it as that body.
 */
export function makeHead<Args extends unknown[], Result>(
  res: NativeResponse,
  method: (...args: Args) => Result,
  args: Args,
): Result {
  const { _hasBody, _last, shouldKeepAlive, _defaultKeepAlive, chunkedEncoding } = res;
  const { _removedConnection, _removedContLen, _removedTE } = res;
  try {
    return Reflect.apply(method, res, args);
  } catch (thrown) {
    if (http2Stream(res) || res.headersSent) throw thrown;
    Object.assign(res, { _hasBody, _last, shouldKeepAlive, _defaultKeepAlive, chunkedEncoding });
    Object.assign(res, { _removedConnection, _removedContLen, _removedTE });
    res._contentLength = null;
    if (bytesWritten) Reflect.set(res, bytesWritten, 0);
    throw thrown;
  }
}

/** Headers that frame a body. */
export const ofFraming: readonly string[] = ['content-length', 'transfer-encoding', 'trailer'];
/** Those, and what says how it is coded. */
export const ofBody: readonly string[] = [...ofFraming, 'content-encoding', 'content-range'];

/** Takes headers of a body away that is not sent; Node frames what is sent by itself. */
export function dropHeaders(res: NativeResponse, names: readonly string[]): void {
  for (const name of names) removeHeader(res, name);
}

/** Node remembers the removal of a header, and leaves out its own framing from then on. */
export function removeHeader(res: NativeResponse, name: string): void {
  if (res.hasHeader(name)) keepingMarks(res, () => res.removeHeader(name));
}

/** Takes back what an answer that is not sent has said of its framing, beside its headers. */
export function forgetFraming(res: NativeResponse): void {
  // HTTP/2 has none of it.
  if (res._removedTE === undefined) return;
  Object.assign(res, { _removedContLen: false, _removedTE: false, _contentLength: null, _trailer: '' });
}
