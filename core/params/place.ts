import type { JsonSchema, SchemaTree } from './json-schema.js';

/** A place in a value, with the JSON Schemas that apply there. */
export interface Place {
  readonly loc: readonly (string | number)[];
  readonly tree: SchemaTree | undefined;
  /** The alternatives, each as a list of schemas that must all hold. */
  readonly alternatives: readonly (readonly JsonSchema[])[];
  readonly value: unknown;
  readonly raw: unknown;
  readonly parent: Place | undefined;
  /** Whether the parent has a value for the key. */
  readonly isThere: boolean;
}

/** Returns the place of the whole value. */
export function begin(
  tree: SchemaTree | undefined,
  loc: readonly (string | number)[],
  value: unknown,
  raw: unknown,
): Place {
  const alternatives = tree ? alternativesOf(tree, tree.root, value) : none;
  return { loc, tree, alternatives, value, raw, parent: undefined, isThere: true };
}

const none: readonly never[] = [];

/** Returns the place of a property or an item. */
export function stepInto(parent: Place, segment: PropertyKey): Place {
  const { tree } = parent;
  const key = keyOf(parent.value, segment);
  const value = ownOf(parent.value, key);
  const nodes = parent.alternatives.flatMap(parts => childOf(parts, key) ?? none);
  const alternatives = tree ? nodes.flatMap(node => alternativesOf(tree, node, value)) : none;
  const raw = ownOf(parent.raw, key);
  return {
    loc: [...parent.loc, key],
    tree,
    alternatives,
    value,
    raw,
    parent,
    isThere: isObject(parent.value) && Object.hasOwn(parent.value, key) && value !== undefined,
  };
}

/** Returns an index as a number, even if only the schema turned the value into a list. */
function keyOf(value: unknown, segment: PropertyKey): string | number {
  const isIndex = Array.isArray(value)
    ? /^\d+$/.test(String(segment))
    : typeof segment === 'number' && !isObject(value);
  return isIndex ? Number(segment) : String(segment);
}

/** Returns the received value, or the closest parent's if only the schema created this place. */
export function receivedAt({ raw, parent, isThere }: Place): unknown {
  return isThere || !parent ? raw : receivedAt(parent);
}

/** Returns the keys that an object may have, or `undefined` if it may have any. */
export function declaredIn({ alternatives }: Place): ReadonlySet<string> | undefined {
  if (alternatives.length === 0 || !alternatives.every(isClosed)) return undefined;
  const keys = alternatives.flat().flatMap(({ properties = {} }) => Object.keys(properties));
  return new Set(keys);
}

function isClosed(parts: readonly JsonSchema[]): boolean {
  return parts.some(({ additionalProperties }) => additionalProperties === false);
}

/** Returns the schema of a property or an item, combined from all parts. */
function childOf(parts: readonly JsonSchema[], key: string | number): JsonSchema | undefined {
  const nodes = parts.flatMap(
    part => (typeof key === 'number' ? itemOf(part, key) : propertyOf(part, key)) ?? none,
  );
  const [only] = nodes;
  return nodes.length < 2 ? only : { allOf: nodes };
}

function itemOf({ items, prefixItems }: JsonSchema, index: number): JsonSchema | undefined {
  return prefixItems?.[index] ?? (typeof items === 'object' ? items : undefined);
}

function propertyOf({ properties, additionalProperties }: JsonSchema, key: string): JsonSchema | undefined {
  if (properties && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function alternativesOf(
  tree: SchemaTree,
  node: JsonSchema,
  value: unknown,
): readonly (readonly JsonSchema[])[] {
  const all = tree.alternatives(node).map(each => partsOf(tree, each, 0));
  const fitting = all.length > 1 ? all.filter(parts => !isToldApart(parts, value)) : all;
  return fitting.length > 0 ? fitting : all;
}

function partsOf(tree: SchemaTree, node: JsonSchema, depth: number): readonly JsonSchema[] {
  if (!node.allOf || depth > deepest) return [node];
  return [node, ...node.allOf.flatMap(each => partsOf(tree, tree.resolve(each), depth + 1))];
}

const deepest = 8;

/** Whether a property such as `kind`, with listed values, rules this alternative out. */
function isToldApart(parts: readonly JsonSchema[], value: unknown): boolean {
  if (!isObject(value)) return false;
  return parts.some(({ properties = {} }) =>
    Object.entries(properties).some(([key, property]) => {
      const listed = listedIn(property);
      return listed !== undefined && Object.hasOwn(value, key) && !listed.includes(ownOf(value, key));
    }),
  );
}

/** Returns the values of an `enum` or a `const`. */
export function listedIn(node: JsonSchema): readonly unknown[] | undefined {
  return node.enum ?? ('const' in node ? [node.const] : undefined);
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Ignores inherited properties, because a client may send a name such as `constructor`. */
export function ownOf(value: unknown, key: string | number): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
