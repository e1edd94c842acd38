import { invalidParameters } from '../dependencies/invalid-parameters.js';
import { isMisuse, toError } from '../errors.js';
import { isJSONType } from '../http/json.js';
import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import { findJsonFault } from './json-fault.js';

/**
 * Reads the body as JSON, or as a string if its content type is not JSON; an empty body is `undefined`.
 * Rejects with a `RequestValidationError` for invalid JSON, and otherwise as `request.json()` does.
 */
export async function readJson(request: Request): Promise<unknown> {
  const isStrict = sourceOf(request).strictContentType ?? true;
  if (isStrict && !isJSONType(request.headers.get('content-type'))) return readText(request);
  try {
    return await request.json();
  } catch (thrown) {
    if (!(toError(thrown).name === 'SyntaxError')) throw thrown;
  }
  const text = await readText(request);
  if (text === undefined) return undefined;
  throw brokenJson(text as string);
}

/** If a body parser consumed the text, rejects as `json()` does: the body is not JSON either. */
async function readText(request: Request): Promise<unknown> {
  try {
    const text = await request.text();
    return text === '' ? undefined : text;
  } catch (thrown) {
    if (isMisuse(toError(thrown), 'BODY_PARSED')) return request.json();
    throw thrown;
  }
}

/** Returns the only error of the request, as FastAPI does. */
function brokenJson(body: string): Error {
  const { position, message } = findJsonFault(body);
  return invalidJson(position, message, body);
}

/** Returns the error of a body that cannot be used; no other errors are listed with it. */
export function invalidJson(position: number, message: string, body: unknown): Error {
  const error = { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {} };
  return invalidParameters([{ ...error, ctx: { error: message } }], body);
}
