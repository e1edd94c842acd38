import { isThenable } from '../dependencies/generator-function.js';
import type { ValidationDetail } from '../exceptions/validation-error.js';
import type { Bound } from './bound.js';
import { type Explained, explain, missing } from './explain.js';
import { type Result, validate } from './validate.js';

/** The errors of one parameter; `undefined` if it is valid. */
export type Found = readonly ValidationDetail[] | undefined;

/** Receives the values of parameters and controls their errors. */
export interface Settling {
  readonly values: Record<string, unknown>;
  /** Whether errors repeat the received values. */
  readonly echoes: boolean;
}

/** The received value of one parameter. */
export interface Received {
  readonly loc: readonly (string | number)[];
  /** The value that the schema receives; `undefined` if the request has none. */
  readonly value: unknown;
  /** Returns the value before conversion, for errors. */
  raw(): unknown;
}

/** Turns a throw into a rejection: `Promise.all` then also handles rejections of the other schemas. */
export function attempt(settling: () => Found | Promise<Found>): Found | Promise<Found> {
  try {
    return settling();
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** Validates the received value and stores the result. */
export function settle(bound: Bound, received: Received, to: Settling): Found | Promise<Found> {
  if (received.value === undefined) return settleAbsent(bound, received, to);
  const result = validate(bound.compiled.schema, received.value, bound);
  return isThenable(result)
    ? (result as Promise<Result>).then(each => settled(bound, received, each, to))
    : settled(bound, received, result as Result, to);
}

/** Stores the default, or the schema's output for `undefined`. */
export function settleAbsent(bound: Bound, received: Received, to: Settling): Found | Promise<Found> {
  const { options, schema } = bound.parameter;
  if ('default' in options) {
    to.values[bound.key] = copyOf(options.default);
    return undefined;
  }
  const result = validate(schema, undefined, bound);
  return isThenable(result)
    ? (result as Promise<Result>).then(each => absent(bound, received, each, to))
    : absent(bound, received, result as Result, to);
}

function absent({ key }: Bound, { loc }: Received, result: Result, { values, echoes }: Settling): Found {
  if (result.issues) return [missing(loc, null, echoes)];
  values[key] = result.value;
  return undefined;
}

function settled(bound: Bound, received: Received, result: Result, { values, echoes }: Settling): Found {
  if (!result.issues) {
    values[bound.key] = bound.properties ? withPrototype(result.value) : result.value;
    return undefined;
  }
  const { value, loc } = received;
  const { compiled, parameter } = bound;
  const explained: Explained = { loc, value, raw: received.raw(), tree: compiled.tree };
  return explain(explained, result.issues, { echoes, isHeader: parameter.place === 'header' });
}

/** ArkType returns its input or a copy of it, and our input has no prototype. */
function withPrototype(value: unknown): unknown {
  const isBare = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
  return isBare ? { ...value } : value;
}

/** Requests share the default, so each gets a copy that its handler may change. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)]));
}
