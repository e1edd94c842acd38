import { misuse } from '../errors.js';
import { HTTPException } from './http-exception.js';

/** The client has sent more than readers may hold in memory. */
export function tooLarge(limit: number): HTTPException {
  const detail = `The body is larger than ${limit} bytes.`;
  return new HTTPException(413, detail, { cause: misuse('BODY_TOO_LARGE', limit) });
}

/** More has come, or was announced, than `bodyLimit()` lets come at all. */
export function contentTooLarge(limit: number): HTTPException {
  return new HTTPException(413, 'Content Too Large', { cause: misuse('BODY_LIMIT', limit) });
}
