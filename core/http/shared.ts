import type { Headers } from './headers.js';
import type { Timings } from './timings.js';

/**
 * What `sessions()` keeps between the requests of a client, as `request.session`. Name what your own put
 * there:
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

/** Who asks: Starlette's `BaseUser`. */
export interface BaseUser {
  readonly isAuthenticated: boolean;
  readonly displayName: string;
}

/**
 * The type of `request.user`. Name what your own backend of `authentication()` gives by augmenting it, as
 * `Session`.
 */
export interface User extends BaseUser {}

/** What a request may do, as `request.auth`: Starlette's `AuthCredentials`. */
export interface Auth {
  readonly scopes: readonly string[];
}

/**
 * Told of the steps of a request in their order, such as `getDb enter`: `callnext/testing` hands them out.
 */
export interface Trace {
  add(step: string): void;
  /** Told that the response is out. The exits wait for what it returns: until the client of a test has it. */
  received?(): Promise<void> | undefined;
}

/**
 * What a request and those that are made of it have in common: each is there when somebody has asked for it.
 */
export class Shared {
  state: object | undefined;
  /** A `RequestBody`. */
  body: object | undefined;
  errorHeaders: Headers | undefined;
  openSession: (() => Session) | undefined;
  auth: Auth | undefined;
  user: User | undefined;
  /** Where somebody wants to know how long things take. */
  timings: Timings | undefined;
  /** Where a test wants to know what happens in which order. */
  trace: Trace | undefined;
  /** The `content-type` that the 304 of a file leaves out. */
  unsentType: string | undefined;
}

/** What the requests of a source have in common, made when somebody asks for it. */
export function sharedOn(source: { shared?: Shared | undefined }): Shared {
  source.shared ??= new Shared();
  return source.shared;
}
