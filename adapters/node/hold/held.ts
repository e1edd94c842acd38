import type { Callback } from '../node-types.js';
import { type Calls, listenForRoom, writerOutside } from './calls.js';
import { makeHead } from './framing.js';
import { callLater, recordEnd, recordWrite } from './record.js';

/** Native code has made a head, and the middleware is running: calls wait on the tape. */
export const held: Calls = {
  name: 'held',
  writeHead(hold, status, reason, headers) {
    hold.head.refuse(status, reason, headers);
  },
  implicitHeader(hold) {
    const writer = writerOutside(hold);
    if (writer) writer.calls.implicitHeader(writer);
    else makeHead(hold.res, hold.previous._implicitHeader, []);
  },
  flushHeaders(hold) {
    if (hold.ending === 'none') hold.tape.mark('flushHeaders');
    else if (hold.ending !== 'ended') callLater(hold, 'flushHeaders');
    hold.onAwaited?.();
  },
  write: recordWrite,
  end: recordEnd,
  flush(hold) {
    hold.tape.mark('flush');
    hold.onAwaited?.();
  },
  cork(hold) {
    hold.tape.mark('cork');
  },
  uncork(hold) {
    hold.tape.mark('uncork');
  },
  destroy(hold, error) {
    const { res, previous } = hold;
    hold.willBeDestroyed(error);
    // Earlier writes would be in the kernel by now, so they go out first.
    hold.afterRelease(() => previous.destroy.call(res, error));
    return res;
  },
  /** Only a direct call of a method of Node's prototype arrives here: it cannot be held. */
  send(hold, data, encoding, callback, byteLength) {
    const { res, previous, tape } = hold;
    tape.origin = 'writeHead';
    hold.release();
    // The caller decided on the framing before there was a head; Node frames the chunk anew if it is chunked.
    if (!res.chunkedEncoding || data === '')
      return previous._send.call(res, data, encoding, callback, byteLength);
    return previous.write.call(res, data as string, encoding as BufferEncoding, callback as Callback);
  },
  on: listenForRoom,
};
