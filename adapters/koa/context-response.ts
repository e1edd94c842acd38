import { Readable, Stream } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import {
  Body,
  bodyOf,
  ClientDisconnect,
  type Content,
  contentToSend,
  type HeaderStore,
  Headers,
  headOf,
  isBodyless,
  misuse,
  Response,
  toError,
  type ViewHead,
} from '../../core/adapter.js';
import {
  areAscii,
  BodyProducer,
  besideNative,
  cutShort,
  declaredLength,
  flushHead,
  goesInto,
  HeaderSnapshot,
  headerText,
  http2Stream,
  type NativeResponse,
  putLengthLast,
} from '../node/shared.js';
import { answerable, answerableChunks, originalOf } from './answerable.js';
import type { KoaContext } from './koa-types.js';

/** Who a view of a context belongs to. */
export interface ViewOwner {
  /** Whether Koa has the response, and reads a stream itself. */
  isSent(): boolean;
  /** A stream has failed for who reads it. */
  failed(error: Error): void;
}

/** The response on Koa's context, as the middleware sees it: a change is made on the context, by Koa's own setters. */
export function contextView(ctx: KoaContext, owner: ViewOwner): Response {
  // What is on the context now is what native code answered; later it may be the response that is made of it.
  const { body, status, response, req } = ctx;
  const reason = body === null || body === undefined ? reasonOf(ctx) : '';
  const isNull = Reflect.get(response, '_explicitNullBody') === true || (body === '' && emptied.has(ctx));
  const hasNone = isBodyless(status) || isNull;
  // Koa answers HEAD without opening the body, and so do we: a stream may never end. An endpoint's own body stays.
  const isHead = req.method === 'HEAD' && !isReturned(ctx, body);
  const isEmpty = hasNone || isHead;
  const open = (): Content => {
    if (isEmpty) return null;
    const content = contentOf(ctx, body, reason);
    if (content === null || isWhole(content)) return content;
    if (owner.isSent() && ctx.body === body) throw misuse('BODY_CONSUMED', 'response');
    return whileConnected(content, ctx, owner);
  };
  const options = isHead && !hasNone ? { size: () => sizeToGet(ctx, body, reason) } : {};
  return Response.over(new ContextHead(ctx, body, () => new Body(open, options)));
}

/** Contexts given an empty text for a response without a body: Koa would send the reason phrase otherwise. */
const emptied = new WeakSet<KoaContext>();

/** What endpoints and middleware have put on contexts in answer to HEAD. */
const returned = new WeakMap<KoaContext, unknown>();

function isReturned(ctx: KoaContext, body: unknown): boolean {
  return body !== undefined && returned.get(ctx) === body;
}

/** How many bytes an answer to GET would have, where that is known. */
function sizeToGet(ctx: KoaContext, body: unknown, reason: string): number | undefined {
  if (body instanceof Blob && sendsWebBodies(ctx)) return body.size;
  const content = contentOf(ctx, body, reason);
  if (typeof content === 'string') return Buffer.byteLength(content);
  return content instanceof Uint8Array ? content.byteLength : undefined;
}

/** What a view of a context was made of; `undefined` for any other response. */
export function viewed(ctx: KoaContext, response: Response): { readonly body: unknown } | undefined {
  const head = headOf(response);
  return head instanceof ContextHead && head.ctx === ctx ? head : undefined;
}

/** What stands on a context beside the headers of its response. */
export interface ContextState {
  readonly body: unknown;
  readonly isExplicit: unknown;
  readonly isNull: unknown;
  readonly respond: unknown;
}

export function stateOf({ response, respond }: KoaContext): ContextState {
  // Read by their names: this is asked for every request.
  const { _body, _explicitStatus, _explicitNullBody } = response as Record<string, unknown>;
  return { body: _body, isExplicit: _explicitStatus, isNull: _explicitNullBody, respond };
}

/**
 * Puts a context back to where a layer was entered, because an answer that was given on it is not sent. Koa's own setters would
 * change the headers, and say that there is no body.
 */
export function restoreContext(ctx: KoaContext, entry: HeaderSnapshot, before: ContextState): void {
  const res = ctx.res as NativeResponse;
  if (res.headersSent) return;
  const { body } = stateOf(ctx);
  entry.restore(res);
  res.statusCode = entry.status;
  // HTTP/2 has none, and Node warns of it.
  if (!http2Stream(res)) Reflect.set(res, 'statusMessage', undefined);
  Reflect.set(ctx.response, '_body', before.body);
  Reflect.set(ctx.response, '_explicitStatus', before.isExplicit);
  Reflect.set(ctx.response, '_explicitNullBody', before.isNull);
  Reflect.set(ctx, 'respond', before.respond);
  if (body instanceof Stream && body !== before.body) (body as Readable).destroy();
}

/** Code that nobody has waited for may go on to set a body, on the context that has `body` by then. */
export function undoLateBody(ctx: KoaContext, body: unknown): void {
  if (ctx.body === body) return;
  const { status } = ctx;
  const headers = new HeaderSnapshot(ctx.res as NativeResponse);
  ctx.body = body;
  ctx.status = status;
  const length = ctx.res.getHeader('content-length');
  headers.rewrite(ctx.res as NativeResponse);
  if (length === undefined) ctx.remove('content-length');
  else ctx.set('content-length', String(length));
}

/** Koa destroys a body when its client goes, so that who reads it is told of that, and not of a stream that broke. */
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
  // Whoever closes it destroys the stream, also while a read is under way.
  const closing = body instanceof Stream ? { destroy: () => (body as Readable).destroy() } : {};
  return Object.assign({ [Symbol.asyncIterator]: iterate }, closing);
}

type Streamed = Exclude<Content, null | string | Uint8Array>;

/** Whether a stream failed because it was destroyed with its response. */
export function isCutOff(thrown: unknown, { req, res }: KoaContext): boolean {
  const { code } = toError(thrown) as { code?: unknown };
  return code === 'ERR_STREAM_PREMATURE_CLOSE' && (req.socket.destroyed || res.closed);
}

/** Streams of ours on a context: their head goes out before the first chunk. */
const ownStreams = new WeakSet<object>();

/** Whether a body has been destroyed with its response, and will tell that it has closed. Our own are closed by their producers. */
export function isClosing(body: unknown): body is Readable {
  if (!(body instanceof Stream) || ownStreams.has(body)) return false;
  const { destroyed, closed, _readableState } = body as Readable & {
    readonly _readableState?: { readonly emitClose?: boolean };
  };
  return destroyed === true && closed === false && _readableState?.emitClose === true;
}

async function* headFirst(
  chunks: AsyncIterable<unknown>,
  ctx: KoaContext,
  isSent: () => boolean,
): AsyncGenerator<unknown, void, unknown> {
  if (isSent() && !ctx.headerSent) flushHeadOf(ctx);
  try {
    yield* chunks;
  } catch (thrown) {
    // Koa 2 would leave the connection open.
    if (isSent()) ctx.res.destroy();
    throw thrown;
  }
}

function flushHeadOf(ctx: KoaContext): void {
  const res = ctx.res as NativeResponse;
  flushHead(
    res,
    areAscii(Object.entries(res.getHeaders()).map(([name, value]) => [name, headerText(value) ?? ''])),
  );
}

/**
 * Koa marks an error that it tells its app of. It would tell it again of a connection that breaks with that error, and Koa 2
 * has told it when the body failed: `cut` is to break the connection without one.
 */
export async function* toldOnce<T>(
  chunks: AsyncIterable<T>,
  cut: (error: Error) => void,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* chunks;
  } catch (thrown) {
    const error = originalOf(thrown);
    if (Reflect.get(error, 'headerSent') === true) cut(error);
    throw thrown;
  }
}

/** Puts a body that a middleware has read back onto the context, with the headers that it had, in their order. */
export function putBack(ctx: KoaContext, view: Response): void {
  const body = bodyOf(view);
  if (!body.taken && !body.isBeingRead) return;
  const { res } = ctx;
  const before = new HeaderSnapshot(res as NativeResponse);
  const isOwn = ownStreams.has(ctx.body as object);
  const content = answerableChunks(body.take() as AsyncIterable<unknown>);
  const stream: Readable = Readable.from(
    isOwn ? headFirst(content, ctx, () => goesInto(stream, res)) : content,
  );
  if (isOwn) ownStreams.add(stream);
  ctx.body = stream;
  before.rewrite(res as NativeResponse);
}

/** Puts a response of ours onto the context. A streamed body's producer is returned: one that throws cuts the connection. */
export function applyToContext(ctx: KoaContext, response: Response): BodyProducer | undefined {
  const content = contentToSend(response, 'GET');
  const { status, headers } = response;
  const { req } = ctx;
  const declared = declaredLength(response);
  ctx.status = status;
  if (content === null)
    void bodyOf(response)
      .closeUnread()
      ?.catch(() => undefined);
  const producer = setBody(ctx, content, declared, response);
  if (req.method === 'HEAD' && content !== null && !isEmptyChunk(content)) returned.set(ctx, ctx.body);
  // Koa derives a type from the body where there is none.
  if (!headers.has('content-type')) ctx.remove('content-type');
  for (const [name, value] of headers.lines()) {
    if (name === 'content-length' && producer === undefined && req.method !== 'HEAD') continue;
    // HTTP/2 has none, and Node warns of it.
    if (name === 'connection' && http2Stream(req)) continue;
    ctx.set(name, besideNative(ctx.res, name, value));
  }
  if (!areAscii(headers.lines())) putLengthLast(ctx.res as NativeResponse);
  // Node throws where `trailer` is announced and there are no chunks, which is where trailers would be.
  if (!isChunked(ctx, producer)) ctx.remove('trailer');
  const hasReason = response.statusText !== '' && !http2Stream(req);
  if (hasReason && response.statusText !== ctx.message) ctx.message = response.statusText;
  headOf(response).seal();
  return producer;
}

function emptyBody(ctx: KoaContext): void {
  ctx.body = isBodyless(ctx.status) ? null : '';
  if (ctx.body === '') emptied.add(ctx);
}

function isWhole(content: Exclude<Content, null>): content is string | Uint8Array {
  return typeof content === 'string' || content instanceof Uint8Array;
}

/** What is made of a body that was kept back is empty. */
function isEmptyChunk(content: Exclude<Content, null>): boolean {
  return content === '' || (content instanceof Uint8Array && content.byteLength === 0);
}

function isChunked({ req, res }: KoaContext, producer: BodyProducer | undefined): boolean {
  if (producer === undefined || req.method === 'HEAD') return false;
  const isHttp1Chunked = res.useChunkedEncodingByDefault && !res.hasHeader('content-length');
  return http2Stream(req) !== undefined || isHttp1Chunked;
}

function setBody(
  ctx: KoaContext,
  content: Content,
  declared: number | undefined,
  { headers }: Response,
): BodyProducer | undefined {
  // What GET would send is not known where a response to HEAD has no body (RFC 9110, 8.6).
  const isHead = ctx.req.method === 'HEAD' && !isBodyless(ctx.status);
  if (isHead && (content === null || isEmptyChunk(content))) ctx.body = Readable.from([]);
  else if (content === null) emptyBody(ctx);
  else if (!isHead && isWhole(content) && !areAscii(headers.lines())) {
    // Koa makes the head of a text or of bytes by `end()`, which breaks such headers.
    const bytes = Buffer.from(content as Uint8Array);
    ctx.body = Readable.from([bytes], { objectMode: false });
    ctx.set('content-length', String(bytes.length));
  } else if (typeof content === 'string') ctx.body = content;
  else if (content instanceof Uint8Array)
    ctx.body = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  else {
    const producer = new BodyProducer(content, declared);
    const body = Readable.from(chunksOf(producer, ctx, () => goesInto(body, ctx.res)));
    ctx.body = body;
    ownStreams.add(body);
    keepDisconnectsQuiet(ctx, producer);
    return producer;
  }
  return undefined;
}

/**
 * Koa 2 would leave the connection open where a stream fails, so the failure is dealt with here. What is thrown in at the
 * `yield` is no failure of the producer: Koa 3 ends a body in this way whose client has gone.
 *
 * The head does not wait for the first chunk, where it is Koa that asks for it, and not a middleware further out.
 */
async function* chunksOf(
  producer: BodyProducer,
  ctx: KoaContext,
  isSent: () => boolean,
): AsyncGenerator<string | Uint8Array> {
  if (isSent() && !ctx.headerSent) flushHeadOf(ctx);
  for (;;) {
    const chunk = await producer.next().catch(thrown => {
      producer.fail(thrown);
      // An outer middleware that reads the body must see it fail, and may still answer.
      if (!isSent()) throw answerable(thrown);
      cutShort(ctx.res, toError(thrown));
    });
    if (chunk === undefined) return;
    yield chunk;
  }
}

/** Koa tells its app of a stream whose client has left, or whose response was cut. That is no error of an endpoint. */
function keepDisconnectsQuiet(ctx: KoaContext, producer: BodyProducer): void {
  const { onerror } = ctx;
  ctx.onerror = error => {
    const isOurs = ownStreams.has(ctx.body as object) && producer.error !== error;
    const isConnections = error !== null && error === ctx.req.socket.errored;
    if (!isOurs || !(isConnections || isCutOff(error, ctx))) onerror.call(ctx, error);
  };
}

function sendsReason({ req, response, respond, status }: KoaContext): boolean {
  if (req.method === 'HEAD' || respond === false || isBodyless(status)) return false;
  return Reflect.get(response, '_explicitNullBody') !== true;
}

/** What Koa sends where there is no body. */
export function reasonOf(ctx: KoaContext): string {
  // Koa itself asks for the version here, also on HTTP/1; Node warns where the reason of HTTP/2 is read.
  const message = http2Stream(ctx.req) ? '' : ctx.message;
  return message || String(ctx.status);
}

/** What Koa will send for the body that is on the context. */
export function contentOf(ctx: KoaContext, body: unknown, reason: string): Content {
  if (body === null || body === undefined) return reason;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof Stream) return body as Readable;
  if (!sendsWebBodies(ctx)) return JSON.stringify(body);
  if (body instanceof ReadableStream) return body as AsyncIterable<Uint8Array>;
  if (body instanceof Blob) return body.stream() as AsyncIterable<Uint8Array>;
  if (isPlatformResponse(body)) return body.body as AsyncIterable<Uint8Array> | null;
  return JSON.stringify(body);
}

/** Koa 2 knows none of them, and sends them as JSON. What else it lacks is `ctx.back()`. */
function sendsWebBodies(ctx: KoaContext): boolean {
  return 'back' in ctx;
}

/** There is no such class in jest's jsdom environment. */
function isPlatformResponse(body: unknown): body is globalThis.Response {
  return typeof globalThis.Response === 'function' && body instanceof globalThis.Response;
}

class ContextHead implements ViewHead, HeaderStore {
  readonly ctx: KoaContext;
  readonly body: unknown;
  readonly #makeBody: () => Body;
  #isOver = false;
  #headers: Headers | undefined;

  constructor(ctx: KoaContext, body: unknown, makeBody: () => Body) {
    this.ctx = ctx;
    this.body = body;
    this.#makeBody = makeBody;
  }

  openBody(): Body {
    return this.#makeBody();
  }

  get status(): number {
    return this.ctx.status;
  }

  set status(status: number) {
    this.#refuseIfSent('set the status');
    this.ctx.status = status;
    // Koa drops the other headers of a body that is not sent, and Node throws where this one is left.
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

  /** What is sent is known from the context, and what never will be is told here. */
  seal(): void {
    this.#isOver = true;
  }

  get(name: string): string | readonly string[] | undefined {
    return this.#ofReason(name) ?? headerText(this.ctx.res.getHeader(name));
  }

  /** Without a body Koa sends the reason phrase, and sets its type and length only after the middleware. */
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

  /** Koa ignores changes that come too late; here they are refused. */
  #refuseIfSent(action: string): void {
    if (this.isSealed) throw misuse('HEADERS_SENT', action);
  }
}
