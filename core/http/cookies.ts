import { parseCookie, type SetCookie, stringifySetCookie } from 'cookie';
import { misuseWith } from '../errors.js';

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

/** The cookies of a request by name; of several with one name the first counts. Values are percent-decoded. */
export function cookiesOf(header: string | null): Readonly<Record<string, string | undefined>> {
  return parseCookie(header ?? '');
}

/**
 * A `set-cookie` line, the value percent-encoded unless `encode` writes it in another way. `path` and `sameSite` are Starlette's unless set: `/` and `lax`.
 * Throws `COOKIE` for a name or an attribute that is none.
 */
export function cookieLine(
  name: string,
  value: string,
  options: CookieOptions = {},
  encode: (value: string) => string = encodeURIComponent,
): string {
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
export function endedCookieLine(name: string, options: CookieOptions = {}): string {
  return cookieLine(name, '', { ...options, maxAge: 0, expires: new Date(0) });
}
