import parseRange from 'range-parser';
import { elementsOf } from './header-rules.js';

/** A part of a representation: its first and its last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** So many ranges are asked for by nobody who wants to read them (RFC 9110, 17.15). */
const mostRanges = 100;

/**
 * The ranges that a `range` header asks for, those that overlap or touch put together. `undefined` where all
 * is to be sent: there is none, or one that can not be read, as RFC 9110, 14.2 has it. Empty where none of
 * them can be satisfied.
 */
export function rangesOf(header: string | null, size: number): readonly ByteRange[] | undefined {
  const [, list] = /^\s*bytes\s*=(.*)$/i.exec(header ?? '') ?? [];
  if (list === undefined) return undefined;
  const asked = elementsOf(list);
  if (asked.length > mostRanges) return undefined;
  // range-parser refuses a suffix that is longer than all there is; RFC 9110, 14.1.2 takes it for all of it.
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
