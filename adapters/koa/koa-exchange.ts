import type { Response } from '../../core/adapter.js';
import { answerLate, type NativeExchange, type Waiter } from '../node/shared.js';
import { answerable } from './answerable.js';
import { ContextBodies } from './context-bodies.js';
import type { ViewOwner } from './context-head.js';
import type { KoaContext } from './koa-types.js';
import { areContextsCheap } from './late-code.js';
import { LateGuard } from './late-guard.js';

/**
 * One request on Koa's context. Native code answers on `ctx.body`, which Koa sends when its middleware is
 * through, or on `ctx.res`, which is held like any native response.
 */
export class KoaExchange implements ViewOwner {
  readonly ctx: KoaContext;
  readonly native: NativeExchange;
  /** Settles when Koa is to go on: with what its own error handling is to answer. */
  readonly handedBack: Promise<void>;
  /** Whether Koa has been given the response, and reads a stream on the context itself. */
  isSent = false;
  /** The outermost middleware that has waited for native code. */
  outermost: Waiter | undefined;
  /** Whether Koa would answer, if it had not been kept from it. */
  isTaken = false;
  /** The response that an endpoint or a layer has put onto the context. */
  placed: Response | undefined;
  /** Whether the last response of ours on the context is a 205. */
  hasPlacedReset = false;
  /** Whether code below runs marked, so that code that nobody waited for is recognised. */
  isMarked = false;
  /** Whether the layer is the first middleware of its app: Koa answers as soon as the layer has. */
  isFirst = false;
  /** Lets Koa go on. */
  handBack!: () => void;
  #handError!: (thrown: unknown) => void;
  #bodies: ContextBodies | undefined;
  #guard: LateGuard | undefined;

  constructor(ctx: KoaContext, native: NativeExchange) {
    this.ctx = ctx;
    this.native = native;
    this.handedBack = new Promise((resolve, reject) => {
      this.handBack = resolve;
      this.#handError = reject;
    });
  }

  giveBack(thrown: unknown): void {
    this.#bodies?.handedBack();
    this.#handError(answerable(thrown));
  }

  /** The streams on the context, once there is one. */
  get bodies(): ContextBodies {
    this.#bodies ??= new ContextBodies(this.ctx, () => this.isSent);
    return this.#bodies;
  }

  get knownBodies(): ContextBodies | undefined {
    return this.#bodies;
  }

  /** A stream has failed for whoever reads it. */
  failed(error: Error): void {
    this.bodies.failed(error);
  }

  /** Code below that no layer waits for any longer is not to change what a layer has answered. */
  guardAnswer(isOutermost: boolean): void {
    const { late } = this.native.waiters;
    const isGuarded = areContextsCheap ? this.isMarked : isOutermost && !this.isFirst;
    if (late.length === 0 || !isGuarded) return;
    this.#guard ??= new LateGuard(this.ctx, () => answerLate(this.native));
    this.#guard.add(late);
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
