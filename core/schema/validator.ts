import { isObject } from '../errors/thrown.js';
import type { StandardSchemaV1 } from './standard-schema.js';

type Result = StandardSchemaV1.Result<unknown>;

export type Validator = (value: unknown) => Result | Promise<Result>;

/** The members of a Zod schema that are used here. */
interface ZodSchema {
  readonly _zod?: { readonly def: object };
  safeParseAsync(value: unknown): Promise<ZodResult>;
}

interface ZodResult {
  readonly data?: unknown;
  readonly error?: { readonly issues: readonly StandardSchemaV1.Issue[] };
}

const validators = new WeakMap<StandardSchemaV1, Validator>();

/**
 * Returns the validator of a schema. The result is cached.
 *
 * Zod's own `validate` first runs a schema synchronously and drops the promise of an async refinement. The
 * refinement then runs twice, and its unhandled rejection ends the process. So Zod schemas with user code run
 * only asynchronously.
 */
export function validatorOf(schema: StandardSchemaV1): Validator {
  const known = validators.get(schema);
  if (known) return known;
  const validator: Validator = mayRunPromises(schema)
    ? value => parseAsync(schema, value)
    : value => schema['~standard'].validate(value);
  validators.set(schema, validator);
  return validator;
}

async function parseAsync(schema: ZodSchema, value: unknown): Promise<Result> {
  const { data, error } = await schema.safeParseAsync(value);
  return error ? { issues: error.issues } : { value: data };
}

/** Zod 3 has no `_zod` to inspect, so its schemas count as asynchronous. */
function mayRunPromises(schema: StandardSchemaV1): schema is StandardSchemaV1 & ZodSchema {
  const { _zod, safeParseAsync } = schema as StandardSchemaV1 & Partial<ZodSchema>;
  if (schema['~standard'].vendor !== 'zod' || typeof safeParseAsync !== 'function') return false;
  return _zod === undefined || runsUserCode(_zod.def, new Set());
}

/** Kinds of Zod definitions that call the user's functions, or wait for the user's promises. */
const userCode: ReadonlySet<unknown> = new Set(['custom', 'transform', 'overwrite', 'lazy', 'promise']);
/** Kinds whose definitions hold the user's values. Reading a default may create it. */
const withValues: ReadonlySet<unknown> = new Set(['literal', 'enum']);
const withDefault: ReadonlySet<unknown> = new Set(['default', 'prefault']);

/** Whether a Zod definition, or one inside it, calls the user's functions. */
function runsUserCode(part: unknown, seen: Set<unknown>): boolean {
  if (!isObject(part) || seen.has(part)) return false;
  seen.add(part);
  const { _zod, type, check, transform, innerType } = part as Record<string, unknown>;
  if (isObject(_zod)) return runsUserCode((_zod as { def?: unknown }).def, seen);
  if (userCode.has(type) || userCode.has(check) || typeof transform === 'function') return true;
  if (withValues.has(type)) return false;
  const inner = withDefault.has(type) ? [innerType] : Object.values(part);
  return inner.some(each => runsUserCode(each, seen));
}
