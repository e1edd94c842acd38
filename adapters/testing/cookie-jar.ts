import { isIP } from 'node:net';
import { parseCookie, parseSetCookie, type SetCookie, stringifyCookie } from 'cookie';
import { checkOptions, noOptions, type OptionNames } from '../../core/adapter.js';

/** The value stays as sent, because re-encoding would break its signature. */
interface Kept extends SetCookie {
  readonly path: string;
  /** The host, or the domain with its subdomains; `undefined` for any host. */
  readonly scope: Scope | undefined;
  /** The expiry, in milliseconds since 1970. */
  readonly ends: number;
}

interface Scope {
  readonly host: string;
  readonly isDomain: boolean;
}

interface KeptOptions {
  path?: string;
}

const knownOptions = { path: true } satisfies OptionNames<KeptOptions>;

/**
 * The cookies of a client (RFC 6265, 5), by name, path and host or `Domain`, until they expire. `secure`
 * cookies are only sent over https and to localhost, as in browsers.
 */
export class CookieJar {
  #kept: readonly Kept[] = [];

  /** Returns the value of a cookie with any path. */
  get(name: string): string | undefined {
    return this.toObject()[name];
  }

  /** All cookies, by name. */
  toObject(): Record<string, string> {
    return Object.assign({}, ...this.#alive.map(cookie => parseCookie(pairOf(cookie)))) as Record<
      string,
      string
    >;
  }

  /** Sets a cookie that is sent to every host. */
  set(name: string, value: string, options: KeptOptions = noOptions): void {
    checkOptions('client.cookies.set()', options, knownOptions);
    const { path = '/' } = options;
    const pair = stringifyCookie({ [name]: value });
    this.#put({
      name,
      value: pair.slice(name.length + 1),
      path,
      scope: undefined,
      ends: Number.POSITIVE_INFINITY,
    });
  }

  delete(name: string): void {
    this.#kept = this.#kept.filter(kept => kept.name !== name);
  }

  clear(): void {
    this.#kept = [];
  }

  /** Stores the `set-cookie` lines of a response to `url`. */
  take(lines: readonly string[], url: URL): void {
    for (const line of lines) {
      const { maxAge, expires, path, domain, ...cookie } = parseSetCookie(line, { decode: value => value });
      const ends =
        maxAge === undefined ? (expires?.getTime() ?? Number.POSITIVE_INFINITY) : Date.now() + maxAge * 1000;
      const scope = scopeOf(domain, url);
      if (isIn(scope, url))
        this.#put({ ...cookie, path: path?.startsWith('/') ? path : defaultPath(url), scope, ends });
    }
  }

  /** Returns the `cookie` header for `url`, the longest path first. */
  header(url: URL): string | undefined {
    const isSecure = url.protocol === 'https:' || url.hostname === 'localhost';
    const sent = this.#alive.filter(
      ({ path, secure, scope }) => isIn(scope, url) && isBelow(url.pathname, path) && (isSecure || !secure),
    );
    if (sent.length === 0) return undefined;
    const sorted = sent.toSorted((a, b) => b.path.length - a.path.length);
    return sorted.map(pairOf).join('; ');
  }

  get #alive(): readonly Kept[] {
    return this.#kept.filter(({ ends }) => ends > Date.now());
  }

  #put(cookie: Kept): void {
    const others = this.#kept.filter(each => !isSame(each, cookie));
    this.#kept = cookie.ends > Date.now() ? [...others, cookie] : others;
  }
}

function isSame(a: Kept, b: Kept): boolean {
  return a.name === b.name && a.path === b.path && a.scope?.host === b.scope?.host;
}

/** RFC 6265, 5.2.3 and 5.3. */
function scopeOf(domain: string | undefined, { hostname }: URL): Scope {
  const host = domain?.replace(/^\./, '').toLowerCase();
  return host ? { host, isDomain: true } : { host: hostname, isDomain: false };
}

/** RFC 6265, 5.1.3: an IP address has no parent domains. */
function isIn(scope: Scope | undefined, { hostname }: URL): boolean {
  if (scope === undefined || scope.host === hostname) return true;
  return scope.isDomain && hostname.endsWith(`.${scope.host}`) && isIP(hostname) === 0;
}

function pairOf({ name, value = '' }: Kept): string {
  return `${name}=${value}`;
}

/** RFC 6265, 5.1.4. */
function defaultPath({ pathname }: URL): string {
  const end = pathname.lastIndexOf('/');
  return end > 0 ? pathname.slice(0, end) : '/';
}

function isBelow(pathname: string, path: string): boolean {
  if (!pathname.startsWith(path)) return false;
  return pathname.length === path.length || path.endsWith('/') || pathname[path.length] === '/';
}
