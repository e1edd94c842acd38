import { bodyOf, type Headers, isBodyless, type Response } from '../../../../core/adapter.js';

/** The status and the headers of a response. */
export interface Head {
  readonly status: number;
  readonly headers: Headers;
}

/** Content types whose bodies are compressed already. */
export const compressedTypes: readonly string[] = [
  'application/grpc',
  'application/gzip',
  'application/x-gzip',
  'application/zip',
  'audio/*',
  'font/woff',
  'font/woff2',
  'image/avif',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'video/*',
];

/** Whether a response may be compressed, whatever its size. */
export function isCompressible({ status, headers }: Head, isExcluded: (type: string) => boolean): boolean {
  if (status < 200 || status > 599 || status === 206 || isBodyless(status)) return false;
  if (headers.has('content-encoding') || headers.has('content-range')) return false;
  // RFC 9111, 5.2.2.6.
  if (/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(headers.get('cache-control') ?? '')) return false;
  return !isExcluded(headers.get('content-type') ?? '');
}

/** Matches content types against patterns. A structured suffix is ignored: `application/grpc+proto`. */
export function typeMatcher(patterns: readonly string[]): (type: string) => boolean {
  const exact = new Set(patterns.map(pattern => pattern.toLowerCase()));
  return type => {
    const [essence = ''] = type.toLowerCase().split(';', 1);
    const [kind = '', name = ''] = essence.trim().split('/');
    const [base] = name.split('+', 1);
    return exact.has(`${kind}/*`) || exact.has(`${kind}/${name}`) || exact.has(`${kind}/${base}`);
  };
}

/** The size of a body in bytes, if it is known. A body with a `content-length` is not treated as a stream. */
export function sizeOf(response: Response): number | undefined {
  const declared = response.headers.get('content-length');
  return declared === null ? bodySize(response) : Number(declared);
}

/** A body that was consumed elsewhere is empty. */
function bodySize(response: Response): number | undefined {
  try {
    return bodyOf(response).size;
  } catch {
    return 0;
  }
}
