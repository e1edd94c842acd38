import { misuse } from '../errors.js';
import { tooLarge } from './body-limits.js';
import { type Bytes, type Chunk, type Content, isChunk, toBytes } from './body-source.js';
import { KeptBytes } from './kept-bytes.js';
import { type Pass, Tee } from './tee.js';
import { once, toStream } from './to-stream.js';

/** Whose body it is, and how much of it stays for readers that come later. */
export interface BodyOptions {
  /** As messages call it; `response` unless set. */
  owner?: string;
  /** How many bytes are kept; all of them unless set. Who needs more than that gets a 413. */
  limit?: () => number;
  /** The size in bytes, where all of it is there, even if it is read in chunks; else `undefined`. */
  size?: () => number | undefined;
}

/**
 * The body of a request or a response, for its readers.
 *
 * Reading takes nothing away: every reader, the client among them, has a pass of its own over the one source.
 * Nothing is opened before the first read, so a body that nobody reads costs nothing.
 */
export class Body {
  readonly #open: () => Content;
  readonly #owner: string;
  readonly #limit: (() => number) | undefined;
  readonly #sizeOf: (() => number | undefined) | undefined;
  /**
   * `fresh`: nobody has had any of it. `shared`: by its readers. `sent`: the source itself was handed over to
   * whoever sends it. `gone`: closed without being read.
   */
  #state: 'fresh' | 'shared' | 'sent' | 'gone' = 'fresh';
  #content: Content | undefined;
  /** Of a body that is not there as a whole. */
  #tee: Tee | undefined;
  #keepsForLater = true;
  #bytes: Promise<Uint8Array> | undefined;
  #collected: Uint8Array | undefined;
  #closing: Promise<void> | undefined;

  constructor(open: () => Content, { owner = 'response', limit, size }: BodyOptions = {}) {
    this.#open = open;
    this.#owner = owner;
    this.#limit = limit;
    this.#sizeOf = size;
  }

  /** Whether a reader has begun, as Fetch's `bodyUsed`. */
  get used(): boolean {
    return this.#bytes !== undefined || this.taken;
  }

  /** Whether chunks were taken out of where they came from. */
  get taken(): boolean {
    return this.#tee?.hasBegun === true;
  }

  /** The body where all of it is there; `undefined` where it is yet to be produced. */
  get whole(): null | Chunk | undefined {
    const content = this.#opened;
    return content === null || isChunk(content) ? content : undefined;
  }

  /** The size in bytes, where all of it is there; it is not opened for that. */
  get size(): number | undefined {
    if (this.#sizeOf) return this.#sizeOf();
    const { whole } = this;
    if (whole === undefined) return undefined;
    return whole === null ? 0 : toBytes(whole).byteLength;
  }

  /** Whether somebody is reading, or has announced it. */
  get isBeingRead(): boolean {
    return this.#tee?.isBeingRead === true;
  }

  /** Whether it has been opened, and is produced piece by piece. */
  get isProduced(): boolean {
    const content = this.#content;
    return content !== undefined && content !== null && !isChunk(content);
  }

  /** Whether somebody has looked, and there is no body. */
  get isNothing(): boolean {
    return this.#content === null;
  }

  /** Whether a reader was given `source`: the stream of this body, or, as `content`, all of its bytes. */
  gave(source: unknown, content: Content): boolean {
    if (typeof source === 'object' && source !== null && streams.get(source) === this) return true;
    if (content === null) return this.isNothing;
    const collected = this.#collected;
    return collected !== undefined && isChunk(content) && areEqual(toBytes(content), collected);
  }

  /** The whole body. Rejects with what its producer throws, and with `BODY_CONSUMED` where it is gone. */
  bytes(): Promise<Uint8Array> {
    this.#bytes ??= this.#collect().then(bytes => {
      this.#collected = bytes;
      return bytes;
    });
    return this.#bytes;
  }

  async text(): Promise<string> {
    const content = this.#opened;
    if (typeof content !== 'string') return new TextDecoder().decode(await this.bytes());
    this.#collected ??= toBytes(content);
    this.#bytes ??= Promise.resolve(this.#collected);
    return content;
  }

  /** The body as a Web stream; `null` where there is none. Where the body is kept, each call begins anew. */
  stream(): ReadableStream<Bytes> | null {
    const content = this.#opened;
    if (content === null) return null;
    const stream = toStream(isChunk(content) ? once(content) : this.#begin(content, true));
    streams.set(stream, this);
    return stream;
  }

  /** What a copy of this body gives: the same chunks, whenever they are read. */
  copy(): Content {
    const content = this.#opened;
    return content === null || isChunk(content) ? content : this.#begin(content);
  }

  /** Takes the body to send it: the source itself where nobody reads it, else a pass of the client's own. */
  take(): Content {
    const content = this.#opened;
    if (content === null || isChunk(content)) return content;
    if (!this.taken && !this.isBeingRead) {
      this.#state = 'sent';
      return content;
    }
    const pass = this.#begin(content);
    this.#tee?.stopKeeping();
    this.#tee?.dismissUnread();
    return pass;
  }

  /** Takes the chunks read so far and gives them back to their source. Readers keep reading. */
  takeUnread(): Chunk[] {
    this.#state = 'sent';
    return this.#tee?.give() ?? [];
  }

  /** Another response is sent instead: whoever reads this body may read the rest of it. */
  stopKeeping(): void {
    this.#keepsForLater = false;
    this.#tee?.stopKeeping();
    this.#tee?.free();
  }

  /** Closes the producer of a body that nobody reads. Returns `undefined` without a producer. */
  closeUnread(): Promise<void> | undefined {
    const tee = this.#streamed(this.#openedOrGone);
    if (tee === undefined) return undefined;
    tee.stopKeeping();
    tee.dismissUntouched();
    if (!tee.isBeingRead) this.#closing ??= this.#close(tee);
    return this.#closing;
  }

  /**
   * The answer is out, and what the producer works with will exit: closes it, unless it has ended or somebody
   * waits for its next chunk. One that was not sent may have to be opened for that.
   */
  closeWhenLeft(isUnsent: boolean): Promise<void> | undefined {
    const tee = this.#streamed(isUnsent ? this.#openedOrGone : this.#content);
    if (tee === undefined || this.#closing) return this.#closing;
    if (this.#state === 'sent' || tee.isOver) return undefined;
    tee.stopKeeping();
    if (isUnsent) tee.dismissUntouched();
    return tee.isBeingRead ? tee.closeWhenLeft() : this.#close(tee);
  }

  /**
   * The exchange is over. Who still reads goes on to do so; where nobody does, the producer is closed. A
   * reader that asks for nothing any more cannot be told from one that is slow, but by time.
   */
  closeWhenIdle(): Promise<void> | undefined {
    const tee = this.#streamed(this.#content);
    return this.#state === 'sent' ? undefined : tee?.closeWhenIdle();
  }

  async #close(tee: Tee): Promise<void> {
    if (this.#state === 'sent') return;
    this.#state = 'gone';
    await tee.close();
  }

  /** A body that somebody else has is closed by that one. */
  get #openedOrGone(): Content {
    try {
      return this.#opened;
    } catch {
      return null;
    }
  }

  get #opened(): Content {
    if (this.#content === undefined) this.#content = this.#open();
    return this.#content;
  }

  async #collect(): Promise<Uint8Array> {
    const content = this.#opened;
    if (content === null) return new Uint8Array(0);
    if (isChunk(content)) return toBytes(content);
    const pass = this.#begin(content);
    if (this.#limit === undefined) this.#tee?.keep();
    const collected = new KeptBytes();
    for await (const chunk of pass) {
      collected.push(chunk);
      if (this.#limit && collected.size > this.#limit()) throw tooLarge(this.#limit());
    }
    return collected.joined();
  }

  #begin(content: AsyncIterable<Chunk>, isStream = false): Pass {
    const pass = this.#state === 'sent' ? undefined : this.#teeOf(content).begin(isStream);
    if (pass === undefined) throw misuse('BODY_CONSUMED', this.#owner);
    if (this.#state === 'fresh') this.#state = 'shared';
    return pass;
  }

  #teeOf(content: AsyncIterable<Chunk>): Tee {
    if (this.#tee) return this.#tee;
    this.#tee = new Tee(content, this.#owner, this.#limit);
    if (!this.#keepsForLater) this.#tee.stopKeeping();
    return this.#tee;
  }

  /** The readers of what is opened, if it is not there as a whole. */
  #streamed(content: Content | undefined): Tee | undefined {
    if (content === undefined || content === null || isChunk(content)) return undefined;
    return this.#teeOf(content);
  }
}

/** The streams that were given to readers. */
const streams = new WeakMap<object, Body>();

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let index = 0; index < a.byteLength; index += 1) if (a[index] !== b[index]) return false;
  return true;
}
