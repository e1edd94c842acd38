import type { Headers } from './headers.js';
import { HTTPException } from './http-exception.js';
import { mayHaveBody, type RequestBody } from './request-body.js';

export type FetchRequest = globalThis.Request;

/** The members of Fetch's `Request` that only a platform request can answer. */
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

/** Defines these members on a prototype; each reads the request's `native`. */
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

/** The head that a platform request is built from. */
interface Head {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly signal: AbortSignal;
}

/** The body that each platform request was built over. */
const natives = new WeakMap<FetchRequest, RequestBody>();
/** Fetch, "forbidden method". */
const unknownToFetch = /^(connect|trace|track)$/i;

/** Builds a platform request. Throws an HTTPException of 501 for a method that Fetch does not support. */
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
