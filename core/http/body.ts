import { misuse, toError } from '../errors.js';
import { type Bytes, type Chunk, type Content, checkedChunk, isChunk, toBytes } from './body-source.js';
import { HTTPException } from './http-exception.js';
import { KeptBytes } from './kept-bytes.js';
import { type Cursor, type Kept, KeptChunks } from './kept-chunks.js';

/** How long a reader may do without what it has not asked for, when the exchange is over, in milliseconds. */
const patience = 5_000;
/** How long one may do so while the exits wait for the body to be closed: as long as a write to a disk takes, in milliseconds. */
const readersPause = 50;

/** One reading of a body, from its beginning. */
interface Pass extends AsyncIterableIterator<Chunk, undefined>, Cursor {
  closed: boolean;
  /** Whether somebody waits for its next chunk. */
  isWaiting: boolean;
  /** Whether it is that of a stream, which may have been asked for only to be looked at. */
  isStream: boolean;
}

/** Whose body it is, and how much of it stays for readers that come later. */
export interface BodyOptions {
  /** As messages call it; `response` unless set. */
  owner?: string;
  /** How many bytes are kept; all of them unless set. Who needs more than that gets a 413. */
  limit?: () => number;
  /** The size in bytes of one that is all there, although it is read in chunks; `undefined` while it is not. */
  size?: () => number | undefined;
}

/**
 * The body of a request or a response, for its readers.
 *
 * Reading takes nothing away: every reader, the client among them, has a pass of its own over the one source. A chunk is
 * kept as long as somebody may still read it. Nothing is opened before the first read, so a body that nobody reads
 * costs nothing.
 */
export class Body {
  readonly #open: () => Content;
  readonly #owner: string;
  readonly #limit: (() => number) | undefined;
  readonly #sizeOf: (() => number | undefined) | undefined;
  #content: Content | undefined;
  #bytes: Promise<Uint8Array> | undefined;
  #collected: Uint8Array | undefined;
  #source: AsyncIterator<Chunk> | undefined;
  #pulling: Promise<void> | undefined;
  #passes: Set<Pass> | undefined;
  /** The chunks that somebody may still read; made with the first one. */
  #kept: Kept | undefined;
  /** Whether chunks stay for readers that come later. */
  #keeping = true;
  /** Whether there was more than is kept. */
  #isOverrun = false;
  /** Whether the source itself was handed over to be sent. */
  #handedOver = false;
  #lent = false;
  #ended = false;
  #failure: Error | undefined;
  #discarded: Promise<void> | undefined;

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

  /** Whether a stream or a copy was given out, so that somebody may still read it. */
  get lent(): boolean {
    return this.#lent;
  }

  /** Whether chunks were taken out of where they came from. */
  get taken(): boolean {
    return this.#source !== undefined;
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
    return this.#passes !== undefined && this.#passes.size > 0;
  }

  /** Whether somebody has looked, and there is no body. */
  get isNothing(): boolean {
    return this.#content === null;
  }

  /** Whether `source` is what a reader was given of it: its stream as it is, or, as `content`, all of its bytes. */
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
    this.#lent ||= !isChunk(content);
    const stream = toStream(isChunk(content) ? once(content) : this.#beginPass(true));
    streams.set(stream, this);
    return stream;
  }

  /** What a copy of this body gives: the same chunks, whenever they are read. */
  copy(): Content {
    const content = this.#opened;
    if (content === null || isChunk(content)) return content;
    this.#lent = true;
    return this.#beginPass();
  }

  /** What there is to send: the source as it is where nobody reads it, else a pass of the client's own. */
  content(): Content {
    const content = this.#opened;
    if (content === null || isChunk(content)) return content;
    if (!this.taken && !this.isBeingRead) {
      this.#handedOver = true;
      return content;
    }
    const pass = this.#beginPass();
    this.#keeping = false;
    this.#dismissUnread();
    return pass;
  }

  /**
   * A stream that was only looked at (`response.body === null`) is not kept for: who wants it has begun to read by the time the response
   * is sent, or takes a clone.
   */
  #dismissUnread(): void {
    const unread = [...(this.#passes ?? [])].filter(({ isStream, position }) => isStream && position === 0);
    if (unread.length === 0) return;
    setTimeout(() => {
      for (const pass of unread) if (pass.position === 0 && !pass.isWaiting) this.#dismiss(pass);
      this.#free();
    }, 0);
  }

  /**
   * The exchange is over. Who still reads goes on to do so; where nobody does, the producer is closed. A reader that asks for nothing
   * any more can not be told from one that is slow, but by time.
   */
  release(): Promise<void> | undefined {
    const content = this.#content;
    if (content === undefined || content === null || isChunk(content)) return undefined;
    if (this.#ended || this.#handedOver) return undefined;
    this.#keeping = false;
    this.#free();
    if (!this.isBeingRead) return this.#close();
    this.#dismissIdle();
    return undefined;
  }

  #dismissIdle(): void {
    const before = this.#positions();
    const timer = setTimeout(() => {
      this.#dismissThoseAt(before);
      // What it is closed with fails for nobody.
      this.release()?.catch(() => undefined);
    }, patience);
    // Node's keeps the process from ending, unless it is told not to.
    (timer as { unref?(): void }).unref?.();
  }

  /** The chunks read so far, for where they came from, which goes on natively. Those who still read keep reading. */
  unread(): Chunk[] {
    const chunks = this.#kept?.chunks() ?? [];
    this.#handedOver = true;
    this.#dismissUnread();
    this.forget();
    return chunks;
  }

  /** Another response took this one's place: it may be read through by those who do, but it will not be sent. */
  forget(): void {
    this.#keeping = false;
    this.#free();
  }

  /**
   * Closes the producer of a body that nobody has begun to read, or will. Returns nothing where there is
   * none.
   */
  discard(): Promise<void> | undefined {
    const content = this.#openedOrGone;
    if (content === null || isChunk(content)) return undefined;
    this.#keeping = false;
    this.#dismissUntouched();
    if (!this.isBeingRead) this.#discarded ??= this.#close();
    return this.#discarded;
  }

  /** Streams that were given out, and of which nobody has read. */
  #dismissUntouched(): void {
    for (const pass of this.#passes ?? []) if (pass.isStream && pass.position === 0) this.#dismiss(pass);
  }

  /**
   * The answer is out, and what the producer works with will exit: closes it, unless it has ended or somebody waits for its
   * next chunk. A reader that asks for nothing for 50 ms has left. One that was not sent may have to be opened for that.
   */
  settle(isUnsent: boolean): Promise<void> | undefined {
    const content = isUnsent ? this.#openedOrGone : this.#content;
    if (content === undefined || content === null || isChunk(content)) return undefined;
    if (this.#discarded) return this.#discarded;
    if (this.#ended || this.#failure || this.#handedOver) return undefined;
    this.#keeping = false;
    if (isUnsent) this.#dismissUntouched();
    return this.isBeingRead ? this.#closeWhenLeft() : this.#close();
  }

  async #closeWhenLeft(): Promise<void> {
    const before = this.#positions();
    await new Promise(resolve => setTimeout(resolve, readersPause));
    // A turn more: where the process was busy, what a reader waits for may have come just now.
    await new Promise(resolve => setTimeout(resolve, 0));
    this.#dismissThoseAt(before);
    this.#free();
    if (!this.isBeingRead) await this.#close();
  }

  #positions(): Map<Pass, number> {
    return new Map([...(this.#passes ?? [])].map(pass => [pass, pass.position]));
  }

  /** Readers that have taken nothing since, and wait for nothing. */
  #dismissThoseAt(before: ReadonlyMap<Pass, number>): void {
    for (const [pass, position] of before)
      if (pass.position === position && !pass.isWaiting) this.#dismiss(pass);
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
    const pass = this.#beginPass();
    if (this.#limit === undefined) this.#keeping = true;
    const collected = new KeptBytes();
    for await (const chunk of pass) {
      collected.push(chunk);
      if (this.#limit && collected.size > this.#limit()) throw tooLarge(this.#limit());
    }
    return concat(collected.chunks());
  }

  #beginPass(isStream = false): Pass {
    if (this.#isOverrun && this.#limit) throw tooLarge(this.#limit());
    if (this.#handedOver || (this.#kept && this.#kept.start > 0)) throw misuse('BODY_CONSUMED', this.#owner);
    const pass: Pass = {
      position: 0,
      closed: false,
      isWaiting: false,
      isStream,
      next: () => this.#next(pass),
      return: () => this.#leave(pass),
      [Symbol.asyncIterator]: () => pass,
    };
    this.#passes ??= new Set();
    this.#passes.add(pass);
    return pass;
  }

  async #next(pass: Pass): Promise<IteratorResult<Chunk, undefined>> {
    for (;;) {
      if (pass.closed) throw this.#limit ? tooLarge(this.#limit()) : misuse('BODY_CONSUMED', this.#owner);
      const chunk = this.#kept?.next(pass);
      if (chunk !== undefined) {
        this.#free();
        return { value: chunk, done: false };
      }
      if (this.#failure) throw this.#failure;
      if (this.#ended) return this.#leave(pass);
      this.#pulling ??= this.#pull();
      pass.isWaiting = true;
      await this.#pulling;
      pass.isWaiting = false;
    }
  }

  async #leave(pass: Pass): Promise<IteratorResult<Chunk, undefined>> {
    this.#passes?.delete(pass);
    this.#free();
    // Who reads last closes the door, unless the body waits for others.
    if (!this.#keeping && !this.isBeingRead) await this.#close();
    return { value: undefined, done: true };
  }

  #dismiss(pass: Pass): void {
    pass.closed = true;
    this.#passes?.delete(pass);
  }

  /** One pull at a time, whoever needs it. A failure is kept for every reader, so that none takes a part for the whole. */
  async #pull(): Promise<void> {
    try {
      this.#source ??= (this.#opened as AsyncIterable<Chunk>)[Symbol.asyncIterator]();
      const { value, done } = await this.#source.next();
      if (done) this.#ended = true;
      else this.#keep(checkedChunk(value));
    } catch (thrown) {
      this.#failure = toError(thrown);
    } finally {
      this.#pulling = undefined;
    }
  }

  #keep(chunk: Chunk): void {
    this.#kept ??= this.#limit ? new KeptBytes() : new KeptChunks();
    this.#kept.push(chunk);
  }

  #free(): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const limit = this.#limit?.();
    if (limit !== undefined && kept.end - kept.start > limit) {
      this.#isOverrun = true;
      this.#keeping = false;
    }
    if (this.#keeping) return;
    const passes = [...(this.#passes ?? [])];
    const foremost = Math.max(...passes.map(pass => pass.position));
    // A reader that has fallen behind by more than the limit holds nobody up, and gets a 413.
    const isLeft = limit === undefined ? passes : passes.filter(pass => foremost - pass.position <= limit);
    for (const pass of passes) if (!isLeft.includes(pass)) this.#dismiss(pass);
    kept.forget(Math.min(...isLeft.map(pass => pass.position), kept.end));
  }

  async #close(): Promise<void> {
    if (this.#ended || this.#handedOver) return;
    this.#ended = true;
    this.#source ??= (this.#opened as AsyncIterable<Chunk>)[Symbol.asyncIterator]();
    await this.#source.return?.();
  }
}

/** The streams that were given to readers. */
const streams = new WeakMap<object, Body>();

function toStream(chunks: AsyncIterator<Chunk, unknown>): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(toBytes(value as Chunk) as Bytes);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    // Nothing is pulled before somebody reads, so an unread `response.body` leaves the native stream alone.
    { highWaterMark: 0 },
  );
}

async function* once(chunk: Chunk): AsyncGenerator<Chunk, void, unknown> {
  yield chunk;
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let index = 0; index < a.byteLength; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1 && parts[0]) return parts[0];
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

/** The client has sent more than readers may hold in memory. */
export function tooLarge(limit: number): HTTPException {
  const detail = `The body is larger than ${limit} bytes.`;
  return new HTTPException(413, detail, { cause: misuse('BODY_TOO_LARGE', limit) });
}

/** More has come, or was announced, than `bodyLimit()` lets come at all. */
export function contentTooLarge(limit: number): HTTPException {
  return new HTTPException(413, 'Content Too Large', { cause: misuse('BODY_LIMIT', limit) });
}

/** A form of either content type, read as the platform reads it. Throws a `TypeError` for bytes that are no form. */
export function formDataOf(bytes: ArrayBuffer, type: string | null): Promise<FormData> {
  return new globalThis.Response(bytes, { headers: { 'content-type': type ?? '' } }).formData();
}
