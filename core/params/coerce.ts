import type { JsonSchema, SchemaTree } from './json-schema.js';
import { booleanOf, integerOf, numberOf } from './scalars.js';

/** Converts a string or a list of strings for a schema. Returns what it cannot convert unchanged. */
export type Coerce = (value: unknown) => unknown;

export const unchanged: Coerce = value => value;

type ScalarType = 'integer' | 'number' | 'boolean';

const scalars: Readonly<Record<ScalarType, Coerce>> = {
  integer: onText(integerOf),
  number: onText(numberOf),
  boolean: onText(booleanOf),
};

function onText(convert: (text: string) => unknown): Coerce {
  return value => (typeof value === 'string' ? convert(value) : value);
}

/** Input is a string or a list of strings, so only a recursive schema goes deeper. */
const deepest = 4;

/** Returns the conversion of the strings that a schema receives. */
export function coercerOf(tree: SchemaTree, node: JsonSchema, depth = 0): Coerce {
  if (depth > deepest) return unchanged;
  return anyOf(tree.alternatives(node).map(each => ofAlternative(tree, each, depth + 1)));
}

/** One alternative of a union; it takes the strings that it accepts without conversion. */
interface Alternative {
  readonly coerce: Coerce;
  takes(text: string): boolean;
}

/** Keeps a string that any alternative takes; otherwise the first successful conversion applies. */
function anyOf(alternatives: readonly Alternative[]): Coerce {
  const converting = alternatives.filter(({ coerce }) => coerce !== unchanged);
  if (converting.length === 0) return unchanged;
  const [only] = alternatives;
  if (alternatives.length === 1 && only) return only.coerce;
  return value => {
    if (typeof value === 'string' && alternatives.some(each => each.takes(value))) return value;
    for (const { coerce } of converting) {
      const converted = coerce(value);
      if (converted !== value) return converted;
    }
    return value;
  };
}

const takesNone = (): boolean => false;

function ofAlternative(tree: SchemaTree, node: JsonSchema, depth: number): Alternative {
  const { type, enum: listed = 'const' in node ? [node.const] : undefined } = node;
  if (listed) return ofListed(listed);
  if (node.allOf)
    return { coerce: allOf(node.allOf.map(each => coercerOf(tree, each, depth))), takes: takesNone };
  if (type === 'array') return { coerce: ofList(tree, node, depth), takes: takesNone };
  if (type === 'string') return { coerce: unchanged, takes: text => matches(node, text) };
  if (typeof type === 'string' && Object.hasOwn(scalars, type))
    return { coerce: scalars[type as ScalarType], takes: takesNone };
  // A schema without a type accepts any string.
  return { coerce: unchanged, takes: () => type === undefined };
}

function allOf(parts: readonly Coerce[]): Coerce {
  const converting = parts.filter(coerce => coerce !== unchanged);
  if (converting.length === 0) return unchanged;
  return value => converting.reduce((current, coerce) => coerce(current), value);
}

function ofListed(listed: readonly unknown[]): Alternative {
  const takes = (text: string): boolean => listed.includes(text);
  if (listed.every(each => typeof each === 'string')) return { coerce: unchanged, takes };
  const coerce = onText(text =>
    takes(text) ? text : ([numberOf(text), booleanOf(text)].find(each => listed.includes(each)) ?? text),
  );
  return { coerce, takes };
}

function ofList(tree: SchemaTree, { items, prefixItems = [] }: JsonSchema, depth: number): Coerce {
  const first = prefixItems.map(each => coercerOf(tree, each, depth));
  const rest = typeof items === 'object' ? coercerOf(tree, items, depth) : unchanged;
  if (rest === unchanged && first.every(each => each === unchanged)) return unchanged;
  return value => (Array.isArray(value) ? value.map((item, index) => (first[index] ?? rest)(item)) : value);
}

function matches({ pattern, format }: JsonSchema, text: string): boolean {
  if (typeof pattern === 'string') return testOf(pattern)?.test(text) ?? true;
  return format === undefined;
}

/** Compiles a `pattern`; returns `undefined` if it is not valid in JavaScript. */
export function testOf(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}
