import { ClientDisconnect, type Delivery, type Exchange, isClosedInTime } from '../../../core/adapter.js';
import type { BodyProducer } from './body-producer.js';
import type { ResponseEnd } from './response-end.js';

const none: readonly never[] = [];

/** The streamed bodies that were written to a native response. They are closed with it. */
export class Producers {
  readonly #end: ResponseEnd;
  #list: readonly BodyProducer[] = none;
  /** Whether one had failed before the connection was gone. */
  #hadFailed = false;

  constructor(end: ResponseEnd) {
    this.#end = end;
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  keep(producer: BodyProducer | undefined): void {
    if (producer) this.#list = [...this.#list, producer];
  }

  /** The response is over. */
  responseEnded(): void {
    this.#hadFailed = this.#error !== undefined;
  }

  /** Closes those that will not be sent. Resolves when they have closed; never rejects. */
  closeUnsent({ reports }: Exchange): Promise<unknown> | undefined {
    if (this.isEmpty) return undefined;
    const producers = this.#list;
    this.#list = none;
    const close = async (producer: BodyProducer): Promise<void> => {
      const known = producer.error;
      await producer.close();
      if (producer.error && producer.error !== known) reports.tell(producer.error, 'response');
    };
    return Promise.all(producers.map(close));
  }

  /** Closes all of them at once: one that waits for something must not keep another one open. */
  async close(delivery: Delivery, exchange: Exchange): Promise<void> {
    const closing = this.#list.map(producer => producer.close()).filter(each => each !== undefined);
    if (closing.length === 0) return;
    const closed = Promise.all(closing);
    if (await isClosedInTime(exchange, closed)) return;
    const known = this.failureIn(delivery);
    void closed.then(() => {
      const late = this.failureIn(delivery);
      if (late && late !== known) exchange.reports.tell(late, 'response');
    });
  }

  /** What a body has failed with, unless that is only because its client has gone. */
  failureIn({ outcome }: Delivery): Error | undefined {
    const error = this.#error;
    // A producer that waits with `request.signal` ends by an error of its kind when the client has gone, as
    // it should.
    if (error && !this.#hadFailed && this.#end.isReason(error)) return undefined;
    return error instanceof ClientDisconnect && outcome === 'aborted' ? undefined : error;
  }

  get #error(): Error | undefined {
    return this.#list.find(producer => producer.error)?.error;
  }
}
