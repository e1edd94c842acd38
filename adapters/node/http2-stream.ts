import type { ServerHttp2Stream } from 'node:http2';
import { setImmediate } from './turns.js';

/**
 * Returns the stream of an HTTP/2 message. The version does not show it: HTTP/1 accepts a request line that
 * says `HTTP/2.0`.
 */
export function http2Stream(message: object): ServerHttp2Stream | undefined {
  const { stream } = message as { readonly stream?: ServerHttp2Stream };
  // An app may set its own `stream` on an HTTP/1 message; only one of HTTP/2 has a reset code.
  return stream?.rstCode === undefined ? undefined : stream;
}

/** `stream.state` of a stream that nghttp2 has forgotten (idle), and of one that it has closed. */
const goneStates: readonly (number | undefined)[] = [1, 7];

/**
 * Destroys a stream that was reset. After RST_STREAM(NO_ERROR), Node 20 to 26 leave a stream with an unread
 * request closed but not destroyed, and Node 20 and 22 one with an unsent response: 'close' would never come.
 */
export function destroyWhenReset(stream: ServerHttp2Stream): void {
  stream.on('removeListener', function destroyWhenClosed(name: string | symbol) {
    // Closing a stream emits no event, but removes its timeouts.
    if (name !== 'timeout' || !stream.closed) return;
    stream.off('removeListener', destroyWhenClosed);
    setImmediate(destroyIfGone, stream);
  });
}

function destroyIfGone(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return;
  if (goneStates.includes(stream.state.state)) stream.destroy();
  // This side has closed it while data is still being sent: destroying it now can make Node 20 spin.
  else stream.once('end', () => setImmediate(destroyIfGone, stream));
}
