import type { OptionNames } from '../options.js';
import type { BodySource } from './body-source.js';
import type { HeadersInit } from './headers.js';

/** What of a request may be changed for everything below. */
export interface RequestInit {
  method?: string;
  url?: string | URL;
  headers?: HeadersInit;
  /** Its length, coding and, where there is none, its type are set in the headers. */
  body?: BodySource;
  /** In place of `request.signal`. To add to that: `AbortSignal.any([request.signal, signal])`. */
  signal?: AbortSignal;
}

/**
 * What middleware, dependencies and endpoint share for a request, as `request.state`. Name what your own put
 * there:
 *
 * ```ts
 * declare module 'callnext' {
 *   interface RequestState {
 *     user?: User;
 *   }
 * }
 * ```
 */
export interface RequestState {
  [name: string]: unknown;
}

/** The names of `RequestInit`. */
export const requestOptions = {
  ...({
    method: true,
    url: true,
    headers: true,
    body: true,
    signal: true,
  } satisfies OptionNames<RequestInit>),
  /** Fetch asks for it where `body` is a stream. */
  duplex: true,
};
