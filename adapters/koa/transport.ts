import { Stream } from 'node:stream';
import {
  asThrown,
  ClientDisconnect,
  type Delivery,
  type Files,
  type Headers,
  isClosedInTime,
  type NativeWork,
  type Response,
  type Transport,
  toError,
} from '../../core/adapter.js';
import { leave, leaveAll, type NodeTransport, type Waiter } from '../node/shared.js';
import type { KoaExchange } from './koa-exchange.js';
import { isView, place, undo } from './place.js';

/** Sends by Koa what is on the context, and by Node's response what native code has answered there. */
export class KoaTransport implements Transport {
  readonly koa: KoaExchange;
  readonly files: Files;
  readonly #node: NodeTransport;

  constructor(koa: KoaExchange, node: NodeTransport) {
    this.koa = koa;
    this.#node = node;
    this.files = node.files;
  }

  async send(response: Response): Promise<Delivery> {
    const { koa } = this;
    try {
      this.#write(response);
    } catch (thrown) {
      const error = toError(thrown);
      koa.native.exchange.replaced(response);
      await this.fail(error);
      return { outcome: 'aborted', error };
    }
    koa.isSent = true;
    koa.handBack();
    return this.#closed(this.#node.delivered());
  }

  #write(response: Response): void {
    const { koa } = this;
    const { native, ctx } = koa;
    const { root, end, exchange } = native;
    if (end.isAnsweredElsewhere) {
      leaveAll(native);
      return exchange.replaced(response);
    }
    const isOurs = !isView(koa, response);
    // Koa sends a 205 without saying where it ends. A native one is left as it is.
    const isUnframed = response.status === 205 && (isOurs || koa.hasPlacedReset);
    const isPastKoa = isOurs && (ctx.respond === false || (koa.isFirst && this.#isAbandoned));
    const isRaw = root?.state === 'held' || isPastKoa || isUnframed;
    if (!isRaw) return this.#placeOutermost(response);
    if (isUnframed || (root?.viewed !== response && isOurs)) koa.takeFromKoa();
    if (isOurs || isUnframed) this.#node.write(response);
    else root?.release();
  }

  /** Whether code below is still running: it could break an answer on the context. */
  get #isAbandoned(): boolean {
    const { late, innermost } = this.koa.native.waiters;
    return late.length > 0 || innermost?.waits === true;
  }

  #placeOutermost(response: Response): void {
    const { native } = this.koa;
    const { root } = native;
    const waiter = root?.waiters[0] as Waiter | undefined;
    if (waiter) leave(native, waiter, response);
    place(this.koa, waiter, response);
    leaveAll(native);
    root?.release();
    if (native.waiters.wasLeft) this.koa.guardAnswer(true);
  }

  fail(error: Error, headers?: Headers): Promise<Delivery> {
    const { koa } = this;
    const { native, ctx } = koa;
    // Koa receives an error that is thrown after the client has left, as without a layer.
    const isTooLate = native.end.over !== undefined && !(error instanceof ClientDisconnect);
    if (isTooLate) koa.giveBack(asThrown(error));
    const delivered = this.#closed(this.#node.fail(error, headers));
    if (native.root?.state === 'replaced') ctx.respond = false;
    else undo(koa, koa.outermost);
    koa.guardAnswer(true);
    koa.handBack();
    return delivered;
  }

  /** Resolves when the bodies on the context have closed, too. */
  #closed(delivered: Promise<Delivery>): Promise<Delivery> {
    const { koa } = this;
    const { native, ctx } = koa;
    return delivered.then(delivery => {
      const hasStream = koa.knownBodies !== undefined || ctx.body instanceof Stream;
      if (delivery.outcome === 'sent' && !hasStream) return delivery;
      return koa.bodies.delivered(delivery, closing => isClosedInTime(native.exchange, closing));
    });
  }

  nativeWork(): NativeWork | undefined {
    return this.#node.nativeWork();
  }

  whenWritten(tell: () => void): void {
    this.#node.whenWritten(tell);
  }

  closeBodies(): Promise<unknown> | undefined {
    return this.#node.closeBodies();
  }

  release(): Promise<void> | undefined {
    return this.#node.release();
  }
}
