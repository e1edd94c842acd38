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
 * Sends plain data as `application/json`. Throws `NOT_SERIALIZABLE` for data that JSON cannot express.
 * Starlette's `JSONResponse`.
 */
export class JSONResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  constructor(data?: unknown, init: ResponseInit | ResponseLike = noOptions) {
    super(serialize(data), init, 'application/json');
  }
}

/** Sends `text/html; charset=utf-8`. Starlette's `HTMLResponse`. */
export class HTMLResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  constructor(html = '', init: ResponseInit | ResponseLike = noOptions) {
    super(html, init, 'text/html; charset=utf-8');
  }
}

/** Sends `text/plain; charset=utf-8`. Starlette's `PlainTextResponse`. */
export class PlainTextResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  constructor(text = '', init: ResponseInit | ResponseLike = noOptions) {
    super(text, init, 'text/plain; charset=utf-8');
  }
}

/**
 * Redirects with 307 by default, so that a POST stays a POST. Percent-encodes the url where it is not ASCII,
 * and normalises a url that browsers would misread. Starlette's `RedirectResponse`.
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
 * Streams chunks from an async iterable, a generator, an array or a Web stream, of strings (UTF-8) or bytes,
 * as fast as the client reads. If the source throws, the connection is cut, so the body never looks complete.
 */
export class StreamingResponse extends Response {
  static override readonly [optionNames] = responseOptions;

  // A string is one chunk, not an iterable of characters.
  constructor(chunks: Exclude<BodySource, null | undefined>, init: ResponseInit = noOptions) {
    if (chunks === undefined || chunks === null) throw misuse('BODY_SOURCE', chunks);
    super(typeof chunks === 'string' ? [chunks] : chunks, init);
  }
}
