import { type Content, isChunk, toBytes } from './body-source.js';
import type { ResponseInit } from './head.js';
import { ofFraming } from './header-rules.js';
import { areOurs, describedBody, type Headers } from './headers.js';
import { isOfPlatform } from './platform.js';
import { isResponseLike, type ResponseLike } from './response-like.js';
import { isBodyless } from './status.js';

/** Headers that describe the bytes of one body only (RFC 9110, 8 and 14; RFC 9530). */
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

/** Whether headers frame another body: its length differs or is unknown. */
function framesAnother(headers: globalThis.Headers, content: Content): boolean {
  if (content === null || !ofFraming.some(name => headers.has(name))) return false;
  if (isChunk(content)) return headers.get('content-length') !== String(toBytes(content).byteLength);
  return !headers.has('content-range');
}

/** Whether a message answers HEAD: it has no body, so `response.body?.pipeThrough(…)` gives `undefined`. */
function isKeptBack({ headers, status = 200 }: ResponseInit | ResponseLike): boolean {
  const isNothing = areOurs(headers) && headers[describedBody]?.[describedBody]?.isNothing === true;
  return isNothing && !isBodyless(status);
}

/**
 * Whether headers were copied from another message and describe a body other than this one. The same bytes,
 * or the stream of that body itself, keep their description.
 */
export function describesAnotherBody(
  init: ResponseInit | ResponseLike,
  source: unknown,
  content: Content,
): boolean {
  const { headers } = init;
  if (source === undefined) return isKeptBack(init);
  if (isResponseLike(init) && !areOurs(headers)) return true;
  // Fetch headers do not show their origin, but those of a message include its framing.
  if (!areOurs(headers)) return isOfPlatform('Headers', headers) && framesAnother(headers, content);
  const message = headers[describedBody];
  if (message === undefined) return false;
  return message[describedBody]?.gave(source, content) !== true;
}

/** Drops headers that describe another body. A partial body keeps the header that locates it. */
export function forgetAnotherBody(headers: Headers, status: number): void {
  for (const name of ofBody) headers.delete(name);
  if (status !== 206) headers.delete('content-range');
}
