import { Headers, type Response } from '../../../../core/adapter.js';

/** Headers that describe the bytes before compression (RFC 9110, 14.3; RFC 9530). */
const aboutOtherBytes = [
  'content-length',
  'accept-ranges',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
];

/** The headers of a compressed response, without `content-encoding`. */
export function codedHeaders(response: Response): Headers {
  const headers = new Headers(response.headers);
  for (const name of aboutOtherBytes) headers.delete(name);
  weakenTag(headers);
  return headers;
}

/** Makes `etag` weak: the bytes of a representation differ between encodings (RFC 9110, 8.8.1). */
export function weakenTag(headers: Headers): void {
  const etag = headers.get('etag');
  if (etag !== null && !etag.startsWith('W/')) headers.set('etag', `W/${etag}`);
}
