import type { Headers } from './headers.js';
import type { Timings } from './timings.js';

/**
 * The type of `request.session`, which `sessions()` keeps between the requests of a client. Declare your own
 * properties:
 *
 * ```ts
 * declare module 'callnext' {
 *   interface Session {
 *     userId?: number;
 *   }
 * }
 * ```
 */
export interface Session {
  [name: string]: unknown;
}

/** The user of a request: Starlette's `BaseUser`. */
export interface BaseUser {
  readonly isAuthenticated: boolean;
  readonly displayName: string;
}

/**
 * The type of `request.user`. Augment it with what your `authentication()` backend returns, like `Session`.
 */
export interface User extends BaseUser {}

/** The scopes granted to a request, as `request.auth`: Starlette's `AuthCredentials`. */
export interface Auth {
  readonly scopes: readonly string[];
}

/** Receives the steps of a request in order, such as `getDb enter`, for `callnext/testing`. */
export interface Trace {
  add(step: string): void;
  /**
   * Called when the response is sent. The exits wait for its promise, until a test's client has the response.
   */
  received?(): Promise<void> | undefined;
}

/** The state that a request shares with those derived from it, each part created on first use. */
export class Shared {
  state: object | undefined;
  /** A `RequestBody`, typed loosely to avoid an import cycle. */
  body: object | undefined;
  errorHeaders: Headers | undefined;
  openSession: (() => Session) | undefined;
  auth: Auth | undefined;
  user: User | undefined;
  timings: Timings | undefined;
  trace: Trace | undefined;
  /** The `content-type` that the 304 of a file omits. */
  unsentType: string | undefined;
}

/** The shared state of a source, created on first use. */
export function sharedOn(source: { shared?: Shared | undefined }): Shared {
  source.shared ??= new Shared();
  return source.shared;
}
