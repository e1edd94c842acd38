import { misuse, toError } from '../errors.js';
import { tooLarge } from './body-limits.js';
import { type Chunk, checkedChunk } from './body-source.js';
import { KeptBytes } from './kept-bytes.js';
import { type Cursor, type Kept, KeptChunks } from './kept-chunks.js';

/** How long a reader may ask for nothing when the exchange is over, in milliseconds. */
const patience = 5_000;
/**
 * How long one may do so while the exits wait for the body to close: as long as a write to a disk takes, in
 * milliseconds.
 */
const readersPause = 50;

/** One reading of a body, from its beginning. */
export interface Pass extends AsyncIterableIterator<Chunk, undefined>, Cursor {
  closed: boolean;
  /** Whether somebody waits for its next chunk. */
  isWaiting: boolean;
  /** Whether it is that of a stream, which may have been asked for only to be looked at. */
  isStream: boolean;
}

/**
 * Several readers over one source. Each has a pass of its own, from the beginning, and a chunk is kept as
 * long as somebody may still read it. The source is not opened before the first read.
 */
export class Tee {
  readonly #source: AsyncIterable<Chunk>;
  readonly #owner: string;
  /** How many bytes are kept; all of them without it. */
  readonly #limit: (() => number) | undefined;
  readonly #passes = new Set<Pass>();
  #iterator: AsyncIterator<Chunk> | undefined;
  #pulling: Promise<void> | undefined;
  /** The chunks that somebody may still read; made with the first one. */
  #kept: Kept | undefined;
  /** Whether chunks stay for readers that come later. */
  #isKeeping = true;
  /** Whether there was more than is kept. */
  #isOverrun = false;
  /** `given`: the source is somebody else's, who closes it. */
  #state: 'open' | 'given' | 'ended' = 'open';
  #failure: Error | undefined;

  constructor(source: AsyncIterable<Chunk>, owner: string, limit: (() => number) | undefined) {
    this.#source = source;
    this.#owner = owner;
    this.#limit = limit;
  }

  /** Whether chunks were taken out of the source. */
  get hasBegun(): boolean {
    return this.#iterator !== undefined;
  }

  /** Whether somebody is reading, or has announced it. */
  get isBeingRead(): boolean {
    return this.#passes.size > 0;
  }

  /** Whether the source has ended or failed, or is somebody else's. */
  get isOver(): boolean {
    return this.#state !== 'open' || this.#failure !== undefined;
  }

  /** Throws `BODY_CONSUMED`, and an HTTPException of 413, where the beginning is no longer there. */
  begin(isStream: boolean): Pass {
    if (this.#isOverrun && this.#limit) throw tooLarge(this.#limit());
    if (this.#kept && this.#kept.start > 0) throw misuse('BODY_CONSUMED', this.#owner);
    const pass: Pass = {
      position: 0,
      closed: false,
      isWaiting: false,
      isStream,
      next: () => this.#next(pass),
      return: () => this.#leave(pass),
      [Symbol.asyncIterator]: () => pass,
    };
    this.#passes.add(pass);
    return pass;
  }

  /** Keeps what comes for readers that come later, too. */
  keep(): void {
    this.#isKeeping = true;
  }

  /** Readers that come later find no more than there is now. */
  stopKeeping(): void {
    this.#isKeeping = false;
  }

  /** Gives the source away, with the chunks read so far. Those who still read keep reading. */
  give(): Chunk[] {
    const chunks = this.#kept?.chunks() ?? [];
    this.#state = 'given';
    this.dismissUnread();
    this.stopKeeping();
    this.free();
    return chunks;
  }

  /**
   * A stream that was only looked at (`response.body === null`) is not kept for: who wants it has begun to
   * read by the time the response is sent, or takes a clone.
   */
  dismissUnread(): void {
    const unread = [...this.#passes].filter(({ isStream, position }) => isStream && position === 0);
    if (unread.length === 0) return;
    setTimeout(() => {
      for (const pass of unread) if (pass.position === 0 && !pass.isWaiting) this.#dismiss(pass);
      this.free();
    }, 0);
  }

  /** Streams that were given out, and of which nobody has read. */
  dismissUntouched(): void {
    for (const pass of this.#passes) if (pass.isStream && pass.position === 0) this.#dismiss(pass);
  }

  /** Those who read go on to do so; one that asks for nothing for five seconds has left. */
  closeWhenIdle(): Promise<void> | undefined {
    if (this.#state !== 'open') return undefined;
    this.stopKeeping();
    this.free();
    if (!this.isBeingRead) return this.close();
    const before = this.#positions();
    const timer = setTimeout(() => {
      this.#dismissThoseAt(before);
      // What it is closed with fails for nobody.
      this.closeWhenIdle()?.catch(() => undefined);
    }, patience);
    // Node's keeps the process from ending, unless it is told not to.
    (timer as { unref?(): void }).unref?.();
    return undefined;
  }

  /** A reader that asks for nothing for 50 ms has left. */
  async closeWhenLeft(): Promise<void> {
    const before = this.#positions();
    await new Promise(resolve => setTimeout(resolve, readersPause));
    // A turn more: where the process was busy, what a reader waits for may have come just now.
    await new Promise(resolve => setTimeout(resolve, 0));
    this.#dismissThoseAt(before);
    this.free();
    if (!this.isBeingRead) await this.close();
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#iterator ??= this.#source[Symbol.asyncIterator]();
    await this.#iterator.return?.();
  }

  /** Drops the chunks that nobody may read any more. */
  free(): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const limit = this.#limit?.();
    if (limit !== undefined && kept.end - kept.start > limit) {
      this.#isOverrun = true;
      this.#isKeeping = false;
    }
    if (this.#isKeeping) return;
    const passes = [...this.#passes];
    const foremost = Math.max(...passes.map(pass => pass.position));
    // A reader that has fallen behind by more than the limit holds nobody up, and gets a 413.
    const isLeft = limit === undefined ? passes : passes.filter(pass => foremost - pass.position <= limit);
    for (const pass of passes) if (!isLeft.includes(pass)) this.#dismiss(pass);
    kept.forget(Math.min(...isLeft.map(pass => pass.position), kept.end));
  }

  async #next(pass: Pass): Promise<IteratorResult<Chunk, undefined>> {
    for (;;) {
      if (pass.closed) throw this.#limit ? tooLarge(this.#limit()) : misuse('BODY_CONSUMED', this.#owner);
      const chunk = this.#kept?.next(pass);
      if (chunk !== undefined) {
        this.free();
        return { value: chunk, done: false };
      }
      if (this.#failure) throw this.#failure;
      if (this.#state === 'ended') return this.#leave(pass);
      this.#pulling ??= this.#pull();
      pass.isWaiting = true;
      await this.#pulling;
      pass.isWaiting = false;
    }
  }

  async #leave(pass: Pass): Promise<IteratorResult<Chunk, undefined>> {
    this.#passes.delete(pass);
    this.free();
    // Who reads last closes the door, unless the body waits for others.
    if (!this.#isKeeping && !this.isBeingRead) await this.close();
    return { value: undefined, done: true };
  }

  #dismiss(pass: Pass): void {
    pass.closed = true;
    this.#passes.delete(pass);
  }

  #positions(): Map<Pass, number> {
    return new Map([...this.#passes].map(pass => [pass, pass.position]));
  }

  /** Readers that have taken nothing since, and wait for nothing. */
  #dismissThoseAt(before: ReadonlyMap<Pass, number>): void {
    for (const [pass, position] of before)
      if (pass.position === position && !pass.isWaiting) this.#dismiss(pass);
  }

  /**
   * One pull at a time, whoever needs it. A failure is kept for every reader, so that none takes a part for
   * the whole.
   */
  async #pull(): Promise<void> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      const { value, done } = await this.#iterator.next();
      if (done) this.#state = 'ended';
      else this.#push(checkedChunk(value));
    } catch (thrown) {
      this.#failure = toError(thrown);
    } finally {
      this.#pulling = undefined;
    }
  }

  #push(chunk: Chunk): void {
    this.#kept ??= this.#limit ? new KeptBytes() : new KeptChunks();
    this.#kept.push(chunk);
  }
}
