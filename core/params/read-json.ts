import { invalidParameters } from '../dependencies/invalid-parameters.js';
import { isMisuse, toError } from '../errors.js';
import { isJSONType } from '../http/json.js';
import type { Request } from '../http/request.js';
import { sourceOf } from '../http/request-parts.js';
import { findJsonFault } from './json-fault.js';

/**
 * The body as JSON, where its content type says so, and as a text elsewhere; `undefined` for an empty one.
 * Rejects with an error for JSON that is broken, and as `request.json()` does for what it refuses.
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

/** Where a body parser left no text, the body is not JSON either: refused as `json()` does. */
async function readText(request: Request): Promise<unknown> {
  try {
    const text = await request.text();
    return text === '' ? undefined : text;
  } catch (thrown) {
    if (isMisuse(toError(thrown), 'BODY_PARSED')) return request.json();
    throw thrown;
  }
}

/** One error for the whole request, as FastAPI has it. */
function brokenJson(body: string): Error {
  const { position, message } = findJsonFault(body);
  return invalidJson(position, message, body);
}

/** The error for a whole body that cannot be used, which stands alone. */
export function invalidJson(position: number, message: string, body: unknown): Error {
  const error = { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {} };
  return invalidParameters([{ ...error, ctx: { error: message } }], body);
}
