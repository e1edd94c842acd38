import { parseCookie, type SetCookie, stringifySetCookie } from 'cookie';
import { misuse, misuseWith, show } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';

/** The attributes of a cookie (RFC 6265bis, 4.1). */
export interface CookieOptions {
  /** Seconds; a cookie without `maxAge` and `expires` ends with the browser's session. */
  maxAge?: number;
  expires?: Date;
  /** `/` unless set; `null` leaves it out. */
  path?: string | null;
  domain?: string;
  secure?: boolean;
  httpOnly?: boolean;
  /** `lax` unless set; `null` leaves it out. */
  sameSite?: 'lax' | 'strict' | 'none' | null;
  /** One cookie for each site that embeds this one (CHIPS); browsers want `secure` with it. */
  partitioned?: boolean;
  priority?: 'low' | 'medium' | 'high';
  /**
   * How the value is written: `percent`, the default, or `python`, in quotes and with octal escapes where it
   * needs them, for services that read it by Python's `http.cookies`, such as those on Starlette or Django.
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
 * The cookies of a request by name; of several with one name the first counts. Values are percent-decoded;
 * those in double quotes are read as Python writes them.
 */
export function cookiesOf(header: string | null): Readonly<Record<string, string | undefined>> {
  return parseCookie(header ?? '', { decode });
}

/** The same, with the last cookie of each name, as Starlette has it. */
export function lastCookiesOf(header: string | null): Readonly<Record<string, string | undefined>> {
  const pairs = (header ?? '').split(';').map(cookiesOf);
  return Object.assign(Object.create(null), ...pairs);
}

/** All values of one cookie, in the order in which the client has sent them. */
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

/**
 * What `http.cookies` of Python makes of the inside of a quoted value: octal escapes are characters of
 * Latin-1.
 */
function unquote(value: string): string {
  return value.replace(
    /\\(?:([0-3][0-7]{2})|(.))/g,
    (_escape, octal: string | undefined, character: string) =>
      octal === undefined ? character : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * Writes a value as Python's `http.cookies` does: bare where it is a token (with `:`), else in quotes.
 * Throws `COOKIE` for characters beyond Latin-1, which Starlette cannot send either.
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
      'the encoding "python" has no form for a character of its value, which is not of Latin-1',
    );
  });
  return `"${escaped}"`;
}

/**
 * A `set-cookie` line, with the value in the `encoding` of the options unless `encode` writes it in another
 * way. `path` and `sameSite` are Starlette's unless set: `/` and `lax`. Throws `COOKIE` for an
 * invalid name or attribute, and `ARGUMENT` and `UNKNOWN_OPTION`.
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
    throw misuse('COOKIE', name, `its \`encoding\` is "percent" or "python", received ${show(encoding)}`);
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

/** The library that writes lines refuses the spaces that are in quotes. */
function quotedLine(name: string, quoted: string, options: CookieOptions): string {
  const line = cookieLine(name, '', options);
  return `${name}=${quoted}${line.slice(name.length + 1)}`;
}

/** A `set-cookie` line that ends a cookie. The client looks for it by name, `domain` and `path`. */
export function endedCookieLine(name: string, options: CookieOptions = noOptions): string {
  checkOptions('deleteCookie()', options, knownOptions);
  return cookieLine(name, '', { ...options, maxAge: 0, expires: new Date(0) });
}
