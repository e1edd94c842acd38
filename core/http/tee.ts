import { misuse, toError } from '../errors.js';
import { tooLarge } from './body-limits.js';
import { type Chunk, checkedChunk } from './body-source.js';
import { KeptBytes } from './kept-bytes.js';
import { type Kept, KeptChunks } from './kept-chunks.js';
import {
  dismiss,
  dismissBehind,
  dismissThoseAt,
  hindmost,
  type Pass,
  positionsOf,
  type Step,
} from './passes.js';

/** How long a reader may pause after the exchange before it counts as gone, in milliseconds. */
const patience = 5_000;
/**
 * How long a reader may pause while exits wait for the body to close: about one disk write, in milliseconds.
 */
const readersPause = 50;

/**
 * Several readers over one source. Each has its own pass from the start, and a chunk is kept while a reader
 * may still need it. The source is not opened before the first read.
 */
export class Tee {
  readonly #source: AsyncIterable<Chunk>;
  readonly #owner: string;
  /** How many bytes are kept; all if `undefined`. */
  readonly #limit: (() => number) | undefined;
  readonly #passes = new Set<Pass>();
  #iterator: AsyncIterator<Chunk> | undefined;
  /** The step of the reader for which the source is asked. */
  #pulling: Promise<Step> | undefined;
  #puller: Pass | undefined;
  #kept: Kept | undefined;
  /** Whether chunks are kept for later readers. */
  #isKeeping = true;
  /** Whether the source exceeded the limit. */
  #isOverrun = false;
  /** `given`: the source was handed to a new owner, who closes it. */
  #state: 'open' | 'given' | 'ended' = 'open';
  #failure: Error | undefined;

  constructor(source: AsyncIterable<Chunk>, owner: string, limit: (() => number) | undefined) {
    this.#source = source;
    this.#owner = owner;
    this.#limit = limit;
  }

  get hasBegun(): boolean {
    return this.#iterator !== undefined;
  }

  get isBeingRead(): boolean {
    return this.#passes.size > 0;
  }

  /** Whether the source has ended, failed or been given away. */
  get isOver(): boolean {
    return this.#state !== 'open' || this.#failure !== undefined;
  }

  /** Starts a pass. Throws `BODY_CONSUMED`, or an HTTPException of 413, if the start is no longer kept. */
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

  /** Keeps chunks for later readers. */
  keep(): void {
    this.#isKeeping = true;
  }

  stopKeeping(): void {
    this.#isKeeping = false;
  }

  /** Gives the source away, and returns the chunks read so far. Active readers keep reading. */
  give(): Chunk[] {
    const chunks = this.#kept?.chunks() ?? [];
    this.#state = 'given';
    this.dismissUnread();
    this.stopKeeping();
    this.free();
    return chunks;
  }

  /**
   * Drops streams that were only inspected (`response.body === null`). A real reader has started by the time
   * the response is sent, or takes a clone.
   */
  dismissUnread(): void {
    const unread = [...this.#passes].filter(({ isStream, position }) => isStream && position === 0);
    if (unread.length === 0) return;
    setTimeout(() => {
      for (const pass of unread) if (pass.position === 0 && !pass.isWaiting) dismiss(this.#passes, pass);
      this.free();
    }, 0);
  }

  /** Drops streams that nobody has started to read. */
  dismissUntouched(): void {
    for (const pass of this.#passes) if (pass.isStream && pass.position === 0) dismiss(this.#passes, pass);
  }

  /** Active readers may finish; one that pauses for five seconds counts as gone. */
  closeWhenIdle(): Promise<void> | undefined {
    if (this.#state !== 'open') return undefined;
    this.stopKeeping();
    this.free();
    if (!this.isBeingRead) return this.close();
    const before = positionsOf(this.#passes);
    const timer = setTimeout(() => {
      dismissThoseAt(this.#passes, before);
      // Nobody is left to receive a failure of closing.
      this.closeWhenIdle()?.catch(() => undefined);
    }, patience);
    // Node's timer would keep the process alive.
    (timer as { unref?(): void }).unref?.();
    return undefined;
  }

  /** A reader that pauses for 50 ms counts as gone. */
  async closeWhenLeft(): Promise<void> {
    const before = positionsOf(this.#passes);
    await new Promise(resolve => setTimeout(resolve, readersPause));
    // One more turn: in a busy process, the awaited chunk may have only just arrived.
    await new Promise(resolve => setTimeout(resolve, 0));
    dismissThoseAt(this.#passes, before);
    this.free();
    if (!this.isBeingRead) await this.close();
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#iterator ??= this.#source[Symbol.asyncIterator]();
    await this.#iterator.return?.();
  }

  /** Drops chunks that no reader needs any longer. */
  free(): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const limit = this.#limit?.();
    if (limit !== undefined && kept.end - kept.start > limit) {
      this.#isOverrun = true;
      this.#isKeeping = false;
    }
    if (this.#isKeeping) return;
    // A reader that falls behind does not hold up the others; it gets a 413.
    if (limit !== undefined && this.#passes.size > 1) dismissBehind(this.#passes, limit);
    kept.forget(hindmost(this.#passes, kept.end));
  }

  #next(pass: Pass): Promise<Step> {
    try {
      return Promise.resolve(this.#step(pass) ?? this.#wait(pass));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /** The next step of a reader; `undefined` if it has not arrived. */
  #step(pass: Pass): Step | Promise<Step> | undefined {
    if (pass.closed) throw this.#limit ? tooLarge(this.#limit()) : misuse('BODY_CONSUMED', this.#owner);
    const chunk = this.#kept?.next(pass);
    if (chunk !== undefined) {
      this.free();
      return { value: chunk, done: false };
    }
    if (this.#failure) throw this.#failure;
    return this.#state === 'ended' ? this.#leave(pass) : undefined;
  }

  /** Runs one pull at a time for all readers. */
  #wait(pass: Pass): Promise<Step> {
    pass.isWaiting = true;
    if (this.#pulling) {
      const arrived = (): Step | Promise<Step> => this.#arrivedFor(pass);
      return this.#pulling.then(arrived, arrived);
    }
    this.#puller = pass;
    // By functions that all chunks share.
    this.#pulling = this.#pull().then(this.#received, this.#failed);
    return this.#pulling;
  }

  #arrivedFor(pass: Pass): Step | Promise<Step> {
    pass.isWaiting = false;
    return this.#step(pass) ?? this.#wait(pass);
  }

  async #leave(pass: Pass): Promise<Step> {
    this.#passes.delete(pass);
    this.free();
    // The last reader closes the source, unless the body is kept for others.
    if (!this.#isKeeping && !this.isBeingRead) await this.close();
    return { value: undefined, done: true };
  }

  #pull(): Promise<Step> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      return Promise.resolve(this.#iterator.next() as Promise<Step>);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  readonly #received = (step: Step): Step | Promise<Step> => {
    try {
      if (step.done) this.#state = 'ended';
      else this.#push(checkedChunk(step.value));
    } catch (thrown) {
      return this.#failed(thrown);
    }
    return this.#pulled();
  };

  /** A failure is kept for every reader, so that none mistakes a part for the whole. */
  readonly #failed = (thrown: unknown): Step | Promise<Step> => {
    this.#failure = toError(thrown);
    return this.#pulled();
  };

  #pulled(): Step | Promise<Step> {
    const puller = this.#puller as Pass;
    this.#pulling = undefined;
    return this.#arrivedFor(puller);
  }

  #push(chunk: Chunk): void {
    this.#kept ??= this.#limit ? new KeptBytes() : new KeptChunks();
    this.#kept.push(chunk);
  }
}
