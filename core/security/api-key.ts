import { lastCookiesOf } from '../http/cookies.js';
import { isToken } from '../http/field-syntax.js';
import type { Request } from '../http/request.js';
import { firstOf, type OptionRule, requiredText, Scheme, type SchemeOptions } from './scheme.js';

/** The options of an API key. */
export interface APIKeyOptions<AutoError extends boolean = boolean> extends SchemeOptions<AutoError> {
  /** The name of the header, query parameter or cookie. */
  name: string;
}

const tokenRule: OptionRule = { expected: 'a token of HTTP', isRequired: true, isRight: isToken };

abstract class APIKey<AutoError extends boolean> extends Scheme<string, AutoError> {
  protected readonly key: string;

  constructor(options: APIKeyOptions<AutoError>, place: 'header' | 'query' | 'cookie') {
    const name = place === 'query' ? requiredText : tokenRule;
    super(options, { type: 'apiKey', in: place, name: options.name }, { name });
    this.key = options.name;
  }

  protected get challenge(): string {
    return 'APIKey';
  }
}

/** Reads a key from a header, from the first of several lines. FastAPI's `APIKeyHeader`. */
export class APIKeyHeader<const AutoError extends boolean = true> extends APIKey<AutoError> {
  constructor(options: APIKeyOptions<AutoError>) {
    super(options, 'header');
  }

  protected read(request: Request): string | null {
    return firstOf(request, this.key) || null;
  }
}

/** Reads a key from the query string, the last of several. FastAPI's `APIKeyQuery`. */
export class APIKeyQuery<const AutoError extends boolean = true> extends APIKey<AutoError> {
  constructor(options: APIKeyOptions<AutoError>) {
    super(options, 'query');
  }

  protected read(request: Request): string | null {
    return request.queryParams.getAll(this.key).at(-1) || null;
  }
}

/** Reads a key from a cookie, the last of several. FastAPI's `APIKeyCookie`. */
export class APIKeyCookie<const AutoError extends boolean = true> extends APIKey<AutoError> {
  constructor(options: APIKeyOptions<AutoError>) {
    super(options, 'cookie');
  }

  protected read(request: Request): string | null {
    return lastCookiesOf(request.headers.get('cookie'))[this.key] || null;
  }
}
