import { bodyOf, type Response } from '../../../core/adapter.js';
import type { BodyProducer } from '../response/body-producer.js';
import { discardSource } from '../response/discard-source.js';
import { writeResponse } from '../response/write-response.js';
import type { Held } from './calls.js';
import { uncorkNow } from './corks.js';
import { attachHeaders, detachHeaders } from './detached-headers.js';
import { pipedInto } from './piped-sources.js';
import { playEnd } from './play.js';
import { callBackAtFinish } from './record.js';
import { replaced } from './replaced.js';

/** Sends another response in place of the native one. Returns its producer, if it is streamed. */
export function replaceBy(hold: Held, response: Response, method: string): BodyProducer | undefined {
  const { res, substitute } = hold;
  const wasDetached = attachHeaders(res);
  hold.turn(replaced);
  substitute.base?.restore(res);
  callBackAtFinish(hold);
  // Callbacks of writes run before that of the end, as in Node.
  if (bodyOf(response).whole !== undefined) hold.tape.sink();
  let producer: BodyProducer | undefined;
  try {
    producer = write(hold, () => writeResponse(response, method, res, hold.previous, hold));
  } finally {
    if (substitute.downstreamRuns || wasDetached) detachHeaders(res);
    if (producer) keepForReaders(hold);
    else finish(hold);
  }
  return producer;
}

/** Ends a response whose middleware set a status without a body. */
export function endWithoutBody(hold: Held): void {
  hold.turn(replaced);
  write(hold, () => playEnd(hold));
  finish(hold);
}

function write<T>(hold: Held, writing: () => T): T {
  hold.output = 'writing';
  try {
    return hold.room.whileWriting(writing);
  } finally {
    hold.output = 'written';
  }
}

/** Keeps the native body for its readers: a streamed response may be made from it. */
function keepForReaders(hold: Held): void {
  hold.room.hideWire();
  if (hold.hasAfterwards) hold.res.once('close', () => hold.runAfterwards());
}

function finish(hold: Held): void {
  sink(hold);
  hold.runAfterwards();
}

/** Drops what native code wrote, and destroys the streams that would produce more. */
export function sink({ res, tape, ending, firstSource }: Held): void {
  tape.sink();
  if (ending !== 'ended') for (const source of pipedInto(res).slice(firstSource)) discardSource(source, res);
}

/**
 * Drops corks of native code, which are not on the connection. Corks from outside that it undid are undone.
 */
export function dropCorks({ res, previous, tape }: Held): void {
  for (let undone = tape.takeCorks(); undone > 0; undone -= 1) uncorkNow(res, previous);
}
