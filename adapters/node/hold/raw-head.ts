import type { NativeResponse, RawHead } from '../node-types.js';

/**
 * Puts headers that were arguments onto a response, in place of those of the same name; a name may come more
 * than once.
 */
export function setPairs(res: NativeResponse, pairs: readonly (readonly [string, unknown])[]): void {
  for (const [name] of pairs) if (name) res.removeHeader(name);
  for (const [name, value] of pairs) if (name) res.appendHeader(name, value as string);
}

/** The names and values of a header argument of `writeHead`, in each of its forms. */
export function pairsOf(raw: NonNullable<RawHead>): Iterable<readonly [string, unknown]> {
  if (!Array.isArray(raw)) return Object.entries(raw);
  if (Array.isArray(raw[0])) return raw as unknown as [string, unknown][];
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[String(name), raw[index + 1]] as const] : []));
}
