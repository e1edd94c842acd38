import type { Readable } from 'node:stream';
import { toError } from '../../core/adapter.js';
import { answerable, originalOf } from './answerable.js';
import type { KoaContext } from './koa-types.js';

/**
 * Reports to the app, once, a failed body from which the body on the context was made, as Koa does for a body
 * that it sends itself. Koa 3 does not listen to such a body. Koa 2 does, and would answer in place of the
 * middleware.
 */
export class SourceErrors {
  readonly #ctx: KoaContext;
  readonly #bodies = new Set<object>();
  /** Whether Koa sends what is on the context. */
  readonly #isSent: () => boolean;
  #tellKoa: ((error: Error) => void) | undefined;
  #failure: Error | undefined;
  /** The errors that the app has received; a reader of the body may not have seen the failure yet. */
  readonly #told = new Set<unknown>();
  #isHandedBack = false;

  constructor(ctx: KoaContext, isSent: () => boolean) {
    this.#ctx = ctx;
    this.#isSent = isSent;
  }

  /** Watches a body that native code put on the context. */
  watch(body: object): void {
    this.#bodies.add(body);
    this.#follow();
  }

  /** Notes that a body failed while it was read for a middleware. */
  failed(thrown: unknown): void {
    this.#failure ??= originalOf(thrown);
    this.#follow();
  }

  /** Notes that Koa received an exception, which it reports itself. */
  handedBack(): void {
    this.#isHandedBack = true;
  }

  /** Reports the failure when the response is over. */
  tell(): void {
    const { res } = this.#ctx;
    const isOver = res.headersSent || res.destroyed;
    if (this.#failure && !this.#isTold && isOver) this.#tellKoa?.(answerable(this.#failure) as Error);
  }

  #follow(): void {
    if (this.#tellKoa) return;
    const ctx = this.#ctx;
    const { onerror } = ctx;
    this.#tellKoa = error => {
      const original = originalOf(error);
      this.#told.add(original).add(original.cause);
      onerror.call(ctx, error);
    };
    ctx.onerror = error => {
      if (!this.#isSuperseded(error)) return this.#tellKoa?.(error);
      this.failed(error);
    };
  }

  get #isTold(): boolean {
    return this.#failure !== undefined && this.#told.has(this.#failure);
  }

  /** Whether a body failed that Koa does not send, or not yet. */
  #isSuperseded(thrown: unknown): boolean {
    if (thrown === null || thrown === undefined || (this.#isHandedBack && !this.#isTold)) return false;
    const error = toError(thrown);
    const { body } = this.#ctx;
    const failedWith = (each: unknown): boolean => (each as Readable | null)?.errored === error;
    // A body that a middleware has read is on the context again, and fails with the same error.
    if (this.#isSent() && failedWith(body)) return false;
    return [...this.#bodies].some(failedWith);
  }
}
