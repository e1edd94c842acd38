import { type Calls, listenForRoom, passHead, writerOutside } from './calls.js';
import { held } from './held.js';
import { recordEnd, recordWrite } from './record.js';

/** Nobody has answered: all calls are native, and the first that makes a head is captured. */
export const open: Calls = {
  name: 'open',
  writeHead(hold, status, reason, headers) {
    // Another protocol begins: there is no response to hold.
    if (status === 101 && hold.tape.origin === undefined) {
      hold.passed();
      passHead(hold, status, reason, headers);
    } else hold.capture(status, reason, headers);
  },
  implicitHeader(hold) {
    const writer = writerOutside(hold);
    if (writer) writer.calls.implicitHeader(writer);
    else hold.res.writeHead(hold.res.statusCode);
  },
  flushHeaders(hold) {
    hold.makeHead('flushHeaders');
    held.flushHeaders(hold);
  },
  write: recordWrite,
  end: recordEnd,
  flush({ previous, res }) {
    previous.flush?.call(res);
  },
  cork(hold) {
    hold.tape.mark('cork');
  },
  uncork(hold) {
    // Nothing was written between the two.
    if (hold.tape.isCorkedOutside) hold.previous.uncork.call(hold.res);
    else hold.tape.mark('uncork');
  },
  destroy(hold, error) {
    hold.passed();
    return hold.calls.destroy(hold, error);
  },
  send({ previous, res }, data, encoding, callback, byteLength) {
    return previous._send.call(res, data, encoding, callback, byteLength);
  },
  on: listenForRoom,
};
