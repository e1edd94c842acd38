import { isGenerator } from '../dependencies/generator-context.js';
import { misuse } from '../errors.js';
import { ResponseValidationError, type ValidationDetail } from '../exceptions/validation-error.js';
import { isResponseLike } from '../http/response-like.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import { validatorOf } from '../schema/validator.js';

/** The endpoint that returned the result. */
interface Modelled {
  readonly name: string;
  readonly responseModel: StandardSchemaV1 | undefined;
}

/** Reports an error that the client did not cause. */
interface Telling {
  tellOnce(error: Error, phase: 'request'): void;
}

/**
 * Converts the result of an endpoint with its `responseModel`; returns a response unchanged. Rejects with a
 * `ResponseValidationError`, which it also reports because the response does not list the errors, and with
 * `RESPONSE_MODEL` for a generator.
 */
export async function asModelled(
  result: unknown,
  { name, responseModel }: Modelled,
  reports: Telling,
): Promise<unknown> {
  if (responseModel === undefined || isResponseLike(result) || result instanceof Error) return result;
  if (isGenerator(result)) throw misuse('RESPONSE_MODEL', name, responseModel, true);
  const settled = await validatorOf(responseModel)(result);
  if (!settled.issues) return settled.value;
  const error = new ResponseValidationError(settled.issues.map(detailOf), { body: result, endpoint: name });
  reports.tellOnce(error, 'request');
  throw error;
}

function detailOf({ message, path = [] }: StandardSchemaV1.Issue): ValidationDetail {
  const keys = path.map(segment => (typeof segment === 'object' ? segment.key : segment));
  const loc = ['response', ...keys.map(key => (typeof key === 'number' ? key : String(key)))];
  return { type: 'value_error', loc, msg: message };
}
