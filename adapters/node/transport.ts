import {
  ClientDisconnect,
  type Delivery,
  errorHeadersOf,
  type Files,
  type Headers,
  type NativeWork,
  type Response,
  type Transport,
  toError,
} from '../../core/adapter.js';
import { cutUnwritten, handBack } from './hand-back.js';
import { leave, leaveAll, release } from './leaving.js';
import { refuseBody } from './native-errors.js';
import type { NativeExchange } from './native-exchange.js';
import { nativeWork } from './native-work.js';
import { put, write } from './outlet.js';
import { files } from './response/files.js';
import type { Waiter } from './waiter.js';

/**
 * Sends the response of the outermost layer over Node's response, and hands unhandled errors to the
 * framework.
 */
export class NodeTransport implements Transport {
  readonly native: NativeExchange;

  constructor(native: NativeExchange) {
    this.native = native;
    native.end.listener = this;
    native.source.owner = this;
  }

  get files(): Files {
    return files;
  }

  send(response: Response): Promise<Delivery> {
    const { native } = this;
    try {
      if (native.end.over) native.exchange.replaced(response);
      else this.write(response);
    } catch (thrown) {
      return this.#failed(response, toError(thrown));
    }
    return this.delivered();
  }

  /** Treats a response that cannot be written as a failure like any other. */
  async #failed(response: Response, error: Error): Promise<Delivery> {
    const { native } = this;
    native.exchange.replaced(response);
    cutUnwritten(native, error);
    await this.fail(error);
    return { outcome: 'aborted', error };
  }

  /** Writes the response of the outermost layer. */
  write(response: Response): void {
    const { native } = this;
    const { root } = native;
    if (root === undefined) return write(native, response);
    const outermost = root.waiters[0] as Waiter | undefined;
    if (outermost) leave(native, outermost, response);
    leaveAll(native);
    if (root.viewed === response) root.release();
    else put(native, root, response);
    native.waiters.written();
  }

  fail(error: Error, headers: Headers | undefined = errorHeadersOf(this.native.exchange)): Promise<Delivery> {
    const { native } = this;
    const { res, root, end, waiters } = native;
    const { lastAtRoot } = waiters;
    leaveAll(native);
    const isOut = end.over !== undefined || (root?.state === 'passing' && res.headersSent);
    // The disconnect of another request, awaited by a middleware, is an error like any other.
    const isGone = error instanceof ClientDisconnect && end.over !== undefined;
    if (!isOut) handBack(native, error, lastAtRoot, headers);
    else if (!isGone) native.exchange.reports.tell(error, 'response');
    return this.delivered().then(delivery => ({
      ...delivery,
      status: res.headersSent ? res.statusCode : undefined,
    }));
  }

  /** Resolves when the response is out, and everything that was written for it is closed. */
  delivered(): Promise<Delivery> {
    const { end, waiters, knownProducers } = this.native;
    const over = end.whenOver();
    const hasProducers = knownProducers !== undefined && !knownProducers.isEmpty;
    const isAsWritten = !hasProducers && waiters.holds.every(({ state }) => state === 'passing');
    return isAsWritten ? over : this.#closed(over);
  }

  async #closed(over: Promise<Delivery>): Promise<Delivery> {
    const delivery = await over;
    const { knownProducers: producers, exchange, waiters } = this.native;
    if (producers && !producers.isEmpty) await producers.close(delivery, exchange);
    for (const hold of waiters.holds) hold.letGo();
    const error = producers?.failureIn(delivery);
    return error ? { outcome: 'aborted', error } : delivery;
  }

  nativeWork(): NativeWork | undefined {
    return nativeWork(this.native);
  }

  whenWritten(tell: () => void): void {
    const { holding } = this.native.waiters;
    if (holding && !holding.ended) holding.onWritten = tell;
  }

  closeBodies(): Promise<unknown> | undefined {
    return this.native.knownProducers?.closeUnsent(this.native.exchange);
  }

  release(): Promise<void> | undefined {
    return this.native.source.release();
  }

  /** Called when the response is over. */
  ended(): void {
    const { native } = this;
    native.knownProducers?.responseEnded();
    native.source.responseIsOut();
    release(native);
  }

  /** Refuses native code the rest of a body. */
  refuseBody(error: Error, isTold: boolean): void {
    refuseBody(this.native, error, isTold);
  }
}
