import { noOptions } from '../options.js';
import { type CookieOptions, cookieLine, endedCookieLine } from './cookies.js';
import { Headers } from './headers.js';
import type { Response } from './response.js';
import { checkedStatus } from './status.js';

/**
 * The `response` that dependencies and endpoints are given: what they set on it is merged into the response
 * that the endpoint's result becomes. FastAPI's `response: Response` parameter.
 */
export class InjectedResponse {
  #headers: Headers | undefined;
  #status: number | undefined;

  get headers(): Headers {
    this.#headers ??= new Headers();
    return this.#headers;
  }

  /** `undefined` until it is set; then the status of a response made from plain data. */
  get status(): number | undefined {
    return this.#status;
  }

  set status(status: number | undefined) {
    this.#status = status === undefined ? undefined : checkedStatus(status);
  }

  /** Adds a cookie, as `Response.setCookie` does. Throws `COOKIE`. */
  setCookie(name: string, value = '', options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', cookieLine(name, value, options));
  }

  /** Ends a cookie, as `Response.deleteCookie` does. Throws `COOKIE`. */
  deleteCookie(name: string, options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', endedCookieLine(name, options));
  }

  /** Merges into a response made from plain data: what was set here wins. */
  mergeInto(response: Response): void {
    if (this.#status !== undefined) response.status = this.#status;
    for (const [name, value] of this.#lines()) {
      if (typeof value === 'string' && name !== 'set-cookie') response.headers.set(name, value);
      else for (const line of [value].flat()) response.headers.append(name, line);
    }
  }

  /**
   * Merges into a response that the endpoint returned itself: its own values win, cookies are added to its
   * own.
   */
  fillInto(response: Response, hasStatus: boolean): void {
    if (this.#status !== undefined && !hasStatus) response.status = this.#status;
    for (const [name, value] of this.#lines()) {
      if (name !== 'set-cookie' && response.headers.has(name)) continue;
      for (const line of [value].flat()) response.headers.append(name, line);
    }
  }

  #lines(): Iterable<readonly [string, string | readonly string[]]> {
    return this.#headers?.lines() ?? [];
  }
}
