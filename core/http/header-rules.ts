import type { Headers } from './headers.js';

/** Hop-by-hop headers (RFC 9110, 7.6.1). */
export const ofHop: readonly string[] = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'upgrade',
];

/** Hop-by-hop headers, and those that encode and delimit one message's body. */
export const ofFraming: readonly string[] = [...ofHop, 'content-encoding', 'content-length'];

/**
 * Adds headers that are missing; cookies and the names in `vary` are appended. Framing headers are skipped.
 */
export function fillHeaders(headers: Headers, added: Headers): void {
  for (const [name, value] of added.lines()) {
    if (ofFraming.includes(name)) continue;
    if (name === 'vary') addToVary(headers, added.get(name) ?? '');
    else if (name === 'set-cookie') addCookies(headers, [value].flat());
    else if (!headers.has(name)) for (const line of [value].flat()) headers.append(name, line);
  }
}

function addCookies(headers: Headers, lines: readonly string[]): void {
  const before = headers.getSetCookie();
  for (const line of lines) if (!before.includes(line)) headers.append('set-cookie', line);
}

/** Adds names to `vary`, each once; `*` already covers all of them (RFC 9110, 12.5.5). */
export function addToVary(headers: Headers, added: string): void {
  const before = headers.get('vary');
  if (before === null) return headers.set('vary', added);
  if (before.trim() === '*') return;
  const names = [...elementsOf(before), ...elementsOf(added)];
  const isNew = (name: string, index: number): boolean =>
    names.findIndex(each => each.toLowerCase() === name.toLowerCase()) === index;
  headers.set('vary', names.filter(isNew).join(', '));
}

/** The elements of a list header, without empty ones (RFC 9110, 5.6.1). */
export function elementsOf(list: string): string[] {
  return list
    .split(',')
    .map(element => element.trim())
    .filter(element => element !== '');
}
