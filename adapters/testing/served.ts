import type { ServerResponse } from 'node:http';
import { type Exchange, type Trace, waitingTasks, whenOver, whenQueuesIdle } from '../../core/adapter.js';
import { isTraced, NativeExchange, traceOn } from '../node/shared.js';
import { inRealTime, turn } from './real-time.js';

/** The app's side of one request. */
export class Served {
  readonly #res: ServerResponse;
  readonly #closed: Promise<void>;
  readonly #sent: Promise<void>;
  #tellSent: () => void = () => undefined;

  constructor(res: ServerResponse, received: Promise<void> | undefined, add: (step: string) => void) {
    this.#res = res;
    this.#closed = new Promise(resolve => res.once('close', () => resolve()));
    this.#sent = new Promise(resolve => {
      this.#tellSent = resolve;
    });
    // If another client sent the request, the trace is not this client's.
    if (received || !isTraced(res)) traceOn(res, this.#traceOf(received, add));
  }

  #traceOf(received: Promise<void> | undefined, add: (step: string) => void): Trace {
    const whenReceived = (): Promise<void> | undefined => {
      this.#tellSent();
      return received;
    };
    return { add, received: whenReceived };
  }

  get #exchange(): Exchange | undefined {
    // An endpoint may open the exchange after the client has left.
    return NativeExchange.of(this.#res)?.exchange;
  }

  /** Resolves once the app has sent the response and the trace has it. */
  async whenSent(): Promise<void> {
    await this.#closed;
    const exchange = this.#exchange;
    // Native code outside the layer may have answered instead.
    const isItsOwn =
      exchange !== undefined && (exchange.isSending || exchange.failures?.passedOn !== undefined);
    await (isItsOwn ? Promise.race([this.#sent, whenOver(exchange)]) : turn());
  }

  /** Resolves after the response, the exits and the tasks, those of a queue in this process too. */
  async whenSettled(): Promise<void> {
    await this.#closed;
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    await whenOver(exchange);
    await whenQueuesIdle(exchange);
  }

  /** The names of unfinished work. */
  async unsettled(): Promise<string[]> {
    if (await inRealTime(0, this.whenSettled())) return [];
    const exchange = this.#exchange;
    const left = exchange?.undone();
    const parts =
      exchange && left ? [...left.responses, ...left.exits, ...left.tasks, ...waitingTasks(exchange)] : [];
    const { method, url } = this.#res.req;
    return parts.length > 0 ? parts : [`${method} ${url}`];
  }
}
