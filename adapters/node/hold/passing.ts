import type { NativeResponse } from '../node-types.js';
import { type Calls, callWith, passHead, tellWritten, writerOutside } from './calls.js';
import { makeHead } from './framing.js';
import { stepAside } from './slot.js';

/** Released, or never held: all calls go through. */
export const passing: Calls = {
  name: 'passing',
  writeHead: passHead,
  implicitHeader(hold) {
    const { res, previous } = hold;
    const writer = writerOutside(hold);
    if (writer) writer.calls.implicitHeader(writer);
    // Inner code that patched `writeHead` has been called already.
    else if (hold.output === 'writing') makeHead(res, previous.writeHead, [res.statusCode]);
    else makeHead(res, previous._implicitHeader, []);
  },
  flushHeaders({ previous, res }) {
    previous.flushHeaders.call(res);
  },
  write(hold, chunk, encoding, callback) {
    if (hold.onWritten) tellWritten(hold, 'write');
    hold.reader?.copy(chunk, encoding);
    return callWith(hold.previous.write, hold.res, chunk, encoding, callback) as boolean;
  },
  end(hold, chunk, encoding, callback) {
    const { res, reader } = hold;
    if (hold.onWritten) tellWritten(hold, 'end');
    // The framework answered in place of native code, which answers now.
    if (res.finished) hold.onLateAnswer?.();
    if (reader) {
      reader.copy(chunk, encoding);
      hold.tape.end(undefined, undefined);
    }
    const returned = callWith(hold.previous.end, res, chunk, encoding, callback);
    hold.ending = 'ended';
    stepAside(hold);
    return returned as NativeResponse;
  },
  flush({ previous, res }) {
    previous.flush?.call(res);
  },
  cork({ previous, res }) {
    previous.cork.call(res);
  },
  uncork({ previous, res }) {
    previous.uncork.call(res);
  },
  destroy(hold, error) {
    hold.willBeDestroyed(error);
    return hold.previous.destroy.call(hold.res, error) as NativeResponse;
  },
  send({ previous, res }, data, encoding, callback, byteLength) {
    return previous._send.call(res, data, encoding, callback, byteLength);
  },
  on({ previous, res }, event, listener) {
    return previous.on.call(res, event, listener) as NativeResponse;
  },
};
