import { testOf } from './coerce.js';
import type { JsonSchema } from './json-schema.js';
import { listedIn } from './place.js';
import { booleanOf, integerOf, isInfinite, isLargeInteger, numberOf } from './scalars.js';

/** An error in pydantic's words. */
export interface Problem {
  readonly type: string;
  readonly msg: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** Describes the first keyword that a value violates; returns `undefined` if it violates none. */
export function problemOf(node: JsonSchema, value: unknown): Problem | undefined {
  // JSON Schema describes files as strings, so its keywords do not apply to them.
  if (node.format === 'binary') return undefined;
  return ofListed(node, value) ?? ofType(node, value) ?? ofContent(node, value);
}

function ofListed(node: JsonSchema, value: unknown): Problem | undefined {
  const listed = listedIn(node);
  if (!listed || listed.includes(value)) return undefined;
  const expected = inWords(listed.map(inPython));
  return { type: 'literal_error', msg: `Input should be ${expected}`, ctx: { expected } };
}

function inPython(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}

function inWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

function ofType({ type, properties, additionalProperties }: JsonSchema, value: unknown): Problem | undefined {
  switch (type) {
    case 'integer':
      return ofInteger(value);
    case 'number':
      return ofNumber(value);
    case 'boolean':
      return ofBoolean(value);
    case 'string':
      return typeof value === 'string' ? undefined : problem('string_type', 'string');
    case 'array':
      return Array.isArray(value) ? undefined : problem('list_type', 'list');
    case 'object':
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined;
      return !properties && additionalProperties ? problem('dict_type', 'dictionary') : modelExpected;
    default:
      return undefined;
  }
}

function problem(type: string, what: string, more = ''): Problem {
  return { type, msg: `Input should be a valid ${what}${more}` };
}

const modelExpected = problem('model_attributes_type', 'dictionary', ' or object to extract fields from');

function ofInteger(value: unknown): Problem | undefined {
  if (typeof value === 'string') {
    if (isLargeInteger(value)) return tooLarge;
    const isNumber = typeof integerOf(value) === 'number';
    return isNumber
      ? problem('int_type', 'integer')
      : problem('int_parsing', 'integer', ', unable to parse string as an integer');
  }
  if (typeof value !== 'number') return problem('int_type', 'integer');
  if (!Number.isFinite(value)) return notFinite;
  if (Number.isInteger(value)) return Number.isSafeInteger(value) ? undefined : tooLarge;
  return problem('int_from_float', 'integer', ', got a number with a fractional part');
}

const tooLarge: Problem = {
  type: 'int_parsing_size',
  msg: 'Unable to parse input string as an integer, exceeded maximum size',
};
const notFinite: Problem = { type: 'finite_number', msg: 'Input should be a finite number' };

function ofNumber(value: unknown): Problem | undefined {
  if (typeof value === 'string') {
    if (isInfinite(value)) return notFinite;
    return typeof numberOf(value) === 'number'
      ? problem('float_type', 'number')
      : problem('float_parsing', 'number', ', unable to parse string as a number');
  }
  if (typeof value !== 'number') return problem('float_type', 'number');
  return Number.isFinite(value) ? undefined : notFinite;
}

function ofBoolean(value: unknown): Problem | undefined {
  if (typeof value === 'boolean') return undefined;
  const isParsed = typeof value === 'string' || typeof value === 'number';
  // FastAPI would convert this word or number, so only its type is wrong.
  const isConvertible = isParsed && typeof booleanOf(String(value)) === 'boolean';
  return isParsed && !isConvertible
    ? problem('bool_parsing', 'boolean', ', unable to interpret input')
    : problem('bool_type', 'boolean');
}

function ofContent(node: JsonSchema, value: unknown): Problem | undefined {
  if (typeof value === 'number') return ofBounds(node, value);
  if (typeof value === 'string') return ofText(node, value);
  return Array.isArray(value) ? ofLength(node, value) : undefined;
}

/** The keywords of numbers, in pydantic's order. */
const bounds: readonly (readonly [
  keyword: string,
  type: string,
  ctx: string,
  words: string,
  fits: (value: number, bound: number) => boolean,
])[] = [
  ['multipleOf', 'multiple_of', 'multiple_of', 'a multiple of', (value, of) => isMultiple(value, of)],
  ['maximum', 'less_than_equal', 'le', 'less than or equal to', (value, bound) => value <= bound],
  ['exclusiveMaximum', 'less_than', 'lt', 'less than', (value, bound) => value < bound],
  ['minimum', 'greater_than_equal', 'ge', 'greater than or equal to', (value, bound) => value >= bound],
  ['exclusiveMinimum', 'greater_than', 'gt', 'greater than', (value, bound) => value > bound],
];

function ofBounds(node: JsonSchema, value: number): Problem | undefined {
  for (const [keyword, type, ctx, words, fits] of bounds) {
    const bound = node[keyword];
    if (typeof bound !== 'number' || fits(value, bound)) continue;
    return { type, msg: `Input should be ${words} ${bound}`, ctx: { [ctx]: bound } };
  }
  return undefined;
}

/** Tolerates rounding errors: 0.3 is a multiple of 0.1. */
function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

function ofText({ minLength, maxLength, pattern, format }: JsonSchema, value: string): Problem | undefined {
  // Zod counts code points and others UTF-16 units, so each bound uses the stricter count.
  if (typeof minLength === 'number' && [...value].length < minLength) {
    const msg = `String should have at least ${counted(minLength, 'character')}`;
    return { type: 'string_too_short', msg, ctx: { min_length: minLength } };
  }
  if (typeof maxLength === 'number' && value.length > maxLength) {
    const msg = `String should have at most ${counted(maxLength, 'character')}`;
    return { type: 'string_too_long', msg, ctx: { max_length: maxLength } };
  }
  // For a format, the schema's own message is clearer than the pattern.
  if (typeof pattern !== 'string' || format !== undefined || testOf(pattern)?.test(value) !== false)
    return undefined;
  return {
    type: 'string_pattern_mismatch',
    msg: `String should match pattern '${pattern}'`,
    ctx: { pattern },
  };
}

function ofLength(
  { minItems, maxItems, prefixItems }: JsonSchema,
  { length }: readonly unknown[],
): Problem | undefined {
  const kind = prefixItems ? 'Tuple' : 'List';
  const told = (limit: string): string => `${kind} should have ${limit} after validation, not ${length}`;
  if (typeof minItems === 'number' && length < minItems) {
    const msg = told(`at least ${counted(minItems, 'item')}`);
    return { type: 'too_short', msg, ctx: { field_type: kind, min_length: minItems, actual_length: length } };
  }
  if (typeof maxItems === 'number' && length > maxItems) {
    const msg = told(`at most ${counted(maxItems, 'item')}`);
    return { type: 'too_long', msg, ctx: { field_type: kind, max_length: maxItems, actual_length: length } };
  }
  return undefined;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
