import { Readable } from 'node:stream';
import {
  bodyOf,
  type Content,
  contentToSend,
  headOf,
  isBodyless,
  openedBodyOf,
  type Response,
  toError,
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
import { answerable, answerableChunks } from './answerable.js';
import { isWhole } from './context-content.js';
import type { KoaContext } from './koa-types.js';
import { emptyBody, isCutOff, isOwnStream, markOwn, markReturned } from './own-bodies.js';

/**
 * Puts one of our responses on the context. Returns the producer of a streamed body: one that throws cuts the
 * connection.
 */
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
  // Without a type, Koa derives one from the body, which is slow.
  const type = content === null ? null : headers.get('content-type');
  if (type !== null) ctx.set('content-type', type);
  const producer = setBody(ctx, content, declared, response);
  if (req.method === 'HEAD' && content !== null && !isEmptyChunk(content)) markReturned(ctx);
  if (!headers.has('content-type')) ctx.remove('content-type');
  for (const [name, value] of headers.lines()) {
    if (name === 'content-length' && producer === undefined && req.method !== 'HEAD') continue;
    if (name === 'content-type' && type !== null) continue;
    // HTTP/2 has no such header, and Node warns about it.
    if (name === 'connection' && http2Stream(req)) continue;
    ctx.set(name, besideNative(ctx.res, name, value));
  }
  if (!areAscii(headers.lines())) putLengthLast(ctx.res as NativeResponse);
  // Node throws if `trailer` is announced without chunks, which is where trailers would be.
  if (!isChunked(ctx, producer)) ctx.remove('trailer');
  const hasReason = response.statusText !== '' && !http2Stream(req);
  if (hasReason && response.statusText !== ctx.message) ctx.message = response.statusText;
  headOf(response).seal();
  return producer;
}

/** Whether a chunk is empty, as a body that was kept back becomes. */
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
  // The length for GET is unknown if a response to HEAD has no body (RFC 9110, 8.6).
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
    markOwn(body);
    keepDisconnectsQuiet(ctx, producer);
    return producer;
  }
  return undefined;
}

/**
 * Koa 2 would leave the connection open after a stream failed, so the failure is handled here. An error
 * thrown in at the `yield` is not the producer's: Koa 3 ends a body this way when its client has gone.
 *
 * The head does not wait for the first chunk if Koa, and not an outer middleware, asks for it.
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

/**
 * Keeps Koa from reporting a stream whose client left, or whose response was cut: this is not an error of an
 * endpoint.
 */
function keepDisconnectsQuiet(ctx: KoaContext, producer: BodyProducer): void {
  const { onerror } = ctx;
  ctx.onerror = error => {
    const isOurs = isOwnStream(ctx.body) && producer.error !== error;
    const isConnections = error !== null && error === ctx.req.socket.errored;
    if (!isOurs || !(isConnections || isCutOff(error, ctx))) onerror.call(ctx, error);
  };
}

/** Puts a body that a middleware has read back on the context, with its original headers in their order. */
export function putBack(ctx: KoaContext, view: Response): void {
  const body = openedBodyOf(view);
  if (body === undefined || (!body.taken && !body.isBeingRead)) return;
  const { res } = ctx;
  const before = new HeaderSnapshot(res as NativeResponse);
  const isOwn = isOwnStream(ctx.body);
  const content = answerableChunks(body.take() as AsyncIterable<unknown>);
  const stream: Readable = Readable.from(
    isOwn ? headFirst(content, ctx, () => goesInto(stream, res)) : content,
  );
  if (isOwn) markOwn(stream);
  ctx.body = stream;
  before.rewrite(res as NativeResponse);
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
