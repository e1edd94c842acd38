import { parseCookie, type SetCookie, stringifySetCookie } from 'cookie';
import { misuse, misuseWith } from '../errors.js';
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
} satisfies OptionNames<CookieOptions>;

/**
 * The cookies of a request by name; of several with one name the first counts. Values are percent-decoded; those in double
 * quotes are read as Python writes them.
 */
export function cookiesOf(header: string | null): Readonly<Record<string, string | undefined>> {
  return parseCookie(header ?? '', { decode });
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

/** What `http.cookies` of Python makes of the inside of a quoted value: octal escapes are characters of Latin-1. */
function unquote(value: string): string {
  return value.replace(
    /\\(?:([0-3][0-7]{2})|(.))/g,
    (_escape, octal: string | undefined, character: string) =>
      octal === undefined ? character : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * A `set-cookie` line, the value percent-encoded unless `encode` writes it in another way. `path` and `sameSite` are Starlette's unless set: `/` and `lax`.
 * Throws `COOKIE` for an invalid name or attribute, and `ARGUMENT` and `UNKNOWN_OPTION`.
 */
export function cookieLine(
  name: string,
  value: string,
  options: CookieOptions = noOptions,
  encode: (value: string) => string = encodeURIComponent,
): string {
  checkOptions('setCookie()', options, knownOptions);
  if (typeof value === 'object') throw misuse('ARGUMENT', 'setCookie()', 'value', 'a string', value);
  const { path = '/', sameSite = 'lax', ...attributes } = options;
  const cookie: SetCookie = { ...attributes, name, value };
  if (path !== null) cookie.path = path;
  if (sameSite !== null) cookie.sameSite = sameSite;
  try {
    return stringifySetCookie(cookie, { encode });
  } catch (cause) {
    throw misuseWith({ cause }, 'COOKIE', name, (cause as Error).message);
  }
}

/** A `set-cookie` line that ends a cookie. The client looks for it by name, `domain` and `path`. */
export function endedCookieLine(name: string, options: CookieOptions = noOptions): string {
  checkOptions('deleteCookie()', options, knownOptions);
  return cookieLine(name, '', { ...options, maxAge: 0, expires: new Date(0) });
}
