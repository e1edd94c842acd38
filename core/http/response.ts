import { noOptions } from '../options.js';
import type { BodySource, Bytes } from './body-source.js';
import { type CookieOptions, cookieLine, endedCookieLine } from './cookies.js';
import type { Files } from './files.js';
import { formDataOf } from './form.js';
import { checkInit, type ResponseInit, responseOptions } from './head.js';
import { markAsCopy } from './headers.js';
import { serialize } from './json.js';
import { locationOf } from './location.js';
import type { Request } from './request.js';
import { body, brand, head, inherit, optionNames, prepare } from './response-keys.js';
import { linesOf, type ResponseLike } from './response-like.js';
import { ResponseMessage } from './response-message.js';

/**
 * A response: the interface of the Fetch `Response`. Status and headers may be changed until it is sent, and
 * its body is sent even after it was read.
 *
 * ```ts
 * const response = await callNext(request);
 * response.headers.set('x-frame-options', 'DENY');
 * return response;
 * ```
 *
 * Throws `BODY_SOURCE`, `OPTIONS` and `UNKNOWN_OPTION`, `STATUS` for a status outside 200–599, and
 * `HEADERS_SENT` for a change after it was sent.
 */
export class Response extends ResponseMessage {
  static readonly [optionNames]: Readonly<Record<string, true>> = responseOptions;
  declare readonly redirected: false;
  declare readonly type: 'default';
  declare readonly url: '';
  declare readonly [Symbol.toStringTag]: string;

  /** `mediaType` sets the `content-type` unless `init` does. */
  constructor(source?: BodySource, init: ResponseInit | ResponseLike = noOptions, mediaType?: string) {
    if (init !== noOptions) checkInit(new.target, init);
    super(source, init, mediaType);
  }

  /** The body as a stream, or `null` without a body. Reading it does not consume it. */
  get body(): ReadableStream<Bytes> | null {
    return this[body].stream();
  }

  get bodyUsed(): boolean {
    return this[body].used;
  }

  text(): Promise<string> {
    return this[body].text();
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this[body].bytes();
    return new Uint8Array(bytes).buffer;
  }

  async bytes(): Promise<Bytes> {
    return new Uint8Array(await this[body].bytes());
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') ?? '' });
  }

  async formData(): Promise<FormData> {
    return formDataOf(await this.arrayBuffer(), this.headers.get('content-type'));
  }

  /** Returns a copy with the same head and body. Both may be read: bytes are kept for the slower reader. */
  clone(): Response {
    const copy = new Response(this[body].copy(), { headers: linesOf(this) });
    markAsCopy(copy.headers, this.headers);
    copy[head].status = this.status;
    copy[inherit](this);
    return copy;
  }

  /**
   * Adds a cookie. By default `path` is `/` and `sameSite` is `lax`, as in Starlette. The value is
   * percent-encoded unless `encoding` is `python`. Throws `ARGUMENT`, `COOKIE`, `HEADERS_SENT` and
   * `UNKNOWN_OPTION`.
   */
  setCookie(name: string, value = '', options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', cookieLine(name, value, options));
  }

  /** Deletes a cookie. Pass the `path` and `domain` it was set with. Throws `COOKIE` and `HEADERS_SENT`. */
  deleteCookie(name: string, options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', endedCookieLine(name, options));
  }

  /** Fetch's `Response.json(data, init)`. */
  static json(data: unknown, init: ResponseInit = noOptions): Response {
    return new Response(serialize(data), init, 'application/json');
  }

  /**
   * Fetch's `Response.redirect(url, status)`; the url may be relative, and is encoded like that of
   * `RedirectResponse`.
   */
  static redirect(url: string | URL, status = 302): Response {
    return new Response(null, { status, headers: { location: locationOf(url, 'Response.redirect()') } });
  }

  /** Internal: makes the response that is sent; `undefined` if this one is sent as it is. */
  [prepare](_request: Request, _files: Files | undefined): Promise<Response> | undefined {
    return undefined;
  }
}

/** Constant for all our responses, as in the Fetch interface. */
Object.defineProperties(Response.prototype, {
  redirected: { value: false },
  type: { value: 'default' },
  url: { value: '' },
  [Symbol.toStringTag]: { value: 'Response' },
});

/** Whether a value is a callnext response, even of another copy of the package. */
export function isOurs(value: unknown): value is Response {
  return typeof value === 'object' && value !== null && brand in value;
}
