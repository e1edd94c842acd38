import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import { symbolOf } from '../symbol-of.js';
import { keepingMarks } from './header-snapshot.js';

/** Where Node counts the bytes written to a response with `strictContentLength`. */
const bytesWritten = symbolOf('kBytesWritten');

/**
 * Calls a method that makes the head of a response. If Node refuses the head, it has already changed the
 * framing: without `_hasBody`, the next answer has a length and no body, and the client reads the response
 * after it as that body.
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

/**
 * Makes one string of a sent head. Node keeps it for as long as the response lasts, as a tree of some thirty
 * strings that takes four times as much.
 */
export function flattenHead(res: NativeResponse): void {
  const { _header } = res;
  // On HTTP/2 it only says whether there is a head.
  if (typeof _header === 'string') res._header = Buffer.from(_header, 'latin1').toString('latin1');
}

/** Headers that frame a body. */
export const ofFraming: readonly string[] = ['content-length', 'transfer-encoding', 'trailer'];
/** Headers that frame or encode a body. */
export const ofBody: readonly string[] = [...ofFraming, 'content-encoding', 'content-range'];

/** Removes headers of a body that is not sent; Node frames the sent one itself. */
export function dropHeaders(res: NativeResponse, names: readonly string[]): void {
  for (const name of names) removeHeader(res, name);
}

/** Removes a header. Node remembers a removal and then omits its own framing, so its marks are kept. */
export function removeHeader(res: NativeResponse, name: string): void {
  if (res.hasHeader(name)) keepingMarks(res, () => res.removeHeader(name));
}

/** Restores the framing state that an unsent answer set in addition to its headers. */
export function forgetFraming(res: NativeResponse): void {
  // HTTP/2 has no such state.
  if (res._removedTE === undefined) return;
  Object.assign(res, { _removedContLen: false, _removedTE: false, _contentLength: null, _trailer: '' });
}
