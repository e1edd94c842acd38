import { misuse, nameOf } from '../errors.js';
import { isToken } from '../http/field-syntax.js';
import { checkOptions } from '../options.js';
import type { Middleware } from './middleware.js';

/** The rule for an option of a built-in middleware. */
export interface Rule<T> {
  /** The default. Without one, the option is required. */
  readonly default?: T;
  readonly check: (value: unknown) => boolean;
  /** Names the valid values in errors. */
  readonly expected: string;
}

/**
 * Returns the checked options of a built-in middleware, with defaults, as frozen copies. Throws
 * `MIDDLEWARE_OPTIONS`, `OPTIONS`, and `MIDDLEWARE_UNKNOWN_OPTION` for a name such as `allow_origins`.
 */
export function readOptions<T extends object>(
  middleware: string,
  given: object,
  rules: { readonly [Name in keyof T]-?: Rule<T[Name]> },
): T {
  checkOptions(`${middleware}()`, given, rules, 'MIDDLEWARE_UNKNOWN_OPTION');
  const entries = (Object.entries(rules) as [string, Rule<unknown>][]).map(([name, rule]) => {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined && 'default' in rule) return [name, rule.default];
    if (!rule.check(value)) throw misuse('MIDDLEWARE_OPTIONS', middleware, name, rule.expected, value);
    return [name, Array.isArray(value) ? Object.freeze([...value]) : value];
  });
  return Object.freeze(Object.fromEntries(entries)) as T;
}

/** Removes the default. */
export function required<T>({ check, expected }: Rule<T>): Rule<T> {
  return { check, expected };
}

export function flag(byDefault: boolean): Rule<boolean> {
  return { default: byDefault, check: value => typeof value === 'boolean', expected: 'true or false' };
}

export function integer(byDefault: number, least = 0, most = Number.MAX_SAFE_INTEGER): Rule<number> {
  const check = (value: unknown): boolean => Number.isInteger(value) && isWithin(value, least, most);
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return { default: byDefault, check, expected: `a whole number ${range}` };
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return (value as number) >= least && (value as number) <= most;
}

/** A list; rejects a string, although it is iterable. */
export function list<T>(
  byDefault: readonly T[],
  isItem: (item: unknown) => boolean,
  expected: string,
): Rule<readonly T[]> {
  return { default: byDefault, check: value => Array.isArray(value) && [...value].every(isItem), expected };
}

/** A function, or by default `byDefault`. */
export function optionalFunction<T>(expected: string, byDefault?: T): Rule<T> {
  return { default: byDefault as T, check: value => typeof value === 'function', expected };
}

/** A header name in lower case. */
export function headerName(byDefault: string): Rule<string> {
  return { default: byDefault, check: isToken, expected: 'the name of a header' };
}

const optionsKey = Symbol.for('callnext.Middleware.options');

/** Attaches options to a middleware, for `layer.describe()`. */
export function described(middleware: Middleware, options: object): Middleware {
  return Object.defineProperty(middleware, optionsKey, { value: Object.freeze({ ...options }) });
}

/** The options of a built-in middleware; `undefined` for others. */
export function optionsOf(middleware: Middleware): Readonly<Record<string, unknown>> | undefined {
  return Reflect.get(middleware, optionsKey);
}

export function optionsText(options: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return entries.length === 0
    ? ''
    : ` { ${entries.map(([name, value]) => `${name}: ${text(value)}`).join(', ')} }`;
}

function text(value: unknown): string {
  if (typeof value === 'function') return nameOf(value, 'function');
  if (value instanceof RegExp) return String(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  return `[${value.constructor?.name ?? 'object'}]`;
}
