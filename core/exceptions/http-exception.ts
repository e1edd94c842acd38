import { HTTPException, isHTTPException } from '../http/http-exception.js';
import { Response } from '../http/response.js';
import { JSONResponse } from '../http/responses.js';
import { isBodyless } from '../http/status.js';

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
  return Object.fromEntries(fields.map(([name, value]) => [name, textOf(value)]));
}

/** A list stays one, whatever the type says: cookies cannot be joined. */
function textOf(value: unknown): string {
  return Array.isArray(value) ? (value.map(String) as never) : String(value);
}

/** The response that FastAPI makes for an HTTPException, also for a foreign one. */
export function httpExceptionResponse(error: Error, status: number): Response {
  const { detail, headers } = asHTTPException(error, status);
  if (isBodyless(status)) return new Response(null, { status, headers });
  return new JSONResponse({ detail }, { status, headers });
}
