import type { Response } from '../../core/adapter.js';
import type { Hold } from './hold/hold.js';
import type { NativeExchange } from './native-exchange.js';
import type { BodyProducer } from './response/body-producer.js';
import { writeResponse } from './response/write-response.js';

/** Sends a response at a hold, in place of what native code has written there. */
export function put(native: NativeExchange, hold: Hold, response: Response): void {
  const { holds } = native.waiters;
  // Holds above it are still unreleased if an inner layer was not waited for.
  for (const each of holds.slice(holds.indexOf(hold) + 1))
    if (each.state === 'open' || each.state === 'held') each.giveUp();
  keep(native, hold.replace(response, native.method));
}

/** Writes a response to the native one, as native code would: the topmost hold receives it. */
export function write(native: NativeExchange, response: Response): void {
  keep(native, writeResponse(response, native.method, native.res));
}

/** Writes a response that is not needed afterwards: outer code receives what is made from it. */
export function writeThrough(native: NativeExchange, response: Response): void {
  write(native, response);
  native.exchange.replaced(response);
}

/** Remembers the producer of a streamed body, to close it with the response. */
export function keep(native: NativeExchange, producer: BodyProducer | undefined): void {
  if (producer) native.producers.keep(producer);
}
