/**
 * The slice of foreign headers that is read: those of the platform, undici, or a ponyfill such as node-fetch.
 */
export interface HeadersLike {
  get(name: string): string | null;
  forEach(callback: (value: string, name: string) => void): void;
}

interface CookieReader extends HeadersLike {
  getSetCookie?(): string[];
  /** node-fetch only. */
  raw?(): Readonly<Record<string, readonly string[] | undefined>>;
}

/** Whether a value is any implementation of `Headers`; a `Map` has no `append`. */
export function isHeadersLike(value: object): value is HeadersLike {
  const { get, forEach, append } = value as Partial<Record<string, unknown>>;
  return typeof get === 'function' && typeof forEach === 'function' && typeof append === 'function';
}

/**
 * Returns the header lines, each `set-cookie` separately, however the implementation's `forEach` joins them.
 */
export function linesOfHeaders(headers: HeadersLike): [name: string, value: string][] {
  const lines: [string, string][] = [];
  headers.forEach((value: unknown, name) => {
    if (name.toLowerCase() !== 'set-cookie') lines.push([name, [value].flat().join(', ')]);
  });
  for (const cookie of cookieLines(headers)) lines.push(['set-cookie', cookie]);
  return lines;
}

function cookieLines(headers: CookieReader): readonly string[] {
  const listed = headers.getSetCookie?.() ?? headers.raw?.()['set-cookie'];
  if (listed !== undefined && listed.length > 0) return listed;
  const joined = headers.get('set-cookie');
  return joined === null ? [] : joined.split(betweenCookies);
}

/** A comma followed by a name and `=`; the comma within `expires` is followed by a date. */
const betweenCookies = /,\s*(?=[!#$%&'*+\-.^_`|~0-9A-Za-z]+=)/;
