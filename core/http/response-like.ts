import { type HeadersLike, linesOfHeaders } from './foreign-headers.js';

/** Any implementation of the Fetch `Response`: the platform's, undici's, a ponyfill's, or ours. */
export interface ResponseLike {
  readonly status: number;
  readonly statusText?: string;
  readonly headers: HeadersLike;
  readonly body?: ReadableStream<Uint8Array> | unknown;
  readonly bodyUsed?: boolean;
}

/** Whether a value has the shape of a Fetch `Response`. */
export function isResponseLike(value: unknown): value is ResponseLike {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers } = value as Partial<ResponseLike>;
  return (
    typeof status === 'number' && typeof headers?.get === 'function' && typeof headers.forEach === 'function'
  );
}

/** The header lines of any response, each `set-cookie` separately. */
export function linesOf(response: ResponseLike): [string, string][] {
  return linesOfHeaders(response.headers);
}
