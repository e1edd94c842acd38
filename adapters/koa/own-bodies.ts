import { type Readable, Stream } from 'node:stream';
import { isBodyless, toError } from '../../core/adapter.js';
import { originalOf } from './answerable.js';
import type { KoaContext } from './koa-types.js';

// Symbols on the objects themselves, so that two copies of the package recognize each other's bodies.
const emptiedKey: unique symbol = Symbol.for('callnext.koa.emptied') as never;
const returnedKey: unique symbol = Symbol.for('callnext.koa.returned') as never;
const ownKey: unique symbol = Symbol.for('callnext.koa.ownStream') as never;

interface Marked {
  readonly [emptiedKey]?: true;
  readonly [returnedKey]?: unknown;
}

/** Sends an empty text for a response without a body: Koa would send the reason phrase otherwise. */
export function emptyBody(ctx: KoaContext): void {
  ctx.body = isBodyless(ctx.status) ? null : '';
  if (ctx.body === '') Reflect.set(ctx, emptiedKey, true);
}

export function isEmptied(ctx: KoaContext): boolean {
  return ctx.body === '' && (ctx as Marked)[emptiedKey] === true;
}

/** Notes that an endpoint or a middleware put the body on the context in answer to HEAD. */
export function markReturned(ctx: KoaContext): void {
  Reflect.set(ctx, returnedKey, ctx.body);
}

export function isReturned(ctx: KoaContext, body: unknown): boolean {
  return body !== undefined && (ctx as Marked)[returnedKey] === body;
}

/** Marks a stream on a context as ours: its head is sent before the first chunk. */
export function markOwn(stream: Readable): void {
  Reflect.set(stream, ownKey, true);
}

export function isOwnStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && ownKey in body;
}

/**
 * Whether a body was destroyed with its response and will emit its close. Our own bodies are closed by their
 * producers.
 */
export function isClosing(body: unknown): body is Readable {
  if (!(body instanceof Stream) || isOwnStream(body)) return false;
  const { destroyed, closed, _readableState } = body as Readable & {
    readonly _readableState?: { readonly emitClose?: boolean };
  };
  return destroyed === true && closed === false && _readableState?.emitClose === true;
}

/** Whether a stream failed because it was destroyed with its response. */
export function isCutOff(thrown: unknown, { req, res }: KoaContext): boolean {
  const { code } = toError(thrown) as { code?: unknown };
  return code === 'ERR_STREAM_PREMATURE_CLOSE' && (req.socket.destroyed || res.closed);
}

/**
 * Yields the chunks, and reports their failure only once. Koa marks an error that it reports to its app, and
 * would report it again for a connection that breaks with it. Koa 2 already reported it when the body failed,
 * so `cut` should break the connection without an error.
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
