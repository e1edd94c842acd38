import { parseCookie, parseSetCookie, type SetCookie, stringifyCookie } from 'cookie';
import { checkOptions, noOptions, type OptionNames } from '../../core/adapter.js';

/** The value is as it was sent: what is encoded in another way is another cookie to who has signed it. */
interface Kept extends SetCookie {
  readonly path: string;
  /** When it ends, in milliseconds since 1970. */
  readonly ends: number;
}

interface KeptOptions {
  path?: string;
}

const knownOptions = { path: true } satisfies OptionNames<KeptOptions>;

/**
 * The cookies of a client that speaks to one server (RFC 6265, 5): by name and path, until they end, `secure` ones over https and on
 * localhost only, as browsers have it.
 */
export class CookieJar {
  #kept: readonly Kept[] = [];

  /** The value of a cookie, whatever its path. */
  get(name: string): string | undefined {
    return this.toObject()[name];
  }

  /** All of them, by name. */
  toObject(): Record<string, string> {
    return Object.assign({}, ...this.#alive.map(cookie => parseCookie(pairOf(cookie)))) as Record<
      string,
      string
    >;
  }

  set(name: string, value: string, options: KeptOptions = noOptions): void {
    checkOptions('client.cookies.set()', options, knownOptions);
    const { path = '/' } = options;
    const pair = stringifyCookie({ [name]: value });
    this.#put({ name, value: pair.slice(name.length + 1), path, ends: Number.POSITIVE_INFINITY });
  }

  delete(name: string): void {
    this.#kept = this.#kept.filter(kept => kept.name !== name);
  }

  clear(): void {
    this.#kept = [];
  }

  /** Takes what a response to a request of `url` sets. */
  take(lines: readonly string[], url: URL): void {
    for (const line of lines) {
      const { maxAge, expires, path, ...cookie } = parseSetCookie(line, { decode: value => value });
      const ends =
        maxAge === undefined ? (expires?.getTime() ?? Number.POSITIVE_INFINITY) : Date.now() + maxAge * 1000;
      this.#put({ ...cookie, path: path?.startsWith('/') ? path : defaultPath(url), ends });
    }
  }

  /** The `cookie` header of a request of `url`; the longest path comes first. */
  header(url: URL): string | undefined {
    const isSecure = url.protocol === 'https:' || url.hostname === 'localhost';
    const sent = this.#alive.filter(
      ({ path, secure }) => isBelow(url.pathname, path) && (isSecure || !secure),
    );
    if (sent.length === 0) return undefined;
    const sorted = sent.toSorted((a, b) => b.path.length - a.path.length);
    return sorted.map(pairOf).join('; ');
  }

  get #alive(): readonly Kept[] {
    return this.#kept.filter(({ ends }) => ends > Date.now());
  }

  #put(cookie: Kept): void {
    const others = this.#kept.filter(({ name, path }) => name !== cookie.name || path !== cookie.path);
    this.#kept = cookie.ends > Date.now() ? [...others, cookie] : others;
  }
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
