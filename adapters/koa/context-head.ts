import { type Readable, Stream } from 'node:stream';
import {
  Body,
  ClientDisconnect,
  type Content,
  type HeaderStore,
  Headers,
  headOf,
  isBodyless,
  misuse,
  type Response,
  type ResponseHead,
  responseOver,
  type ViewHead,
} from '../../core/adapter.js';
import { headerText } from '../node/shared.js';
import { originalOf } from './answerable.js';
import { contentOf, isWhole, reasonOf, sendsReason, sendsWebBodies } from './context-content.js';
import type { KoaContext } from './koa-types.js';
import { isCutOff, isEmptied, isReturned } from './own-bodies.js';

/** A context, and what was on it when it was viewed. */
interface Viewed {
  readonly ctx: KoaContext;
  readonly body: unknown;
}

/** The owner of a view of a context. */
export interface ViewOwner {
  /** Whether Koa has the response and reads a stream itself. */
  readonly isSent: boolean;
  /** Called when a stream failed for its reader. */
  failed(error: Error): void;
}

/**
 * Returns the response on Koa's context for the middleware: a change is applied to the context by Koa's own
 * setters.
 */
export function contextView(ctx: KoaContext, owner: ViewOwner): Response {
  return responseOver(new ContextHead(ctx, owner));
}

/** Returns how many bytes an answer to GET would have, if known. */
function sizeToGet(ctx: KoaContext, body: unknown, reason: string): number | undefined {
  if (body instanceof Blob && sendsWebBodies(ctx)) return body.size;
  const content = contentOf(ctx, body, reason);
  if (typeof content === 'string') return Buffer.byteLength(content);
  return content instanceof Uint8Array ? content.byteLength : undefined;
}

/**
 * Returns the view of a context, also one made by another copy of the package; `undefined` for any other
 * response.
 */
export function viewed(ctx: KoaContext, response: Response): Viewed | undefined {
  const head: ResponseHead & Partial<Viewed> = headOf(response);
  return head.ctx === ctx ? (head as Viewed) : undefined;
}

/**
 * Wraps a body that Koa destroys when its client disconnects: its reader then gets that error, not that of a
 * broken stream.
 */
function whileConnected(body: Streamed, ctx: KoaContext, owner: ViewOwner): Streamed {
  const iterate = (): AsyncIterator<string | Uint8Array> => {
    const chunks = body[Symbol.asyncIterator]();
    return {
      async next() {
        try {
          return await chunks.next();
        } catch (thrown) {
          if (isCutOff(thrown, ctx)) throw new ClientDisconnect();
          const error = originalOf(thrown);
          owner.failed(error);
          throw error;
        }
      },
      return: async () => (await chunks.return?.()) ?? { value: undefined, done: true },
    };
  };
  // Closing it destroys the stream, even during a read.
  const closing = body instanceof Stream ? { destroy: () => (body as Readable).destroy() } : {};
  return Object.assign({ [Symbol.asyncIterator]: iterate }, closing);
}

type Streamed = Exclude<Content, null | string | Uint8Array>;

/** What a reader of the body receives: nothing, only its size, or the body. */
type Given = 'nothing' | 'size' | 'body';

/** Like Koa, answers HEAD without opening the body: a stream may never end. An endpoint's own body stays. */
function givenBy(ctx: KoaContext, body: unknown): Given {
  const isNull = Reflect.get(ctx.response, '_explicitNullBody') === true || isEmptied(ctx);
  if (isBodyless(ctx.status) || isNull) return 'nothing';
  return ctx.req.method === 'HEAD' && !isReturned(ctx, body) ? 'size' : 'body';
}

/**
 * The head of the response on a context, with the body that native code or one of our responses put there.
 */
export class ContextHead implements ViewHead, HeaderStore {
  readonly ctx: KoaContext;
  /** The body on the context now; later it may be a response made from it. */
  readonly body: unknown;
  readonly #owner: ViewOwner;
  readonly #reason: string;
  readonly #gives: Given;
  #isOver = false;
  #headers: Headers | undefined;

  constructor(ctx: KoaContext, owner: ViewOwner) {
    const { body } = ctx;
    this.ctx = ctx;
    this.body = body;
    this.#owner = owner;
    this.#reason = body === null || body === undefined ? reasonOf(ctx) : '';
    this.#gives = givenBy(ctx, body);
  }

  openBody(): Body {
    const sized = { size: () => sizeToGet(this.ctx, this.body, this.#reason) };
    return new Body(() => this.#open(), this.#gives === 'size' ? sized : undefined);
  }

  #open(): Content {
    const { ctx, body } = this;
    if (this.#gives !== 'body') return null;
    const content = contentOf(ctx, body, this.#reason);
    if (content === null || isWhole(content)) return content;
    if (this.#owner.isSent && ctx.body === body) throw misuse('BODY_CONSUMED', 'response');
    return whileConnected(content, ctx, this.#owner);
  }

  get status(): number {
    return this.ctx.status;
  }

  set status(status: number) {
    this.#refuseIfSent('set the status');
    this.ctx.status = status;
    // Koa drops the other headers of a body that is not sent, and Node throws if this one remains.
    if (isBodyless(status)) this.ctx.remove('trailer');
  }

  get statusText(): string {
    return this.ctx.message ?? '';
  }

  get headers(): Headers {
    this.#headers ??= new Headers(undefined, this);
    return this.#headers;
  }

  get isSealed(): boolean {
    return this.#isOver || this.ctx.headerSent;
  }

  /** Seals a view that will never be sent; otherwise the state of the context seals it. */
  seal(): void {
    this.#isOver = true;
  }

  get(name: string): string | readonly string[] | undefined {
    return this.#ofReason(name) ?? headerText(this.ctx.res.getHeader(name));
  }

  /** Without a body, Koa sends the reason phrase, and sets its type and length only after the middleware. */
  #ofReason(name: string): string | undefined {
    const { ctx } = this;
    if (ctx.body !== undefined && ctx.body !== null) return undefined;
    const isType = /^content-type$/i.test(name);
    if (!isType && !/^content-length$/i.test(name)) return undefined;
    if (!sendsReason(ctx)) return undefined;
    return isType ? 'text/plain; charset=utf-8' : String(Buffer.byteLength(reasonOf(ctx)));
  }

  set(name: string, value: string | readonly string[]): void {
    this.#refuseIfSent(`set the header \`${name}\``);
    this.ctx.set(name, typeof value === 'string' ? value : [...value]);
  }

  delete(name: string): void {
    this.#refuseIfSent(`delete the header \`${name}\``);
    this.ctx.remove(name);
  }

  *lines(): Generator<readonly [string, string | readonly string[]]> {
    const { body, res } = this.ctx;
    const ofReason = body === undefined || body === null ? ['content-type', 'content-length'] : [];
    for (const name of new Set([...res.getHeaderNames(), ...ofReason])) {
      const value = this.get(name);
      if (value !== undefined) yield [name, value];
    }
  }

  /** Refuses changes after the response was sent, which Koa would ignore. */
  #refuseIfSent(action: string): void {
    if (this.isSealed) throw misuse('HEADERS_SENT', action);
  }
}
