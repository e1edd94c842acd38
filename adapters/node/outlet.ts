import type { Response } from '../../core/adapter.js';
import type { Hold } from './hold/hold.js';
import type { NativeExchange } from './native-exchange.js';
import type { BodyProducer } from './response/body-producer.js';
import { writeResponse } from './response/write-response.js';

/** Sends a response at a hold: as it was written, or in place of what native code has written there. */
export function put(native: NativeExchange, hold: Hold, response: Response): void {
  if (hold.viewed === response) return hold.release();
  const { holds } = native.waiters;
  // Those above it were not released where a layer inside was not waited for.
  for (const each of holds.slice(holds.indexOf(hold) + 1))
    if (each.state === 'open' || each.state === 'held') each.giveUp();
  keep(native, hold.replace(response, native.method));
}

/** Writes a response onto the native one, as native code would: the topmost hold gets it. */
export function write(native: NativeExchange, response: Response): void {
  keep(native, writeResponse(response, native.method, native.res));
}

/** The same for one that is no longer needed after that: those further out get what is made of it. */
export function writeThrough(native: NativeExchange, response: Response): void {
  write(native, response);
  native.exchange.replaced(response);
}

/** Remembers the producer of a streamed body, to close it with the response. */
export function keep(native: NativeExchange, producer: BodyProducer | undefined): void {
  if (producer) native.producers.keep(producer);
}
