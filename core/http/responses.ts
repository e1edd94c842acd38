import { misuse } from '../errors.js';
import { checkOptions, noOptions } from '../options.js';
import type { BodySource } from './body-source.js';
import { type ResponseInit, responseOptions } from './head.js';
import { serialize } from './json.js';
import { locationOf } from './location.js';
import { Response } from './response.js';
import { optionNames } from './response-keys.js';
import type { ResponseLike } from './response-like.js';

/**
 * Plain data as `application/json`. Throws `NOT_SERIALIZABLE` for what JSON has no form for. Starlette's
 * `JSONResponse`.
 */
export class JSONResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  constructor(data?: unknown, init: ResponseInit | ResponseLike = noOptions) {
    super(serialize(data), init, 'application/json');
  }
}

/** Text as `text/html; charset=utf-8`. Starlette's `HTMLResponse`. */
export class HTMLResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  constructor(html = '', init: ResponseInit | ResponseLike = noOptions) {
    super(html, init, 'text/html; charset=utf-8');
  }
}

/** Text as `text/plain; charset=utf-8`. Starlette's `PlainTextResponse`. */
export class PlainTextResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  constructor(text = '', init: ResponseInit | ResponseLike = noOptions) {
    super(text, init, 'text/plain; charset=utf-8');
  }
}

/**
 * A redirect: 307 unless `status` says otherwise, so that a POST stays a POST. Starlette's
 * `RedirectResponse`. The url is sent as it is given, percent-encoded where it is not ASCII; one that
 * browsers would read otherwise is normalised.
 */
export class RedirectResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  constructor(url: string | URL, init: ResponseInit = noOptions) {
    checkOptions('new RedirectResponse()', init, responseOptions);
    super(null, { status: 307, ...init });
    this.headers.set('location', locationOf(url));
  }
}

/**
 * Chunks as they come: an async iterable, a generator, an array, or a Web stream, of strings (UTF-8) or
 * bytes. They are pulled as fast as the client reads. A chunk that throws cuts the connection: it is never
 * ended as if complete.
 */
export class StreamingResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  // The parameter is the type that Starlette's users know; a string is one chunk, not its characters.
  constructor(chunks: Exclude<BodySource, null | undefined>, init: ResponseInit = noOptions) {
    if (chunks === undefined || chunks === null) throw misuse('BODY_SOURCE', chunks);
    super(typeof chunks === 'string' ? [chunks] : chunks, init);
  }
}
