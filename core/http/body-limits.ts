import { misuse } from '../errors.js';
import { HTTPException } from './http-exception.js';

/** The 413 of a body that exceeds what may be held in memory. */
export function tooLarge(limit: number): HTTPException {
  const detail = `The body is larger than ${limit} bytes.`;
  return new HTTPException(413, detail, { cause: misuse('BODY_TOO_LARGE', limit) });
}

/** The 413 of a body that exceeds `bodyLimit()`. */
export function contentTooLarge(limit: number): HTTPException {
  return new HTTPException(413, 'Content Too Large', { cause: misuse('BODY_LIMIT', limit) });
}
