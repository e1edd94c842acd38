import { type Readable, Stream } from 'node:stream';
import { type Delivery, isBodyless } from '../../core/adapter.js';
import { originalOf } from './answerable.js';
import type { KoaContext } from './koa-types.js';
import { isClosing, isCutOff } from './own-bodies.js';
import { SourceErrors } from './source-errors.js';

/** The bodies that native code puts on a context. Reports their failures, and waits until all have closed. */
export class ContextBodies {
  readonly #ctx: KoaContext;
  /** Whether Koa sends what is on the context. */
  readonly #isSent: () => boolean;
  #watched: Set<object> | undefined;
  #errors: SourceErrors | undefined;
  #failure: { readonly body: unknown; readonly error: Error } | undefined;
  /**
   * The error of the body while Koa was sending it. Koa 2 leaves such a response open until its client ends
   * it.
   */
  #lateFailure: Error | undefined;

  constructor(ctx: KoaContext, isSent: () => boolean) {
    this.#ctx = ctx;
    this.#isSent = isSent;
  }

  failed(error: Error): void {
    this.#sourceErrors.failed(error);
  }

  /** Notes that Koa received an exception. */
  handedBack(): void {
    this.#errors?.handedBack();
  }

  get #sourceErrors(): SourceErrors {
    this.#errors ??= new SourceErrors(this.#ctx, this.#isSent);
    return this.#errors;
  }

  /**
   * Watches a body. A failure while middleware is still running would be an uncaught exception; later Koa
   * handles it.
   */
  watch(body: Stream): void {
    if (this.#watched?.has(body)) return;
    this.#watched ??= new Set();
    this.#watched.add(body);
    this.#sourceErrors.watch(body);
    body.once('error', thrown => {
      const error = originalOf(thrown);
      if (!this.#isSent()) this.#failure ??= { body, error };
      else if (this.#ctx.body === body && !isCutOff(error, this.#ctx)) this.#lateFailure ??= error;
    });
  }

  /** Throws the error of the body that Koa is about to send. */
  throwFailure(): void {
    const { status, req, body } = this.#ctx;
    const failed = this.#failure;
    if (failed !== undefined && failed.body === body && !isBodyless(status) && req.method !== 'HEAD')
      throw failed.error;
  }

  /** Ends the bodies of a response that is over. `isClosedInTime` waits for those that are closing. */
  async delivered(
    delivery: Delivery,
    isClosedInTime: (closing: Promise<unknown>) => Promise<unknown>,
  ): Promise<Delivery> {
    const closing = this.#closing();
    if (closing) await isClosedInTime(closing);
    this.#errors?.tell();
    return delivery.outcome === 'sent'
      ? delivery
      : { ...delivery, error: delivery.error ?? this.#lateFailure };
  }

  /**
   * Waits for a stream that Koa destroys with its response: a generator in it may use dependencies until it
   * has closed.
   */
  #closing(): Promise<void> | undefined {
    const { body: last } = this.#ctx;
    if (this.#watched === undefined && !(last instanceof Stream)) return undefined;
    const bodies = [last, ...(this.#watched ?? [])];
    return bodies.some(isClosing) ? allClosed(bodies) : undefined;
  }
}

async function allClosed(bodies: readonly unknown[]): Promise<void> {
  for (const body of bodies)
    if (isClosing(body)) await new Promise<void>(resolve => (body as Readable).once('close', resolve));
}
