import { misuse } from '../errors.js';
import { Response } from '../http/response.js';
import { JSONResponse } from '../http/responses.js';
import { isBodyless, reasonPhrase } from '../http/status.js';

const brand = Symbol.for('callnext.HTTPException');

/**
 * An answer by exception: `throw new HTTPException(404, 'Item not found')` becomes a 404 with `{"detail": "Item not found"}`.
 *
 * `detail` is any JSON value, the reason phrase unless given. The fields `status`, `statusCode`, `expose` and `headers` are
 * those that Express and Koa read, so one that escapes to them is rendered rightly. Throws `STATUS` outside 200–599.
 * FastAPI's `HTTPException`.
 */
export class HTTPException extends Error {
  override readonly name = 'HTTPException';
  readonly status: number;
  readonly statusCode: number;
  readonly detail: unknown;
  readonly expose: boolean;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    detail?: unknown,
    options: { headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
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

/** Whether it is one of ours, of this copy of the package or of another one. */
export function isHTTPException(error: Error): error is HTTPException {
  return brand in error;
}

/** The status of an HTTPException, or of an error that carries one as those of http-errors do. */
export function statusOf(error: Error): number | undefined {
  if (isHTTPException(error)) return error.status;
  const { status, statusCode } = fieldsOfError(error);
  const found = Number.isInteger(status) ? (status as number) : statusCode;
  return Number.isInteger(found) && (found as number) >= 400 && (found as number) <= 599
    ? (found as number)
    : undefined;
}

/** What an error says of its response; one that can not be looked at says nothing. */
function fieldsOfError(
  error: Error,
): Partial<Record<'status' | 'statusCode' | 'expose' | 'headers', unknown>> {
  try {
    const { status, statusCode, expose, headers } = error as unknown as Partial<Record<string, unknown>>;
    return { status, statusCode, expose, headers };
  } catch {
    return {};
  }
}

/** An error with a status as an HTTPException. Its message is shown only where its `expose` says that it may be. */
export function asHTTPException(error: Error, status: number): HTTPException {
  if (isHTTPException(error)) return error;
  const { headers, expose } = fieldsOfError(error);
  const detail = expose === true && error.message ? error.message : undefined;
  return new HTTPException(status, detail, { headers: fieldsOf(headers), cause: error });
}

/** Headers that say how a body is framed or coded belong to a body that is not sent. */
const ofAnotherBody = ['content-length', 'content-type', 'content-encoding', 'transfer-encoding'];

function fieldsOf(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {};
  const fields = Object.entries(headers).filter(([name]) => !ofAnotherBody.includes(name.toLowerCase()));
  return Object.fromEntries(fields.map(([name, value]) => [name, String(value)]));
}

/** The response that FastAPI makes for an HTTPException, also for a foreign one. */
export function httpExceptionResponse(error: Error, status: number): Response {
  const { detail, headers } = asHTTPException(error, status);
  if (isBodyless(status)) return new Response(null, { status, headers });
  return new JSONResponse({ detail }, { status, headers });
}
