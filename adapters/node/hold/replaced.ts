import { type Calls, listenForRoom, passHead, writerOutside } from './calls.js';
import { corkForTick, uncorkNow } from './corks.js';
import { makeHead } from './framing.js';
import { recordEnd, recordWrite } from './record.js';

/** Another response is sent: writes of native code are dropped, unless that response is made from them. */
export const replaced: Calls = {
  name: 'replaced',
  writeHead(hold, status, reason, headers) {
    // To make the head of an outer response, the topmost method is called (compression does that).
    const writer = hold.output === 'writing' ? undefined : writerOutside(hold);
    if (writer) writer.calls.writeHead(writer, status, reason, headers);
    // compression calls it from its own `end`, while the other response is written.
    else if (hold.output === 'writing') passHead(hold, status, reason, headers);
  },
  implicitHeader(hold) {
    const { res, previous } = hold;
    const writer = writerOutside(hold);
    if (writer) writer.calls.implicitHeader(writer);
    else makeHead(res, previous.writeHead, [res.statusCode]);
  },
  flushHeaders(hold) {
    hold.onAwaited?.();
  },
  write: recordWrite,
  end: recordEnd,
  flush(hold) {
    hold.onAwaited?.();
  },
  cork({ res, previous, output }) {
    // Node ends a cork of its own with the tick; one more end for each chunk costs as much as its way here.
    if (output === 'writing') previous.cork.call(res);
    else corkForTick(res, previous);
  },
  uncork({ res, previous }) {
    uncorkNow(res, previous);
  },
  destroy(hold, error) {
    hold.willBeDestroyed(error);
    return hold.res;
  },
  send({ previous, res }, data, encoding, callback, byteLength) {
    return previous._send.call(res, data, encoding, callback, byteLength);
  },
  on: listenForRoom,
};
