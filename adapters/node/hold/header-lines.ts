import type { NativeRequest } from '../node-types.js';

type NativeHeaders = NativeRequest['headers'];

/** Headers of which Node keeps the first line and drops the others. */
const keptOnce: ReadonlySet<string> = new Set(
  [
    'age from authorization content-length content-type etag expires',
    'host if-modified-since if-unmodified-since last-modified location max-forwards',
    'proxy-authorization referer retry-after server user-agent',
  ].flatMap(line => line.split(' ')),
);
/** Names that were changed since the request came; only where some were. */
const changed = new WeakMap<NativeHeaders, Set<string>>();

/** Remembers that a header is no longer what the client sent. */
export function noteChange(headers: NativeHeaders, name: string): void {
  const names = changed.get(headers);
  if (names) names.add(name);
  else changed.set(headers, new Set([name]));
}

/**
 * Returns the lines that the client sent of one header, of which `req.headers` has the first one or all of
 * them joined; `undefined` where it has something else by now. HTTP/2 has no `headersDistinct`, so the raw
 * headers are read.
 */
export function headerLines(
  { rawHeaders }: NativeRequest,
  name: string,
  headers: NativeHeaders,
): readonly string[] | undefined {
  if (!Array.isArray(rawHeaders) || changed.get(headers)?.has(name)) return undefined;
  const lines = rawHeaders.filter(
    (_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  );
  const values = [lines.join(', '), lines.join('; '), keptOnce.has(name) ? lines[0] : undefined];
  return values.includes(headers[name] as string) ? lines : undefined;
}
