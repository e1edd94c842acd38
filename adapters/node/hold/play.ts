import { http2Stream } from '../http2-stream.js';
import type { NativeResponse } from '../node-types.js';
import { give, type Held } from './calls.js';
import { uncorkNow, uncorkSilently } from './corks.js';
import type { PreviousMethods } from './previous.js';
import type { Mark, Write } from './tape.js';

/** Repeats the calls of a tape on the previous methods of the response. */
export function play(hold: Held, writes: Write[]): void {
  const { res, previous, tape } = hold;
  // Here `end` writes its chunk by the topmost `write`, which may be a foreign one that was ended before
  // (compression).
  const isHttp2 = http2Stream(res) !== undefined;
  // A body that Node drops, or that a reader consumed, still makes its head.
  const makesNone = writes.length === 0 ? tape.origin !== 'end' : isHttp2;
  if (makesNone || tape.origin === 'writeHead') hold.head.replay(previous);
  if (tape.ended && tape.trailer !== res._trailer) res._trailer = tape.trailer as string;
  const last = tape.ended === 'withChunk' && !isHttp2 ? writes.pop() : undefined;
  const marks = tape.takeMarks();
  if (writes.length > 0 || marks || last?.before) new Player(hold).play(writes, last?.before, marks);
  if (tape.ended) playEnd(hold, last);
}

/** Ends a response by the `end` call of native code. */
export function playEnd({ res, previous, tape }: Held, last?: Write): void {
  const { endCallback } = tape;
  const chunk = last?.chunk ?? (endCallback ? tape.noChunk : undefined);
  give(previous.end, res, chunk, last?.encoding, endCallback);
  // If Node refuses the head instead, the answer that replaces this one calls it.
  tape.endCallback = undefined;
}

/** Repeats calls that came between two writes. */
export function playMarks(hold: Held, marks: readonly Mark[]): void {
  new Player(hold).play([], undefined, marks);
}

/** Repeats the writes, and corks them as Node did. */
class Player {
  readonly #hold: Held;
  readonly #res: NativeResponse;
  readonly #previous: PreviousMethods;
  /** Whether Node itself corked a write for the current tick. */
  #isCorkedForTick = false;
  /** Whether everything written until the end of the last tick was sent. */
  #hasDrained = false;
  /** The number of ticks that were ended here and that Node will end again. */
  #ticksToCome = 0;

  constructor(hold: Held) {
    this.#hold = hold;
    this.#res = hold.res;
    this.#previous = hold.previous;
  }

  play(writes: readonly Write[], ...rest: (readonly Mark[] | undefined)[]): void {
    let hasRoom = true;
    for (const { chunk, encoding, callback, before } of writes) {
      this.#playMarks(before);
      const corked = this.#res.writableCorked;
      hasRoom = give(this.#previous.write, this.#res, chunk, encoding, callback) as boolean;
      this.#hasDrained = false;
      this.#isCorkedForTick ||= this.#res.writableCorked > corked;
    }
    for (const marks of rest) this.#playMarks(marks);
    this.#keepCorks();
    const { tape } = this.#hold;
    if (!tape.ended && (hasRoom || this.#hasDrained)) tape.makeRoom();
  }

  #playMarks(marks: readonly Mark[] | undefined): void {
    if (marks) for (const mark of marks) this.#playMark(mark);
  }

  #playMark(mark: Mark): void {
    if (mark !== 'tick') this.#previous[mark]?.call(this.#res);
    else if (this.#isCorkedForTick) this.#endTick();
    else if (this.#hold.outer) endTick(this.#hold.outer);
  }

  #endTick(): void {
    const { writableNeedDrain } = this.#res;
    if (writableNeedDrain) uncorkSilently(this.#res, this.#previous);
    else uncorkNow(this.#res, this.#previous);
    this.#hasDrained = writableNeedDrain && !this.#res.writableNeedDrain;
    this.#isCorkedForTick = false;
    this.#ticksToCome += 1;
  }

  /** Keeps Node, which will still end these ticks, from ending a cork of native code. */
  #keepCorks(): void {
    if (this.#res.writableCorked === 0) return;
    for (; this.#ticksToCome > 0; this.#ticksToCome -= 1) this.#previous.cork.call(this.#res);
  }
}

/** Ends a tick: a hold above wrote what was written in one tick, and continues with the next. */
function endTick(hold: Held): void {
  const { name } = hold.calls;
  if (name === 'open' || name === 'held') hold.tape.mark('tick');
  else if (name === 'passing' && hold.outer) endTick(hold.outer);
}
