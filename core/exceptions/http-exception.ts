import { HTTPException, isHTTPException } from '../http/http-exception.js';
import { Response } from '../http/response.js';
import { JSONResponse, PlainTextResponse } from '../http/responses.js';
import { isBodyless, reasonPhrase } from '../http/status.js';

/** The status of an HTTPException, or of another error that has one, such as those of http-errors. */
export function statusOf(error: Error): number | undefined {
  if (isHTTPException(error)) return error.status;
  const { status, statusCode } = fieldsOfError(error);
  const found = Number.isInteger(status) ? (status as number) : statusCode;
  return Number.isInteger(found) && (found as number) >= 400 && (found as number) <= 599
    ? (found as number)
    : undefined;
}

/** The response fields of an error; none if they cannot be read. */
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

/** Headers that describe a body other than the one that is sent. */
const ofAnotherBody = ['content-length', 'content-type', 'content-encoding', 'transfer-encoding'];

function fieldsOf(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {};
  const fields = Object.entries(headers).filter(([name]) => !ofAnotherBody.includes(name.toLowerCase()));
  return Object.fromEntries(fields.map(([name, value]) => [name, textOf(value)]));
}

/** Keeps lists of `set-cookie` values, which cannot be joined. */
function textOf(value: unknown): string {
  return Array.isArray(value) ? (value.map(String) as never) : String(value);
}

/** Makes the same response for an HTTPException as FastAPI. */
export function httpExceptionResponse({ status, detail, headers }: HTTPException): Response {
  if (isBodyless(status)) return new Response(null, { status, headers });
  return new JSONResponse({ detail }, { status, headers });
}

/**
 * The answer of an adapter without a framework to an unhandled exception, from its `status`, `expose` and
 * `headers`. The message is only shown if `expose` allows it. Without these fields: a bare 500.
 */
export function errorResponse(error: Error): Response {
  const status = statusOf(error) ?? 500;
  try {
    if (isHTTPException(error)) return httpExceptionResponse(error);
    if (statusOf(error) !== undefined) return httpExceptionResponse(asHTTPException(error, status));
  } catch {
    // A header or a detail could not be sent.
  }
  return new PlainTextResponse(reasonPhrase(status), { status });
}

/** Whether an exception is an intended answer, such as a 404, and not a server error. */
export function isExpected(error: Error): boolean {
  return (statusOf(error) ?? 500) < 500;
}

function asHTTPException(error: Error, status: number): HTTPException {
  const { headers, expose } = fieldsOfError(error);
  const detail = expose === true && error.message ? error.message : undefined;
  return new HTTPException(status, detail, { headers: fieldsOf(headers), cause: error });
}
