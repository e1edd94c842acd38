import { isThenable } from '../dependencies/generator-function.js';
import type { ValidationDetail } from '../exceptions/validation-error.js';
import type { Bound } from './bound.js';
import { type Explained, explain, missing } from './explain.js';
import { type Result, validate } from './validate.js';

/** What is wrong with one parameter, if anything. */
export type Found = readonly ValidationDetail[] | undefined;

/** Where the values of parameters go, and what their errors contain. */
export interface Settling {
  readonly values: Record<string, unknown>;
  /** Whether errors repeat what was received. */
  readonly echoes: boolean;
}

/** What a request has for one parameter. */
export interface Received {
  readonly loc: readonly (string | number)[];
  /** What the schema is given; `undefined` where the request has nothing. */
  readonly value: unknown;
  /** The same as it came, for errors. */
  raw(): unknown;
}

/** A failure waits for the schemas that are at work already: a second one would be an unhandled rejection. */
export function attempt(settling: () => Found | Promise<Found>): Found | Promise<Found> {
  try {
    return settling();
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** Validates what was received, and adds the result to the values. */
export function settle(bound: Bound, received: Received, to: Settling): Found | Promise<Found> {
  if (received.value === undefined) return settleAbsent(bound, received, to);
  const result = validate(bound.compiled.schema, received.value, bound);
  return isThenable(result)
    ? (result as Promise<Result>).then(each => settled(bound, received, each, to))
    : settled(bound, received, result as Result, to);
}

/** The default, or what the schema makes of nothing. */
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

/** ArkType returns the object that it was given, or a copy, and ours has no prototype. */
function withPrototype(value: unknown): unknown {
  const isBare = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
  return isBare ? { ...value } : value;
}

/** A default belongs to all requests: a handler may add to a list. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)]));
}
