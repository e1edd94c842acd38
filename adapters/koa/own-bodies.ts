import { type Readable, Stream } from 'node:stream';
import { toError } from '../../core/adapter.js';
import { originalOf } from './answerable.js';
import type { KoaContext } from './koa-types.js';

/** Contexts given an empty text for a response without a body: Koa would send the reason phrase otherwise. */
export const emptied = new WeakSet<KoaContext>();

/** What endpoints and middleware have put on contexts in answer to HEAD. */
export const returned = new WeakMap<KoaContext, unknown>();

export function isReturned(ctx: KoaContext, body: unknown): boolean {
  return body !== undefined && returned.get(ctx) === body;
}

/** Streams of ours on a context: their head goes out before the first chunk. */
export const ownStreams = new WeakSet<object>();

/**
 * Whether a body has been destroyed with its response, and will tell that it has closed. Our own are closed
 * by their producers.
 */
export function isClosing(body: unknown): body is Readable {
  if (!(body instanceof Stream) || ownStreams.has(body)) return false;
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
 * Koa marks an error that it tells its app of. It would tell it again of a connection that breaks with that
 * error, and Koa 2 has told it when the body failed: `cut` is to break the connection without one.
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
