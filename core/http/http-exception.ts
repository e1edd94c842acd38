import { misuse } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';
import { reasonPhrase } from './status.js';

interface HTTPExceptionOptions {
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

const knownOptions = { headers: true, cause: true } satisfies OptionNames<HTTPExceptionOptions>;
const brand = Symbol.for('callnext.HTTPException');

/**
 * Answers by throwing: `throw new HTTPException(404, 'Item not found')` becomes a 404 with `{"detail": "Item
 * not found"}`.
 *
 * `detail` is any JSON value; the default is the reason phrase. Express and Koa read `status`, `statusCode`,
 * `expose` and `headers`, so they render an escaped exception correctly. Throws `STATUS` outside 200–599.
 * FastAPI's `HTTPException`.
 */
export class HTTPException extends Error {
  override readonly name = 'HTTPException';
  readonly status: number;
  readonly statusCode: number;
  readonly detail: unknown;
  readonly expose: boolean;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail?: unknown, options: HTTPExceptionOptions = noOptions) {
    if (new.target === HTTPException) checkOptions('new HTTPException()', options, knownOptions);
    if (!Number.isInteger(status) || status < 200 || status > 599) throw misuse('STATUS', status);
    const shown = detail === undefined ? reasonPhrase(status) : detail;
    super(
      typeof shown === 'string' ? shown : JSON.stringify(shown),
      'cause' in options ? { cause: options.cause } : undefined,
    );
    this.status = status;
    this.statusCode = status;
    this.detail = shown;
    this.expose = true;
    this.headers = options.headers ?? {};
  }

  get [brand](): true {
    return true;
  }
}

/** Whether an error is an HTTPException, even of another copy of the package. */
export function isHTTPException(error: Error): error is HTTPException {
  try {
    return brand in error;
  } catch {
    return false; // a proxy may refuse by throwing
  }
}

/** Whether a class is `HTTPException` itself, even of another copy of the package, and not a subclass. */
export function isHTTPExceptionClass({ prototype }: { readonly prototype: object }): boolean {
  return Object.hasOwn(prototype, brand);
}

/**
 * Adds the fields of an HTTPException to a platform error, with its message as the detail; a `SyntaxError`
 * stays a `SyntaxError`.
 */
export function asAnswer<E extends Error>(error: E, status: number): E & HTTPException {
  const fields = { status, statusCode: status, detail: error.message, expose: true, headers: {} };
  Object.defineProperty(error, brand, { value: true });
  return Object.assign(error, fields) as unknown as E & HTTPException;
}
