import { Response } from '../http/response.js';

/** One thing that is wrong with what a client has sent, in the shape of FastAPI. */
export interface ValidationDetail {
  /** What is wrong, such as `missing` or `int_parsing`: pydantic's names. */
  readonly type: string;
  /** Where it stands: the part of the request, the name, and the path inside of it. */
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  /** What was received; left out for secrets and by `validationErrors: { input: false }`. */
  readonly input?: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

const requestBrand = Symbol.for('callnext.RequestValidationError');

/**
 * Thrown where parameters of a request do not fit their schemas, with all errors at once. Answered with a 422
 * and `{"detail": errors()}`, unless `layer.addExceptionHandler(RequestValidationError, …)` answers. Not an
 * HTTPException. FastAPI's `RequestValidationError`.
 */
export class RequestValidationError extends Error {
  override readonly name = 'RequestValidationError';
  /** The fields that Express and Koa read, so that one which escapes to them is a 422, too. */
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

  /** The body that was read: data, a form or a text. A getter, so that loggers do not print it. */
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

/** Thrown where what an endpoint returned does not fit its `responseModel`: a 500. FastAPI's class. */
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

  /** What the endpoint returned. */
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

/** Whether it is one of ours, of this copy of the package or of another one. */
export function isRequestValidationError(error: Error): error is RequestValidationError {
  try {
    return requestBrand in error;
  } catch {
    return false; // a proxy may refuse by throwing
  }
}

/** The answer of FastAPI. */
export function validationResponse(error: RequestValidationError): Response {
  return new Response(textOf(error.errors()), { status: 422 }, 'application/json');
}

/** A number that JSON has no form for is `null`, and an input that is nested too deeply is left out. */
function textOf(errors: readonly ValidationDetail[]): string {
  try {
    return JSON.stringify({ detail: errors });
  } catch {
    return JSON.stringify({ detail: errors.map(({ input: _input, ...rest }) => rest) });
  }
}
