import { EventEmitter } from 'node:events';
import { ServerResponse } from 'node:http';
import { toError } from '../../../core/adapter.js';
import type { NativeResponse } from '../node-types.js';
import type { BodyProducer, Chunk } from './body-producer.js';
import { cutShort } from './cut-short.js';

/** The methods that lead to the wire. */
type Wire = Pick<NativeResponse, 'write' | 'end' | 'destroy' | 'on'>;

/** A hold below which a response is written: the calls that Node then makes are not those of native code. */
export interface Writer {
  output: 'none' | 'writing' | 'written';
  /** The listeners for room on the wire: the event `drain` of the response belongs to native code. */
  readonly room: { readonly wire: Set<() => void> };
}

/**
 * Writes the chunks of a producer as fast as the client reads. A producer that throws cuts the connection.
 * Its functions are made once, because those for each chunk would cost more than the chunk.
 */
export class Pump {
  readonly #producer: BodyProducer;
  readonly #res: NativeResponse;
  readonly #wire: Wire;
  readonly #writer: Writer | undefined;
  #room: 'unwatched' | 'free' | 'awaited' = 'unwatched';

  constructor(producer: BodyProducer, res: NativeResponse, wire: Wire, writer: Writer | undefined) {
    this.#producer = producer;
    this.#res = res;
    this.#wire = wire;
    this.#writer = writer;
  }

  /** Writes the next chunk, and then all others. */
  run(): void {
    this.#producer.ask(this.#received, this.#failed);
  }

  readonly #received = (step: IteratorResult<Chunk>): void => {
    try {
      this.#write(this.#producer.accept(step));
    } catch (thrown) {
      this.#cut(thrown);
    }
  };

  readonly #failed = (thrown: unknown): void => {
    try {
      this.#write(this.#producer.refuse(thrown));
    } catch (error) {
      this.#cut(error);
    }
  };

  #cut(thrown: unknown): void {
    this.#producer.fail(thrown);
    cutShort(this.#res, toError(thrown), this.#wire);
  }

  #write(chunk: Chunk | undefined): void {
    if (this.#isGone) return;
    if (chunk === undefined) Reflect.apply(this.#wire.end, this.#res, []);
    else if (this.#hasRoomAfter(chunk)) this.run();
    else this.#awaitRoom();
  }

  #hasRoomAfter(chunk: Chunk): boolean {
    const writer = this.#writer;
    if (writer) writer.output = 'writing';
    try {
      return this.#wire.write.call(this.#res, chunk, undefined as never);
    } finally {
      if (writer) writer.output = 'written';
    }
  }

  get #isGone(): boolean {
    return this.#res.destroyed || this.#res.closed;
  }

  /** Waits until a write may follow one that returned false; forever if the connection is gone. */
  #awaitRoom(): void {
    if (this.#room === 'unwatched') this.#watchRoom();
    this.#room = 'awaited';
  }

  /**
   * The listeners stay for the whole body: compression moves 'drain' listeners to its own stream, where they
   * cannot be removed.
   */
  #watchRoom(): void {
    const res = this.#res;
    const { on } = EventEmitter.prototype;
    if (this.#writer) this.#writer.room.wire.add(this.#drained);
    else on.call(res, 'drain', this.#drained);
    if (this.#wire.on !== on) this.#wire.on.call(res, 'drain', this.#drained);
  }

  readonly #drained = (): void => {
    const isNative = this.#wire.write === ServerResponse.prototype.write;
    // A held response emits its own events, so the state of Node's response is checked each time.
    const isFull = isNative && this.#res.writableNeedDrain;
    if (this.#room !== 'awaited' || isFull || this.#isGone) return;
    this.#room = 'free';
    this.run();
  };
}
