import { misuse } from '../errors.js';
import { tooLarge } from './body-limits.js';
import { type Bytes, type Chunk, type Content, isChunk, toBytes } from './body-source.js';
import { KeptBytes } from './kept-bytes.js';
import { Tee } from './tee.js';
import { once, toStream } from './to-stream.js';

/** The owner of a body, and how many bytes it keeps for later readers. */
export interface BodyOptions {
  /** The name in messages; `response` by default. */
  owner?: string;
  /** How many bytes are kept; all by default. More is a 413. */
  limit?: () => number;
  /** The size in bytes of a complete body, even if it is read in chunks; otherwise `undefined`. */
  size?: () => number | undefined;
}

/**
 * The body of a request or a response.
 *
 * Every reader, the client included, has its own pass over the one source, so reading consumes nothing. The
 * source is not opened before the first read, so an unread body costs nothing.
 */
export class Body {
  readonly #open: () => Content;
  readonly #owner: string;
  readonly #limit: (() => number) | undefined;
  readonly #sizeOf: (() => number | undefined) | undefined;
  /**
   * `shared`: open to readers. `sent`: the source was handed to the sender. `gone`: closed without being
   * read.
   */
  #state: 'fresh' | 'shared' | 'sent' | 'gone' = 'fresh';
  #content: Content | undefined;
  /** Only for a body that is produced in chunks. */
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

  /** Whether a reader has started, as Fetch's `bodyUsed`. */
  get used(): boolean {
    return this.#bytes !== undefined || this.taken;
  }

  /** Whether chunks were pulled from the source. */
  get taken(): boolean {
    return this.#tee?.hasBegun === true;
  }

  /** The complete body; `undefined` if it is still to be produced. */
  get whole(): null | Chunk | undefined {
    const content = this.#opened;
    return content === null || isChunk(content) ? content : undefined;
  }

  /** The size in bytes of a complete body, without opening it. */
  get size(): number | undefined {
    if (this.#sizeOf) return this.#sizeOf();
    const { whole } = this;
    if (whole === undefined) return undefined;
    return whole === null ? 0 : toBytes(whole).byteLength;
  }

  /** Whether a reader is active or has announced itself. */
  get isBeingRead(): boolean {
    return this.#tee?.isBeingRead === true;
  }

  /** Whether the body was opened and is produced in chunks. */
  get isProduced(): boolean {
    const content = this.#content;
    return content !== undefined && content !== null && !isChunk(content);
  }

  get isNothing(): boolean {
    return this.#content === null;
  }

  /**
   * Whether a reader received `source` from here: the stream of this body, or all of its bytes as `content`.
   */
  gave(source: unknown, content: Content): boolean {
    if (typeof source === 'object' && source !== null && streams.get(source) === this) return true;
    if (content === null) return this.isNothing;
    const collected = this.#collected;
    return collected !== undefined && isChunk(content) && areEqual(toBytes(content), collected);
  }

  /** Returns all bytes. Rejects with the producer's error, or with `BODY_CONSUMED` if the body is gone. */
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

  /** Returns the body as a Web stream, or `null`. While the body is kept, each call starts over. */
  stream(): ReadableStream<Bytes> | null {
    const content = this.#opened;
    if (content === null) return null;
    const stream = toStream(isChunk(content) ? once(content) : this.#begin(content, true));
    streams.set(stream, this);
    return stream;
  }

  /** Content for a copy of this body: the same chunks, whenever they are read. */
  copy(): Content {
    const content = this.#opened;
    return content === null || isChunk(content) ? content : this.#begin(content);
  }

  /** Hands the body to its sender: the source itself if nobody reads it, otherwise the client's own pass. */
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

  /** Returns the chunks read so far, so that they can be put back into the source. Readers keep reading. */
  takeUnread(): Chunk[] {
    this.#state = 'sent';
    return this.#tee?.give() ?? [];
  }

  /** Stops keeping chunks for later readers, because another response is sent; current readers may finish. */
  stopKeeping(): void {
    this.#keepsForLater = false;
    this.#tee?.stopKeeping();
    this.#tee?.free();
  }

  /** Closes the producer of an unread body, if it has one. */
  closeUnread(): Promise<void> | undefined {
    const tee = this.#streamed(this.#openedOrGone);
    if (tee === undefined) return undefined;
    tee.stopKeeping();
    tee.dismissUntouched();
    if (!tee.isBeingRead) this.#closing ??= this.#close(tee);
    return this.#closing;
  }

  /**
   * Closes the producer after the response, before its dependencies exit, unless it has ended or a reader
   * waits for its next chunk. An unsent body may have to be opened for that.
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
   * Closes the producer at the end of the exchange unless somebody still reads. Only time distinguishes a
   * reader that has left from a slow one.
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

  /** Whoever consumed a body elsewhere also closes it. */
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

  #begin(content: AsyncIterable<Chunk>, isStream = false): AsyncIterableIterator<Chunk> {
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

  /** The tee of a body that is produced in chunks. */
  #streamed(content: Content | undefined): Tee | undefined {
    if (content === undefined || content === null || isChunk(content)) return undefined;
    return this.#teeOf(content);
  }
}

const streams = new WeakMap<object, Body>();

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let index = 0; index < a.byteLength; index += 1) if (a[index] !== b[index]) return false;
  return true;
}
