import { noOptions } from '../options.js';
import { type CookieOptions, cookieLine, endedCookieLine } from './cookies.js';
import { Headers } from './headers.js';
import type { Response } from './response.js';
import { checkedStatus } from './status.js';

/**
 * The `response` injected into dependencies and endpoints. Its headers, cookies and status are merged into
 * the response of the endpoint. FastAPI's `response: Response` parameter.
 */
export class InjectedResponse {
  #headers: Headers | undefined;
  #status: number | undefined;

  get headers(): Headers {
    this.#headers ??= new Headers();
    return this.#headers;
  }

  /** `undefined` until set; then the status of a response made from plain data. */
  get status(): number | undefined {
    return this.#status;
  }

  set status(status: number | undefined) {
    this.#status = status === undefined ? undefined : checkedStatus(status);
  }

  /** Adds a cookie, like `Response.setCookie`. Throws `COOKIE`. */
  setCookie(name: string, value = '', options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', cookieLine(name, value, options));
  }

  /** Deletes a cookie, like `Response.deleteCookie`. Throws `COOKIE`. */
  deleteCookie(name: string, options: CookieOptions = noOptions): void {
    this.headers.append('set-cookie', endedCookieLine(name, options));
  }

  /** Merges into a response made from plain data; values set here win. */
  mergeInto(response: Response): void {
    if (this.#status !== undefined) response.status = this.#status;
    for (const [name, value] of this.#lines()) {
      if (typeof value === 'string' && name !== 'set-cookie') response.headers.set(name, value);
      else for (const line of [value].flat()) response.headers.append(name, line);
    }
  }

  /** Merges into a response that the endpoint returned; its own values win, and cookies are added. */
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
