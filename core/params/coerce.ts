import type { JsonSchema, SchemaTree } from './json-schema.js';
import { booleanOf, integerOf, numberOf } from './scalars.js';

/** Converts a text, or a list of texts, to what a schema wants. What cannot be converted stays as it is. */
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

/** Texts come one by one or in a list: a schema that refers to itself is not followed further. */
const deepest = 4;

/** How the texts that are given to a schema are converted. */
export function coercerOf(tree: SchemaTree, node: JsonSchema, depth = 0): Coerce {
  if (depth > deepest) return unchanged;
  return anyOf(tree.alternatives(node).map(each => ofAlternative(tree, each, depth + 1)));
}

/** A conversion, and the texts that need none. */
interface Alternative {
  readonly coerce: Coerce;
  takes(text: string): boolean;
}

/** The first alternative that takes a text as it is, else the first that converts it. */
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
  // A schema that takes anything takes a text.
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

/** The expression of a `pattern`; `undefined` for one that JavaScript does not read. */
export function testOf(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}
