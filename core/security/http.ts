import { isFieldValue } from '../http/field-syntax.js';
import type { Request } from '../http/request.js';
import { noOptions } from '../options.js';
import { authorizationOf, type OptionRule, Scheme, type SchemeOptions, text } from './scheme.js';

/** The parts of an `authorization` header. */
export interface HTTPAuthorizationCredentials {
  /** As the client wrote it, such as `Bearer`. */
  readonly scheme: string;
  readonly credentials: string;
}

/** The credentials of HTTP Basic. */
export interface HTTPBasicCredentials {
  readonly username: string;
  readonly password: string;
}

/** The options of `HTTPBearer`. */
export interface HTTPBearerOptions<AutoError extends boolean = boolean> extends SchemeOptions<AutoError> {
  /** The format of the tokens for the OpenAPI document, such as `JWT`. */
  bearerFormat?: string;
}

/** The options of `HTTPBasic`. */
export interface HTTPBasicOptions<AutoError extends boolean = boolean> extends SchemeOptions<AutoError> {
  /** The realm in the `www-authenticate` header of a 401. */
  realm?: string;
}

abstract class HTTPScheme<AutoError extends boolean> extends Scheme<HTTPAuthorizationCredentials, AutoError> {
  /** In lower case. */
  protected abstract readonly expected: string;

  protected get challenge(): string {
    return (this.expected[0] ?? '').toUpperCase() + this.expected.slice(1);
  }

  protected read(request: Request): HTTPAuthorizationCredentials | null {
    const [scheme, credentials] = authorizationOf(request);
    return scheme.toLowerCase() === this.expected && credentials !== '' ? { scheme, credentials } : null;
  }
}

/** Reads the token of `authorization: Bearer …`. FastAPI's `HTTPBearer`. */
export class HTTPBearer<const AutoError extends boolean = true> extends HTTPScheme<AutoError> {
  protected readonly expected = 'bearer';

  constructor(options: HTTPBearerOptions<AutoError> = noOptions) {
    const { bearerFormat } = options;
    const scheme = { type: 'http', scheme: 'bearer', ...(bearerFormat !== undefined && { bearerFormat }) };
    super(options, scheme, { bearerFormat: text });
  }
}

/** Reads `authorization: Digest …` and does not verify it. FastAPI's `HTTPDigest`. */
export class HTTPDigest<const AutoError extends boolean = true> extends HTTPScheme<AutoError> {
  protected readonly expected = 'digest';

  constructor(options: SchemeOptions<AutoError> = noOptions) {
    super(options, { type: 'http', scheme: 'digest' });
  }
}

const realmRule: OptionRule = {
  expected: 'the value of a header',
  isRight: value => typeof value === 'string' && isFieldValue(value),
};

/**
 * Reads the user name and password of `authorization: Basic …`. Malformed credentials get a 401, even with
 * `autoError: false`. Compare both in constant time. FastAPI's `HTTPBasic`.
 */
export class HTTPBasic<const AutoError extends boolean = true> extends Scheme<
  HTTPBasicCredentials,
  AutoError
> {
  readonly #realm: string | undefined;

  constructor(options: HTTPBasicOptions<AutoError> = noOptions) {
    super(options, { type: 'http', scheme: 'basic' }, { realm: realmRule });
    this.#realm = options.realm;
  }

  protected get challenge(): string {
    return this.#realm ? `Basic realm="${this.#realm.replace(/["\\]/g, '\\$&')}"` : 'Basic';
  }

  protected read(request: Request): HTTPBasicCredentials | null {
    const [scheme, encoded] = authorizationOf(request);
    if (scheme.toLowerCase() !== 'basic') return null;
    const decoded = decode(encoded);
    const colon = decoded.indexOf(':');
    if (colon < 0) throw this.makeNotAuthenticatedError();
    return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Decodes ASCII, as FastAPI does; empty for anything else. */
function decode(encoded: string): string {
  if (!base64.test(encoded)) return '';
  const decoded = atob(encoded);
  return /^[\0-\x7f]*$/.test(decoded) ? decoded : '';
}
