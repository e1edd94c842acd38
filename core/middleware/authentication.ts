import { markFactory, misuse, toError } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import { locationOf } from '../http/location.js';
import type { Request } from '../http/request.js';
import { sharedOf } from '../http/request-parts.js';
import type { ResponseLike } from '../http/response-like.js';
import { PlainTextResponse } from '../http/responses.js';
import type { Auth, BaseUser, User } from '../http/shared.js';
import type { Middleware } from './middleware.js';
import { described, optionalFunction, readOptions } from './options.js';

export type { Auth, BaseUser, User } from '../http/shared.js';

/** The scopes granted to a request: Starlette's `AuthCredentials`. */
export class AuthCredentials implements Auth {
  readonly scopes: readonly string[];

  constructor(scopes: readonly string[] = []) {
    if (!Array.isArray(scopes))
      throw misuse('ARGUMENT', 'new AuthCredentials()', 'scopes', "a list, such as `['admin']`", scopes);
    this.scopes = [...scopes];
  }
}

/** A user with a name: Starlette's `SimpleUser`. */
export class SimpleUser implements BaseUser {
  readonly username: string;

  constructor(username: string) {
    this.username = username;
  }

  get isAuthenticated(): boolean {
    return true;
  }

  get displayName(): string {
    return this.username;
  }
}

/** The user of a request without credentials: Starlette's `UnauthenticatedUser`. */
export class UnauthenticatedUser implements BaseUser {
  get isAuthenticated(): boolean {
    return false;
  }

  get displayName(): string {
    return '';
  }
}

const brand = Symbol.for('callnext.AuthenticationError');

/** Thrown by a backend for invalid credentials: Starlette's `AuthenticationError`. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';

  get [brand](): true {
    return true;
  }
}

type Authenticated = readonly [auth: Auth, user: User];

/** Identifies the user of a request: Starlette's `AuthenticationBackend`. */
export interface AuthenticationBackend {
  /**
   * Returns the scopes and the user, or nothing if the request has no credentials. Throws
   * `AuthenticationError` for invalid credentials.
   */
  authenticate(
    request: Request,
  ): Authenticated | null | undefined | Promise<Authenticated | null | undefined>;
}

/** The options of `authentication()`: those of Starlette's `AuthenticationMiddleware`. */
export interface AuthenticationOptions {
  backend: AuthenticationBackend;
  /** The response to an `AuthenticationError`; by default a 400 with its message. */
  onError?: (request: Request, error: AuthenticationError) => ResponseLike | Promise<ResponseLike>;
}

/**
 * Sets `request.user` and `request.auth` from a backend: Starlette's `AuthenticationMiddleware`.
 *
 * ```ts
 * layer.addMiddleware(authentication({ backend: new BasicAuthBackend() }));
 * app.use('/admin', toExpress(Depends(requires('admin'))));
 * ```
 *
 * Requests without credentials pass; `requires()` refuses them. Any other exception of the backend propagates
 * as usual. Throws `MIDDLEWARE_OPTIONS`.
 */
export function authentication(given: AuthenticationOptions): Middleware {
  const options = readOptions<AuthenticationOptions>('authentication', given, {
    backend: { check: isBackend, expected: 'an object with a method `authenticate(request)`' },
    onError: optionalFunction('a function (request, error) => response'),
  });
  const { backend, onError = defaultOnError } = options;
  return described(async function authentication(request, callNext) {
    let authenticated: Authenticated | null | undefined;
    try {
      authenticated = await backend.authenticate(request);
    } catch (thrown) {
      const error = toError(thrown);
      if (!isAuthenticationError(error)) throw thrown;
      return onError(request, error);
    }
    const [auth, user] = authenticated ?? [new AuthCredentials(), new UnauthenticatedUser()];
    Object.assign(sharedOf(request), { auth, user });
    return callNext(request);
  }, options);
}
markFactory(authentication);

export interface RequiresOptions {
  /** The status of a refusal; 403 by default. */
  status?: number;
  /** Redirects refused clients here, with a 303 and the original url as `next`. */
  redirect?: string;
}

/**
 * Creates a dependency that refuses requests that lack one of these scopes: Starlette's `@requires`, for
 * endpoints, and as a guard for native routes.
 *
 * ```ts
 * const dashboard = endpoint({ allowed: Depends(requires('authenticated', { redirect: '/login' })) }, …);
 * router.use(toKoa(Depends(requires(['read', 'write']))));
 * ```
 *
 * The dependency throws an HTTPException of 403, or of 303 for a redirect, which exception handlers may
 * render. `requires()` throws `MIDDLEWARE_OPTIONS`.
 */
export function requires(
  scopes: string | readonly string[],
  given: RequiresOptions = {},
): (injected: { readonly request: Request }) => void {
  const needed = [scopes].flat();
  if (!needed.every(scope => typeof scope === 'string' && scope !== ''))
    throw misuse('ARGUMENT', 'requires()', 'scopes', 'a string or a list of strings', scopes);
  const { status, redirect } = readOptions<Required<RequiresOptions>>('requires', given, {
    status: {
      default: 403,
      check: value => Number.isInteger(value) && (value as number) >= 400 && (value as number) <= 599,
      expected: 'a status from 400 to 599',
    },
    redirect: {
      default: undefined as never,
      check: value => typeof value === 'string' && value !== '',
      expected: 'a path or a URL',
    },
  });
  return function requires({ request }) {
    const has = new Set(request.auth.scopes);
    if (needed.every(scope => has.has(scope))) return;
    if (redirect === undefined) throw new HTTPException(status);
    const query = new URLSearchParams({ next: request.url });
    const [page = '', fragment] = redirect.split('#', 2);
    const asked = `${page}${page.includes('?') ? '&' : '?'}${query}`;
    const location = fragment === undefined ? asked : `${asked}#${fragment}`;
    throw new HTTPException(303, undefined, { headers: { location: locationOf(location) } });
  };
}
markFactory(requires);

function defaultOnError(_request: Request, error: AuthenticationError): ResponseLike {
  return new PlainTextResponse(error.message, { status: 400 });
}

/** Recognizes errors of another copy of the package. */
function isAuthenticationError(error: Error): error is AuthenticationError {
  return brand in error;
}

function isBackend(value: unknown): boolean {
  const { authenticate } = (value ?? {}) as { authenticate?: unknown };
  return typeof authenticate === 'function';
}
