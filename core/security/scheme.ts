import {
  type DeclaredDependency,
  dependencyBrand,
  type Injected,
  noDependencies,
} from '../dependencies/marker.js';
import { type SecurityScheme, securityKey } from '../dependencies/security.js';
import { HTTPException } from '../http/http-exception.js';
import type { Request } from '../http/request.js';
import { checkOption, checkOptions } from '../options.js';

/** The options of every security scheme. */
export interface SchemeOptions<AutoError extends boolean = boolean> {
  /** The name in the OpenAPI document; the name of the class by default. */
  schemeName?: string;
  /** Markdown for the OpenAPI document. */
  description?: string;
  /**
   * Whether a request without credentials gets a 401; `true` by default. With `false`, the value of the
   * dependency is `null` for such a request.
   */
  autoError?: AutoError;
}

/** The value of a scheme; `null` for a request without credentials if `autoError` is `false`. */
export type Credentials<Value, AutoError extends boolean> = AutoError extends true ? Value : Value | null;

/** How an option is checked. */
export interface OptionRule {
  readonly expected: string;
  readonly isRequired?: boolean;
  isRight(value: unknown): boolean;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const textRule: OptionRule = { expected: 'a non-empty string', isRight: isText };
export const text: OptionRule = textRule;
export const requiredText: OptionRule = { ...textRule, isRequired: true };

const sharedRules: Readonly<Record<string, OptionRule>> = {
  schemeName: textRule,
  description: { expected: 'a string', isRight: value => typeof value === 'string' },
  autoError: { expected: 'true or false', isRight: value => typeof value === 'boolean' },
};

/** A dependency that reads credentials from a request and carries its scheme into the OpenAPI document. */
export abstract class Scheme<Value, AutoError extends boolean>
  implements DeclaredDependency<Credentials<Value, AutoError>, 'background'>, SecurityScheme
{
  declare readonly [dependencyBrand]: true;
  declare readonly dependencies: typeof noDependencies;
  readonly name: string;
  readonly schemeName: string;
  /** The security scheme object of OpenAPI. */
  readonly scheme: Readonly<Record<string, unknown>>;
  readonly autoError: boolean;

  /** Throws `OPTIONS`, `OPTION_VALUE` and `UNKNOWN_OPTION`. */
  constructor(
    options: SchemeOptions<AutoError>,
    scheme: Readonly<Record<string, unknown>>,
    ownRules: Readonly<Record<string, OptionRule>> = {},
  ) {
    this.name = new.target.name;
    checkRules(`new ${this.name}()`, options, { ...sharedRules, ...ownRules });
    const { schemeName = this.name, description, autoError = true } = options;
    this.schemeName = schemeName;
    this.scheme = { ...scheme, ...(description !== undefined && { description }) };
    this.autoError = autoError;
  }

  readonly produce = ({ request }: Injected): Credentials<Value, AutoError> => {
    const value = this.read(request);
    if (value === null && this.autoError) throw this.makeNotAuthenticatedError();
    return value as Credentials<Value, AutoError>;
  };

  get [securityKey](): SecurityScheme {
    return this;
  }

  /** The value of `www-authenticate` in a 401. */
  protected abstract get challenge(): string;

  /** The credentials of a request; `null` if it has none for this scheme. */
  protected abstract read(request: Request): Value | null;

  /** The exception for a request without credentials: a 401. Override it to throw another one. */
  makeNotAuthenticatedError(): HTTPException {
    return new HTTPException(401, 'Not authenticated', { headers: { 'WWW-Authenticate': this.challenge } });
  }
}

Object.defineProperties(Scheme.prototype, {
  [dependencyBrand]: { value: true },
  dependencies: { value: noDependencies },
});

function checkRules(where: string, options: object, rules: Readonly<Record<string, OptionRule>>): void {
  checkOptions(where, options, rules);
  for (const [option, { expected, isRequired = false, isRight }] of Object.entries(rules)) {
    const value: unknown = Reflect.get(options, option);
    checkOption(where, option, isRequired ? (value ?? null) : value, expected, isRight);
  }
}

/** Splits the `authorization` header at its first space, as FastAPI does. */
export function authorizationOf(request: Request): readonly [scheme: string, credentials: string] {
  const header = firstOf(request, 'authorization') ?? '';
  const space = header.indexOf(' ');
  return space < 0 ? [header, ''] : [header.slice(0, space), header.slice(space + 1).trim()];
}

/** The first line of a repeated header, as in Starlette. */
export function firstOf(request: Request, header: string): string | undefined {
  return request.headers.getAll(header)[0];
}
