import type { Response } from '../../core/adapter.js';
import type { NativeExchange, Waiter } from '../node/shared.js';
import { answerable } from './answerable.js';
import { ContextBodies } from './context-bodies.js';
import type { KoaContext } from './koa-types.js';

/**
 * One request on Koa's context. Native code answers on `ctx.body`, which Koa sends when its middleware is through, or on
 * `ctx.res`, which is held as any native response is.
 */
export class KoaExchange {
  readonly ctx: KoaContext;
  readonly native: NativeExchange;
  readonly bodies: ContextBodies;
  /** Settles when Koa is to go on: with what its own error handling is to answer. */
  readonly handedBack: Promise<void>;
  /** The outermost middleware that has waited for native code. */
  outermost: Waiter | undefined;
  /** Whether Koa would answer, if it had not been kept from it. */
  isTaken = false;
  /** The response that an endpoint or a layer has put onto the context. */
  placed: Response | undefined;
  /** Whether the last response of ours on the context is a 205. */
  hasPlacedReset = false;
  /** Lets Koa go on. */
  handBack!: () => void;
  #handError!: (thrown: unknown) => void;

  constructor(ctx: KoaContext, native: NativeExchange) {
    this.ctx = ctx;
    this.native = native;
    this.bodies = new ContextBodies(ctx);
    this.handedBack = new Promise((resolve, reject) => {
      this.handBack = resolve;
      this.#handError = reject;
    });
  }

  giveBack(thrown: unknown): void {
    this.bodies.handedBack();
    this.#handError(answerable(thrown));
  }

  /** Whether native code answers on the native response, and Koa does not. */
  get answersByItself(): boolean {
    return this.ctx.respond === false && !this.isTaken;
  }

  /** Koa is not to answer, because something else is sent than what is on the context. */
  takeFromKoa(): void {
    this.isTaken ||= this.ctx.respond !== false;
    this.ctx.respond = false;
  }
}
