import { parseCookie, type SetCookie, stringifySetCookie } from 'cookie';
import { misuse, misuseWith, show } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';

/** The attributes of a cookie (RFC 6265bis, 4.1). */
export interface CookieOptions {
  /** In seconds. Without `maxAge` and `expires`, the cookie lasts for the browser session. */
  maxAge?: number;
  expires?: Date;
  /** `/` by default; `null` omits it. */
  path?: string | null;
  domain?: string;
  secure?: boolean;
  httpOnly?: boolean;
  /** `lax` by default; `null` omits it. */
  sameSite?: 'lax' | 'strict' | 'none' | null;
  /** A separate cookie for each site that embeds this one (CHIPS). Browsers require `secure` with it. */
  partitioned?: boolean;
  priority?: 'low' | 'medium' | 'high';
  /**
   * How the value is written. `python` quotes it, with octal escapes, for services that read it with Python's
   * `http.cookies`, such as Starlette or Django. The default is `percent`.
   */
  encoding?: 'percent' | 'python';
}

const knownOptions = {
  maxAge: true,
  expires: true,
  path: true,
  domain: true,
  secure: true,
  httpOnly: true,
  sameSite: true,
  partitioned: true,
  priority: true,
  encoding: true,
} satisfies OptionNames<CookieOptions>;

/**
 * Returns the cookies of a request by name; the first of several with one name counts. Values are
 * percent-decoded; those in double quotes are decoded as Python writes them.
 */
export function cookiesOf(header: string | null): Readonly<Record<string, string | undefined>> {
  return parseCookie(header ?? '', { decode });
}

/** The same, but with the last cookie of each name, as in Starlette. */
export function lastCookiesOf(header: string | null): Readonly<Record<string, string | undefined>> {
  const pairs = (header ?? '').split(';').map(cookiesOf);
  return Object.assign(Object.create(null), ...pairs);
}

/** All values of one cookie, in the order sent. */
export function cookieValues(header: string | null, name: string): string[] {
  const pairs = (header ?? '').split(';').map(pair => cookiesOf(pair)[name]);
  return pairs.filter(value => value !== undefined);
}

function decode(value: string): string {
  if (value.length > 1 && value.startsWith('"') && value.endsWith('"')) return unquote(value.slice(1, -1));
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Decodes a quoted value like Python's `http.cookies`: an octal escape is one Latin-1 character. */
function unquote(value: string): string {
  return value.replace(
    /\\(?:([0-3][0-7]{2})|(.))/g,
    (_escape, octal: string | undefined, character: string) =>
      octal === undefined ? character : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * Writes a value like Python's `http.cookies`: unquoted if it is a token (with `:`), otherwise quoted. Throws
 * `COOKIE` for characters beyond Latin-1, which Starlette cannot send either.
 */
function quote(name: string, value: string): string {
  if (/^[\w!#$%&'*+\-.^`|~:]+$/.test(value)) return value;
  const escaped = value.replace(/[^\w!#$%&'*+\-.^`|~: ()/<=>?@[\]{}]/g, character => {
    if (character === '"' || character === '\\') return `\\${character}`;
    const code = character.charCodeAt(0);
    if (code <= 0xff) return `\\${code.toString(8).padStart(3, '0')}`;
    throw misuse(
      'COOKIE',
      name,
      'the encoding "python" cannot express a character of its value that is not in Latin-1',
    );
  });
  return `"${escaped}"`;
}

/**
 * Returns a `set-cookie` line; `encode` overrides the `encoding` of the options. `path` defaults to `/` and
 * `sameSite` to `lax`, as in Starlette. Throws `COOKIE` for an invalid name or attribute, and `ARGUMENT` and
 * `UNKNOWN_OPTION`.
 */
export function cookieLine(
  name: string,
  value: string,
  options: CookieOptions = noOptions,
  encode: (value: string) => string = encodeURIComponent,
): string {
  checkOptions('setCookie()', options, knownOptions);
  if (typeof value === 'object') throw misuse('ARGUMENT', 'setCookie()', 'value', 'a string', value);
  const { path = '/', sameSite = 'lax', encoding = 'percent', ...attributes } = options;
  if (encoding !== 'percent' && encoding !== 'python')
    throw misuse(
      'COOKIE',
      name,
      `its \`encoding\` must be "percent" or "python", received ${show(encoding)}`,
    );
  if (encoding === 'python') return quotedLine(name, quote(name, value), { ...options, encoding: 'percent' });
  const cookie: SetCookie = { ...attributes, name, value };
  if (path !== null) cookie.path = path;
  if (sameSite !== null) cookie.sameSite = sameSite;
  try {
    return stringifySetCookie(cookie, { encode });
  } catch (cause) {
    throw misuseWith({ cause }, 'COOKIE', name, (cause as Error).message);
  }
}

/** The cookie library rejects spaces, even in quotes. */
function quotedLine(name: string, quoted: string, options: CookieOptions): string {
  const line = cookieLine(name, '', options);
  return `${name}=${quoted}${line.slice(name.length + 1)}`;
}

/** Returns a `set-cookie` line that deletes a cookie. The client matches it by name, `domain` and `path`. */
export function endedCookieLine(name: string, options: CookieOptions = noOptions): string {
  checkOptions('deleteCookie()', options, knownOptions);
  return cookieLine(name, '', { ...options, maxAge: 0, expires: new Date(0) });
}
