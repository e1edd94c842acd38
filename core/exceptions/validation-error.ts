import { Response } from '../http/response.js';

/** One validation error, in FastAPI's shape. */
export interface ValidationDetail {
  /** pydantic's type of the error, such as `missing` or `int_parsing`. */
  readonly type: string;
  /** The part of the request, the name of the parameter, and the path inside its value. */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  /** The received value. Omitted for secrets and with `validationErrors: { input: false }`. */
  readonly input?: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

const requestBrand = Symbol.for('callnext.RequestValidationError');

/**
 * Thrown if parameters of a request are invalid, with all errors at once. The response is a 422 with
 * `{"detail": errors()}`, unless you handle it by `layer.addExceptionHandler(RequestValidationError, …)`. It
 * is not an HTTPException. FastAPI's `RequestValidationError`.
 */
export class RequestValidationError extends Error {
  override readonly name = 'RequestValidationError';
  /** Express and Koa read these fields and respond with a 422 if the error reaches them. */
  readonly status = 422;
  readonly statusCode = 422;
  readonly expose = true;
  readonly #errors: readonly ValidationDetail[];
  readonly #body: unknown;

  constructor(errors: readonly ValidationDetail[], options: { body?: unknown } = {}) {
    super(summaryOf(errors));
    this.#errors = errors;
    this.#body = options.body;
  }

  /** The body: JSON data, a form or a string. A getter, so that loggers do not print it. */
  get body(): unknown {
    return this.#body;
  }

  errors(): readonly ValidationDetail[] {
    return this.#errors;
  }

  get [requestBrand](): true {
    return true;
  }
}

/**
 * Thrown if the result of an endpoint does not fit its `responseModel`. The response is a 500. FastAPI's
 * `ResponseValidationError`.
 */
export class ResponseValidationError extends Error {
  override readonly name = 'ResponseValidationError';
  readonly #errors: readonly ValidationDetail[];
  readonly #body: unknown;

  constructor(errors: readonly ValidationDetail[], options: { body?: unknown; endpoint?: string } = {}) {
    const of = options.endpoint === undefined ? '' : `The response of \`${options.endpoint}\` is invalid. `;
    super(of + summaryOf(errors));
    this.#errors = errors;
    this.#body = options.body;
  }

  /** The result of the endpoint. */
  get body(): unknown {
    return this.#body;
  }

  errors(): readonly ValidationDetail[] {
    return this.#errors;
  }
}

function summaryOf(errors: readonly ValidationDetail[]): string {
  const lines = errors.map(({ loc, msg }) => `\n  ${loc.join('.')}: ${msg}`);
  return `${errors.length} validation error${errors.length === 1 ? '' : 's'}:${lines.join('')}`;
}

/** Also recognizes errors from another copy of the package. */
export function isRequestValidationError(error: Error): error is RequestValidationError {
  try {
    return requestBrand in error;
  } catch {
    return false; // a proxy may throw
  }
}

/** Returns FastAPI's response. */
export function validationResponse(error: RequestValidationError): Response {
  return new Response(textOf(error.errors()), { status: 422 }, 'application/json');
}

/** Drops the inputs if they cannot be serialized, such as data that is nested too deeply. */
function textOf(errors: readonly ValidationDetail[]): string {
  try {
    return JSON.stringify({ detail: errors });
  } catch {
    return JSON.stringify({ detail: errors.map(({ input: _input, ...rest }) => rest) });
  }
}
