import { type Readable, Stream } from 'node:stream';
import { HeaderSnapshot, http2Stream, type NativeResponse } from '../node/shared.js';
import type { KoaContext } from './koa-types.js';

/** The state of a context apart from the headers of its response. */
export interface ContextState {
  readonly body: unknown;
  readonly isExplicit: unknown;
  readonly isNull: unknown;
  readonly respond: unknown;
}

export function stateOf({ response, respond }: KoaContext): ContextState {
  // Reads each name instead of a loop: this runs for every request.
  const { _body, _explicitStatus, _explicitNullBody } = response as Record<string, unknown>;
  return { body: _body, isExplicit: _explicitStatus, isNull: _explicitNullBody, respond };
}

/**
 * Restores a context to the state in which a layer was entered, because the answer on it is not sent. Koa's
 * own setters would change the headers and note that there is no body.
 */
export function restoreContext(ctx: KoaContext, entry: HeaderSnapshot, before: ContextState): void {
  const res = ctx.res as NativeResponse;
  if (res.headersSent) return;
  const { body } = stateOf(ctx);
  entry.restore(res);
  res.statusCode = entry.status;
  // HTTP/2 has no reason phrase, and Node warns about it.
  if (!http2Stream(res)) Reflect.set(res, 'statusMessage', undefined);
  Reflect.set(ctx.response, '_body', before.body);
  Reflect.set(ctx.response, '_explicitStatus', before.isExplicit);
  Reflect.set(ctx.response, '_explicitNullBody', before.isNull);
  Reflect.set(ctx, 'respond', before.respond);
  if (body instanceof Stream && body !== before.body) (body as Readable).destroy();
}

/** Code that nobody waited for may still set a body, on a context that has `body` by then. */
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
