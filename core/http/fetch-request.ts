import type { Headers } from './headers.js';
import { HTTPException } from './http-exception.js';
import { mayHaveBody, type RequestBody } from './request-body.js';

export type FetchRequest = globalThis.Request;

/** What of the Fetch `Request` only a request of the platform knows. */
export type FetchMember =
  | 'cache'
  | 'credentials'
  | 'destination'
  | 'integrity'
  | 'keepalive'
  | 'mode'
  | 'redirect'
  | 'referrer'
  | 'referrerPolicy';

const fetchMembers: readonly FetchMember[] = [
  'cache',
  'credentials',
  'destination',
  'integrity',
  'keepalive',
  'mode',
  'redirect',
  'referrer',
  'referrerPolicy',
];

/** Makes the members of a prototype that read those of the request's `native`. */
export function addFetchMembers(prototype: { readonly native: FetchRequest }): void {
  for (const name of fetchMembers) {
    Object.defineProperty(prototype, name, {
      get(this: { readonly native: FetchRequest }) {
        return this.native[name];
      },
      configurable: true,
    });
  }
}

/** The head of a request that is made into one of the platform. */
interface Head {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly signal: AbortSignal;
}

/** The bodies that requests of the platform were built over. */
const natives = new WeakMap<FetchRequest, RequestBody>();
/** Fetch, "forbidden method". */
const unknownToFetch = /^(connect|trace|track)$/i;

/** Throws an HTTPException of 501 for a method that Fetch does not know. */
export function toFetchRequest({ method, url, headers, signal }: Head, body: RequestBody): FetchRequest {
  if (unknownToFetch.test(method)) throw new HTTPException(501);
  const given = mayHaveBody(method) ? body.forFetch(headers) : { body: null, headers: [...headers] };
  const init = { ...given, method, signal, duplex: 'half' };
  const native = new globalThis.Request(url, init as globalThis.RequestInit);
  natives.set(native, body);
  return native;
}

/** Whether a request of the platform was built over this body. */
export function isBuiltOver(body: RequestBody, native: FetchRequest): boolean {
  return natives.get(native) === body;
}
