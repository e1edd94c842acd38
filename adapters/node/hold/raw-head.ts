import type { NativeResponse, RawHead } from '../node-types.js';

/** Sets headers that were arguments, replacing those of the same name; a name may appear several times. */
export function setPairs(res: NativeResponse, pairs: readonly (readonly [string, unknown])[]): void {
  for (const [name] of pairs) if (name) res.removeHeader(name);
  for (const [name, value] of pairs) if (name) res.appendHeader(name, value as string);
}

/** Returns the names and values of a header argument of `writeHead`, in any of its forms. */
export function pairsOf(raw: NonNullable<RawHead>): Iterable<readonly [string, unknown]> {
  if (!Array.isArray(raw)) return Object.entries(raw);
  if (Array.isArray(raw[0])) return raw as unknown as [string, unknown][];
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[String(name), raw[index + 1]] as const] : []));
}

/** Copies a header value with its lists: Node encodes those of `content-disposition` in place. */
export function copyOf(value: unknown): unknown {
  return Array.isArray(value) ? value.map(copyOf) : value;
}

/** Copies a header argument of `writeHead`. */
export function copyOfHead(raw: RawHead): RawHead {
  if (raw === undefined || Array.isArray(raw)) return copyOf(raw) as RawHead;
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, copyOf(value)])) as RawHead;
}
