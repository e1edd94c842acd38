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

/** What a request may do: Starlette's `AuthCredentials`. */
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

/** Who asks where nobody has said who: Starlette's `UnauthenticatedUser`. */
export class UnauthenticatedUser implements BaseUser {
  get isAuthenticated(): boolean {
    return false;
  }

  get displayName(): string {
    return '';
  }
}

const brand = Symbol.for('callnext.AuthenticationError');

/** What a backend throws for credentials that are wrong: Starlette's `AuthenticationError`. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';

  get [brand](): true {
    return true;
  }
}

type Authenticated = readonly [auth: Auth, user: User];

/** Tells who asks: Starlette's `AuthenticationBackend`. */
export interface AuthenticationBackend {
  /**
   * What the request may do and whose it is; nothing where it does not say. Throws `AuthenticationError`
   * where what it says is wrong.
   */
  authenticate(
    request: Request,
  ): Authenticated | null | undefined | Promise<Authenticated | null | undefined>;
}

/** The options of `authentication()`: those of Starlette's `AuthenticationMiddleware`. */
export interface AuthenticationOptions {
  /** An object with `authenticate(request)`. */
  backend: AuthenticationBackend;
  /** The response to an `AuthenticationError`; a 400 with its message unless set. */
  onError?: (request: Request, error: AuthenticationError) => ResponseLike | Promise<ResponseLike>;
}

/**
 * Asks a backend who a request comes from, for `request.user` and `request.auth`: Starlette's
 * `AuthenticationMiddleware`.
 *
 * ```ts
 * layer.addMiddleware(authentication({ backend: new BasicAuthBackend() }));
 * app.use('/admin', toExpress(Depends(requires('admin'))));
 * ```
 *
 * Everyone is let through: it is `requires()` that refuses. A backend that throws something else than an
 * `AuthenticationError` has failed, and its exception goes on like any other. Throws `MIDDLEWARE_OPTIONS`
 * when it is built.
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

/** The options of `requires()`. */
export interface RequiresOptions {
  /** The status of the refusal; 403 unless set. */
  status?: number;
  /** Where to send those who lack a scope, with a 303 and the url that they came for as `next`. */
  redirect?: string;
}

/**
 * A dependency that refuses requests without all of these scopes: Starlette's `@requires`, for endpoints and,
 * as a guard, for native routes.
 *
 * ```ts
 * const dashboard = endpoint({ allowed: Depends(requires('authenticated', { redirect: '/login' })) }, …);
 * router.use(toKoa(Depends(requires(['read', 'write']))));
 * ```
 *
 * It throws an HTTPException of 403, or of 303 for a redirect, which handlers may render. Throws
 * `MIDDLEWARE_OPTIONS` when it is built.
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
      expected: 'a path or a url',
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

/** Also one of another copy of the package. */
function isAuthenticationError(error: Error): error is AuthenticationError {
  return brand in error;
}

function isBackend(value: unknown): boolean {
  const { authenticate } = (value ?? {}) as { authenticate?: unknown };
  return typeof authenticate === 'function';
}
