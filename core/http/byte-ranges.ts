import parseRange from 'range-parser';
import { elementsOf } from './header-rules.js';

/** The first and last byte of a range, both inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** More ranges than any honest client asks for (RFC 9110, 17.15). */
const mostRanges = 100;

/**
 * Parses a `range` header, and merges ranges that overlap or touch. `undefined` means: send everything,
 * because the header is missing or invalid (RFC 9110, 14.2). Empty means: no range can be satisfied.
 */
export function rangesOf(header: string | null, size: number): readonly ByteRange[] | undefined {
  const [, list] = /^\s*bytes\s*=(.*)$/i.exec(header ?? '') ?? [];
  if (list === undefined) return undefined;
  const asked = elementsOf(list);
  if (asked.length > mostRanges) return undefined;
  // range-parser rejects a suffix longer than the content; RFC 9110, 14.1.2 takes all of the content.
  const clamped = asked.map(range => (-Number(/^-\d+$/.exec(range)?.[0]) > size ? `-${size}` : range));
  const ranges = parseRange(size, `bytes=${clamped.join(',')}`, { combine: true });
  if (ranges === -1) return [];
  return ranges === -2 ? undefined : ranges.map(({ start, end }) => ({ start, end }));
}

/** The head of one part of a `multipart/byteranges` body (RFC 9110, 14.6). */
export function partHead(boundary: string, type: string, range: ByteRange, size: number): string {
  return `--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(range, size)}\r\n\r\n`;
}

export function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end}/${size}`;
}
