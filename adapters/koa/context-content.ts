import { type Readable, Stream } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { type Content, isBodyless } from '../../core/adapter.js';
import { http2Stream } from '../node/shared.js';
import type { KoaContext } from './koa-types.js';

/** Returns what Koa will send for the body on the context. */
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

/** Returns what Koa sends without a body. */
export function reasonOf(ctx: KoaContext): string {
  // Koa checks the version here, also on HTTP/1; Node warns if the reason of HTTP/2 is read.
  const message = http2Stream(ctx.req) ? '' : ctx.message;
  return message || String(ctx.status);
}

export function sendsReason({ req, response, respond, status }: KoaContext): boolean {
  if (req.method === 'HEAD' || respond === false || isBodyless(status)) return false;
  return Reflect.get(response, '_explicitNullBody') !== true;
}

/** Koa 2 sends the bodies of the web as JSON; only Koa 3 has `ctx.back()`. */
export function sendsWebBodies(ctx: KoaContext): boolean {
  return 'back' in ctx;
}

/** jest's jsdom environment lacks this class. */
function isPlatformResponse(body: unknown): body is globalThis.Response {
  return typeof globalThis.Response === 'function' && body instanceof globalThis.Response;
}

export function isWhole(content: Exclude<Content, null>): content is string | Uint8Array {
  return typeof content === 'string' || content instanceof Uint8Array;
}
