import type { NativeResponse } from '../node-types.js';
import type { Held } from './calls.js';
import { flattenHead, makeHead } from './framing.js';
import { passing } from './passing.js';
import { play } from './play.js';
import { endWithoutBody } from './replacement.js';
import { stepAside } from './slot.js';
import type { Write } from './tape.js';

/** Repeats the calls of a tape. Throws the errors of the previous methods. */
export function releaseTape(hold: Held): void {
  const { head, tape, res, slot } = hold;
  const { lateStatus } = head;
  if (head.dropsBody) return endWithoutBody(hold);
  head.lift();
  const writes = takeWrites(hold);
  hold.calls = passing;
  const cover = uncover(hold);
  if (tape.ended) stepAside(hold);
  hold.output = 'writing';
  try {
    makeHead(res, play, [hold, writes]);
    hold.played();
    if (!tape.ended) flattenHead(res);
    if (lateStatus !== undefined) res.statusCode = lateStatus;
  } catch (thrown) {
    if (slot) slot.hold = hold;
    throw thrown;
  } finally {
    hold.output = 'written';
    if (cover) res.writeHead = cover;
    hold.passed();
  }
}

/** Takes the writes, which now go out: a reader that has not started finds nothing. */
function takeWrites({ tape, reader, viewed }: Held): Write[] {
  if (reader !== undefined && tape.use !== 'waits') return reader.rewind(viewed);
  tape.use = 'played';
  return tape.takeAll();
}

/**
 * Uncovers `writeHead`. Inner wrappers of it ran when the head was made; outer ones that call it by name
 * (compression does) must not run them again.
 */
function uncover({ res, installed }: Held): NativeResponse['writeHead'] | undefined {
  const { writeHead } = res;
  if (installed === undefined || writeHead === installed.writeHead) return undefined;
  res.writeHead = installed.writeHead;
  return writeHead;
}
