import type { NativeResponse } from '../node-types.js';
import { callWith, type Held } from './calls.js';
import type { Listener, PreviousMethods } from './previous.js';

type On = NativeResponse;
/** Finds the hold that a method acts for; `undefined` if it must act natively. */
export type HoldOf = (res: NativeResponse, name: string) => Held | undefined;
/** The replacement of each method. */
export type Hooks = ReturnType<typeof ofHead> & ReturnType<typeof ofBody> & ReturnType<typeof ofWire>;

/**
 * Creates the methods that ask a hold, or call the previous ones. They have Node's own parameters, because a
 * rest parameter would allocate a list per call. The states are the hold's own: it may be of another copy of
 * the package.
 */
export function hooksFor(holdOf: HoldOf, previous: PreviousMethods): Hooks {
  return { ...ofHead(holdOf, previous), ...ofBody(holdOf, previous), ...ofWire(holdOf, previous) };
}

function ofHead(holdOf: HoldOf, previous: PreviousMethods) {
  function writeHead(this: On, status: number, reason?: unknown, headers?: unknown): On {
    const hold = holdOf(this, 'writeHead');
    if (hold === undefined) return callWith(previous.writeHead, this, status, reason, headers) as On;
    hold.calls.writeHead(hold, status, reason, headers);
    return this;
  }
  return {
    writeHead,
    /** Node's old name for it. */
    writeHeader: writeHead,
    _implicitHeader(this: On): void {
      const hold = holdOf(this, '_implicitHeader');
      if (hold === undefined) previous._implicitHeader.call(this);
      else hold.calls.implicitHeader(hold);
    },
    flushHeaders(this: On): void {
      const hold = holdOf(this, 'flushHeaders');
      if (hold === undefined) previous.flushHeaders.call(this);
      else hold.calls.flushHeaders(hold);
    },
  };
}

function ofBody(holdOf: HoldOf, { write, end, destroy, _send }: PreviousMethods) {
  return {
    write(this: On, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
      const hold = holdOf(this, 'write');
      if (hold === undefined) return write.call(this, chunk as never, encoding as never, callback as never);
      return hold.calls.write(hold, chunk, encoding, callback);
    },
    end(this: On, chunk?: unknown, encoding?: unknown, callback?: unknown): On {
      const hold = holdOf(this, 'end');
      if (hold === undefined)
        return end.call(this, chunk as never, encoding as never, callback as never) as On;
      return hold.calls.end(hold, chunk, encoding, callback);
    },
    destroy(this: On, error?: Error): On {
      const hold = holdOf(this, 'destroy');
      return hold === undefined ? (destroy.call(this, error) as On) : hold.calls.destroy(hold, error);
    },
    _send(this: On, data?: unknown, encoding?: unknown, callback?: unknown, byteLength?: unknown): boolean {
      const hold = holdOf(this, '_send');
      if (hold === undefined) return _send.call(this, data, encoding, callback, byteLength);
      return hold.calls.send(hold, data, encoding, callback, byteLength);
    },
  };
}

function ofWire(holdOf: HoldOf, previous: PreviousMethods) {
  return {
    cork(this: On): void {
      const hold = holdOf(this, 'cork');
      if (hold === undefined) previous.cork.call(this);
      else hold.calls.cork(hold);
    },
    uncork(this: On): void {
      const hold = holdOf(this, 'uncork');
      if (hold === undefined) previous.uncork.call(this);
      else hold.calls.uncork(hold);
    },
    /** Not a method of Node: compression adds it. */
    flush(this: On): void {
      const hold = holdOf(this, 'flush');
      if (hold === undefined) previous.flush?.call(this);
      else hold.calls.flush(hold);
    },
    on(this: On, event: string | symbol, listener: Listener): On {
      const hold = holdOf(this, 'on');
      if (hold === undefined) return previous.on.call(this, event, listener) as On;
      return hold.calls.on(hold, event, listener);
    },
  };
}
