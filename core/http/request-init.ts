import type { OptionNames } from '../options.js';
import type { BodySource } from './body-source.js';
import type { HeadersInit } from './headers.js';

/** The parts of a request that may be changed for everything below. */
export interface RequestInit {
  method?: string;
  url?: string | URL;
  headers?: HeadersInit;
  /** Sets `content-length` and `content-encoding`, and `content-type` unless present. */
  body?: BodySource;
  /** Replaces `request.signal`. To extend it, pass `AbortSignal.any([request.signal, signal])`. */
  signal?: AbortSignal;
}

/**
 * The type of `request.state`, which middleware, dependencies and endpoint share. Declare your own
 * properties:
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

/** The names in `RequestInit`. */
export const requestOptions = {
  ...({
    method: true,
    url: true,
    headers: true,
    body: true,
    signal: true,
  } satisfies OptionNames<RequestInit>),
  /** Fetch requires it if `body` is a stream. */
  duplex: true,
};
