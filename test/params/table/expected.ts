// The errors of FastAPI's 422, with the types, messages and contexts of pydantic 2.
type Loc = readonly (string | number)[];

const error = (type: string, loc: Loc, msg: string, input: unknown, ctx?: object): object =>
  ctx === undefined ? { type, loc, msg, input } : { type, loc, msg, input, ctx };

const kind =
  (type: string, msg: string) =>
  (loc: Loc, input: unknown): object =>
    error(type, loc, msg, input);

export const missing = (loc: Loc, input: unknown = null): object =>
  error('missing', loc, 'Field required', input);
export const extraForbidden = kind('extra_forbidden', 'Extra inputs are not permitted');
export const intParsing = kind(
  'int_parsing',
  'Input should be a valid integer, unable to parse string as an integer',
);
export const intType = kind('int_type', 'Input should be a valid integer');
export const intFromFloat = kind(
  'int_from_float',
  'Input should be a valid integer, got a number with a fractional part',
);
export const intParsingSize = kind(
  'int_parsing_size',
  'Unable to parse input string as an integer, exceeded maximum size',
);
export const floatParsing = kind(
  'float_parsing',
  'Input should be a valid number, unable to parse string as a number',
);
export const floatType = kind('float_type', 'Input should be a valid number');
export const finiteNumber = kind('finite_number', 'Input should be a finite number');
export const boolParsing = kind('bool_parsing', 'Input should be a valid boolean, unable to interpret input');
export const boolType = kind('bool_type', 'Input should be a valid boolean');
export const stringType = kind('string_type', 'Input should be a valid string');
export const listType = kind('list_type', 'Input should be a valid list');
export const dictType = kind('dict_type', 'Input should be a valid dictionary');
export const modelAttributesType = kind(
  'model_attributes_type',
  'Input should be a valid dictionary or object to extract fields from',
);

export const greaterThanEqual = (loc: Loc, input: unknown, ge: number): object =>
  error('greater_than_equal', loc, `Input should be greater than or equal to ${ge}`, input, { ge });
export const greaterThan = (loc: Loc, input: unknown, gt: number): object =>
  error('greater_than', loc, `Input should be greater than ${gt}`, input, { gt });
export const lessThanEqual = (loc: Loc, input: unknown, le: number): object =>
  error('less_than_equal', loc, `Input should be less than or equal to ${le}`, input, { le });
export const lessThan = (loc: Loc, input: unknown, lt: number): object =>
  error('less_than', loc, `Input should be less than ${lt}`, input, { lt });
export const multipleOf = (loc: Loc, input: unknown, factor: number): object =>
  error('multiple_of', loc, `Input should be a multiple of ${factor}`, input, { multiple_of: factor });

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export const stringTooShort = (loc: Loc, input: string, min: number): object => {
  const msg = `String should have at least ${counted(min, 'character')}`;
  return error('string_too_short', loc, msg, input, { min_length: min });
};
export const stringTooLong = (loc: Loc, input: string, max: number): object => {
  const msg = `String should have at most ${counted(max, 'character')}`;
  return error('string_too_long', loc, msg, input, { max_length: max });
};
export const stringPatternMismatch = (loc: Loc, input: string, pattern: string): object =>
  error('string_pattern_mismatch', loc, `String should match pattern '${pattern}'`, input, { pattern });

export const tooShort = (loc: Loc, input: readonly unknown[], min: number): object => {
  const msg = `List should have at least ${counted(min, 'item')} after validation, not ${input.length}`;
  const ctx = { field_type: 'List', min_length: min, actual_length: input.length };
  return error('too_short', loc, msg, input, ctx);
};
export const tooLong = (loc: Loc, input: readonly unknown[], max: number): object => {
  const msg = `List should have at most ${counted(max, 'item')} after validation, not ${input.length}`;
  const ctx = { field_type: 'List', max_length: max, actual_length: input.length };
  return error('too_long', loc, msg, input, ctx);
};
export const tupleTooLong = (loc: Loc, input: readonly unknown[], max: number): object => {
  const msg = `Tuple should have at most ${counted(max, 'item')} after validation, not ${input.length}`;
  const ctx = { field_type: 'Tuple', max_length: max, actual_length: input.length };
  return error('too_long', loc, msg, input, ctx);
};

export const literalError = (loc: Loc, input: unknown, expected: string): object =>
  error('literal_error', loc, `Input should be ${expected}`, input, { expected });
export const valueError = (loc: Loc, input: unknown, message: string): object =>
  error('value_error', loc, `Value error, ${message}`, input, { error: {} });
export const jsonInvalid = (at: number, reason: string): object =>
  error('json_invalid', ['body', at], 'JSON decode error', {}, { error: reason });
