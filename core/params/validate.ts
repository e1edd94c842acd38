import { isThenable } from '../dependencies/generator-function.js';
import { misuse, misuseWith } from '../errors.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import { validatorOf } from '../schema/validator.js';

export type Result = StandardSchemaV1.Result<unknown>;

/** The parameter that has the schema, named in errors. */
export interface Owner {
  readonly title: string;
  readonly name: string;
}

/**
 * Validates a value. Throws, or rejects with, `PARAM_SCHEMA` if the schema itself throws or rejects, or does
 * not return a result.
 */
export function validate(schema: StandardSchemaV1, value: unknown, owner: Owner): Result | Promise<Result> {
  let result: unknown;
  try {
    result = validatorOf(schema)(value);
  } catch (cause) {
    throw failed(owner, cause);
  }
  if (isThenable(result))
    return Promise.resolve(result).then(
      settled => checked(settled, owner),
      cause => Promise.reject(failed(owner, cause)),
    );
  return checked(result, owner);
}

function failed({ title, name }: Owner, cause: unknown): Error {
  return misuseWith({ cause }, 'PARAM_SCHEMA', title, name, cause);
}

function checked(result: unknown, { title, name }: Owner): Result {
  if (!isResult(result)) throw misuse('PARAM_SCHEMA', title, name, undefined);
  return result;
}

/** A list of no issues is not a success: the value would be missing. */
function isResult(result: unknown): result is Result {
  if (typeof result !== 'object' || result === null) return false;
  const { issues } = result as { readonly issues?: unknown };
  return issues ? Array.isArray(issues) && issues.length > 0 : 'value' in result;
}
