import isFresh from 'fresh';
import { elementsOf } from './header-rules.js';
import type { Headers } from './headers.js';

/** Whether a conditional request shows that the client's copy is still current. */
export function isStillFresh(asked: Headers, file: Headers): boolean {
  const named = ['if-none-match', 'if-modified-since', 'cache-control'];
  const conditions = Object.fromEntries(named.map(name => [name, asked.get(name) ?? undefined]));
  const etag = file.get('etag') ?? undefined;
  const modified = file.get('last-modified') ?? undefined;
  return isFresh(conditions, { etag, 'last-modified': modified });
}

/** `if-match` and `if-unmodified-since` (RFC 9110, 13.1.1 and 13.1.4). */
export function hasChanged(asked: Headers, file: Headers): boolean {
  const match = asked.get('if-match');
  if (match !== null) {
    const etag = file.get('etag');
    return match.trim() !== '*' && !elementsOf(match).some(each => each === etag);
  }
  const since = dateOf(asked.get('if-unmodified-since'));
  return !Number.isNaN(since) && dateOf(file.get('last-modified')) > since;
}

/** `if-range` (RFC 9110, 13.1.5): a strong etag, or the very date. */
export function isRangeFresh(asked: Headers, file: Headers): boolean {
  const condition = asked.get('if-range')?.trim();
  if (condition === undefined) return true;
  if (condition.startsWith('"')) return condition === file.get('etag');
  return dateOf(condition) === dateOf(file.get('last-modified'));
}

function dateOf(text: string | null): number {
  return text === null ? Number.NaN : Date.parse(text);
}
