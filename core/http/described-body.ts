import { type Content, isChunk, toBytes } from './body-source.js';
import type { ResponseInit } from './head.js';
import { ofFraming } from './header-rules.js';
import { areOurs, describedBody, type Headers } from './headers.js';
import { isOfPlatform } from './platform.js';
import { isResponseLike, type ResponseLike } from './response-like.js';
import { isBodyless } from './status.js';

/** What headers say of the bytes of one body, and nothing of another one (RFC 9110, 8 and 14; RFC 9530). */
const ofBody = [
  'content-length',
  'transfer-encoding',
  'trailer',
  'content-encoding',
  'etag',
  'last-modified',
  'accept-ranges',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
];

/** Whether headers frame a body that is another one: its length is another, or is not known. */
function framesAnother(headers: globalThis.Headers, content: Content): boolean {
  if (content === null || !ofFraming.some(name => headers.has(name))) return false;
  if (isChunk(content)) return headers.get('content-length') !== String(toBytes(content).byteLength);
  return !headers.has('content-range');
}

/**
 * Whether a message answers HEAD, so that `response.body?.pipeThrough(…)` is nothing: nobody knows what it
 * would be.
 */
function isKeptBack({ headers, status = 200 }: ResponseInit | ResponseLike): boolean {
  const isNothing = areOurs(headers) && headers[describedBody]?.[describedBody]?.isNothing === true;
  return isNothing && !isBodyless(status);
}

/**
 * Whether headers come from another message, and say things of its body that do not hold for this one. The
 * same bytes, or the stream of the body itself, keep what is said of them.
 */
export function describesAnotherBody(
  init: ResponseInit | ResponseLike,
  source: unknown,
  content: Content,
): boolean {
  const { headers } = init;
  if (source === undefined) return isKeptBack(init);
  if (isResponseLike(init) && !areOurs(headers)) return true;
  // Fetch headers do not tell where they come from, but those of a message say how its body is framed.
  if (!areOurs(headers)) return isOfPlatform('Headers', headers) && framesAnother(headers, content);
  const message = headers[describedBody];
  if (message === undefined) return false;
  return message[describedBody]?.gave(source, content) !== true;
}

/** Drops what headers say of another body. A part of a body keeps what says which part it is. */
export function forgetAnotherBody(headers: Headers, status: number): void {
  for (const name of ofBody) headers.delete(name);
  if (status !== 206) headers.delete('content-range');
}
