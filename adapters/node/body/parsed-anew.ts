import { parse as parseQuery } from 'node:querystring';
import { type Content, parseJSON, type Request } from '../../../core/adapter.js';

/**
 * What the parser that has been before would make of a body; `undefined` where that is not known, so that the
 * next one parses.
 */
export function parsedAnew(content: Content, request: Request, before: unknown): unknown {
  if (content !== null && typeof content === 'object' && !(content instanceof Uint8Array)) return undefined;
  const bytes = Buffer.from(content ?? '');
  if (Buffer.isBuffer(before)) return bytes;
  if (typeof before === 'string') return bytes.toString();
  const type = request.headers.get('content-type') ?? '';
  if (/[/+]json\b/i.test(type)) return bytes.length === 0 ? {} : parseJSON(bytes.toString());
  return /^application\/x-www-form-urlencoded\b/i.test(type) ? parseQuery(bytes.toString()) : undefined;
}
