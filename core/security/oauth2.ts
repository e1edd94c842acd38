import type { Request } from '../http/request.js';
import {
  authorizationOf,
  firstOf,
  type OptionRule,
  requiredText,
  Scheme,
  type SchemeOptions,
  text,
} from './scheme.js';

/** The descriptions of the scopes, by name. */
export type Scopes = Readonly<Record<string, string>>;

/** The options of `OAuth2PasswordBearer`. */
export interface PasswordBearerOptions<AutoError extends boolean = boolean> extends SchemeOptions<AutoError> {
  /** The url of the token endpoint, absolute or relative to the docs page. */
  tokenUrl: string;
  /** The url that exchanges a refresh token for a new token. */
  refreshUrl?: string;
  scopes?: Scopes;
}

/** The options of `OAuth2AuthorizationCodeBearer`. */
export interface AuthorizationCodeBearerOptions<AutoError extends boolean = boolean>
  extends PasswordBearerOptions<AutoError> {
  /** The url that asks the user for consent. */
  authorizationUrl: string;
}

/** The options of `OpenIdConnect`. */
export interface OpenIdConnectOptions<AutoError extends boolean = boolean> extends SchemeOptions<AutoError> {
  /** The url of the provider's configuration. */
  openIdConnectUrl: string;
}

const scopesRule: OptionRule = { expected: 'an object of descriptions by scope', isRight: areScopes };
const flowRules = { tokenUrl: requiredText, refreshUrl: text, scopes: scopesRule };

abstract class OAuth2Bearer<AutoError extends boolean> extends Scheme<string, AutoError> {
  protected get challenge(): string {
    return 'Bearer';
  }

  protected read(request: Request): string | null {
    const [scheme, token] = authorizationOf(request);
    return scheme.toLowerCase() === 'bearer' ? token : null;
  }
}

/**
 * Reads the token of `authorization: Bearer …`, which clients get for a user name and password. The token may
 * be empty, so verify it. FastAPI's `OAuth2PasswordBearer`.
 */
export class OAuth2PasswordBearer<const AutoError extends boolean = true> extends OAuth2Bearer<AutoError> {
  constructor(options: PasswordBearerOptions<AutoError>) {
    super(options, { type: 'oauth2', flows: { password: flowOf(options) } }, flowRules);
  }
}

/**
 * Reads the token of `authorization: Bearer …`, which clients get for an authorization code. The token may be
 * empty, so verify it. FastAPI's `OAuth2AuthorizationCodeBearer`.
 */
export class OAuth2AuthorizationCodeBearer<
  const AutoError extends boolean = true,
> extends OAuth2Bearer<AutoError> {
  constructor(options: AuthorizationCodeBearerOptions<AutoError>) {
    const { authorizationUrl } = options;
    const flows = { authorizationCode: { ...flowOf(options), authorizationUrl } };
    super(options, { type: 'oauth2', flows }, { ...flowRules, authorizationUrl: requiredText });
  }
}

function areScopes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(each => typeof each === 'string');
}

function flowOf({ tokenUrl, refreshUrl, scopes = {} }: PasswordBearerOptions): object {
  return { scopes, tokenUrl, ...(refreshUrl !== undefined && { refreshUrl }) };
}

/** Reads the whole `authorization` header and does not verify it. FastAPI's `OpenIdConnect`. */
export class OpenIdConnect<const AutoError extends boolean = true> extends Scheme<string, AutoError> {
  constructor(options: OpenIdConnectOptions<AutoError>) {
    const { openIdConnectUrl } = options;
    super(options, { type: 'openIdConnect', openIdConnectUrl }, { openIdConnectUrl: requiredText });
  }

  protected get challenge(): string {
    return 'Bearer';
  }

  protected read(request: Request): string | null {
    return firstOf(request, 'authorization') || null;
  }
}
