import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import { type Coerce, coercerOf, unchanged } from './coerce.js';
import { type JsonSchema, jsonSchemaOf, SchemaTree } from './json-schema.js';

export interface Property {
  readonly key: string;
  readonly isList: boolean;
  readonly coerce: Coerce;
}

/** An object schema whose properties are read from strings. */
export interface Model {
  readonly properties: readonly Property[];
  /** Converts the values of undeclared keys. */
  readonly coerceOther: Coerce;
}

/** The analysis of a schema, shared by all parameters that use it. */
export interface Compiled {
  readonly schema: StandardSchemaV1;
  readonly tree: SchemaTree | undefined;
  readonly isList: boolean;
  readonly model: Model | undefined;
  readonly coerce: Coerce;
}

const compiled = new WeakMap<StandardSchemaV1, Compiled>();

/** Analyses the JSON Schema of a schema, if it has one. The result is cached. */
export function compile(schema: StandardSchemaV1): Compiled {
  const known = compiled.get(schema);
  if (known) return known;
  const json = jsonSchemaOf(schema);
  const made = json ? withTree(schema, new SchemaTree(json)) : withoutTree(schema);
  compiled.set(schema, made);
  return made;
}

function withoutTree(schema: StandardSchemaV1): Compiled {
  return { schema, tree: undefined, isList: false, model: undefined, coerce: unchanged };
}

function withTree(schema: StandardSchemaV1, tree: SchemaTree): Compiled {
  const { root } = tree;
  const isModel = tree.isModel(root);
  return {
    schema,
    tree,
    isList: tree.isList(root),
    model: isModel ? modelOf(tree) : undefined,
    coerce: isModel ? unchanged : coercerOf(tree, root),
  };
}

function modelOf(tree: SchemaTree): Model {
  const nodes = new Map<string, JsonSchema[]>();
  const others: JsonSchema[] = [];
  collect(tree, tree.root, nodes, others);
  const properties = [...nodes].map(([key, anyOf]) => propertyOf(tree, key, { anyOf }));
  return { properties, coerceOther: coercerOf(tree, { anyOf: others }) };
}

/** The limit for nested `allOf`; only a recursive schema goes deeper. */
const deepest = 8;

/** Collects the properties of all alternatives and of the `allOf` parts of each. */
function collect(
  tree: SchemaTree,
  node: JsonSchema,
  nodes: Map<string, JsonSchema[]>,
  others: JsonSchema[],
  depth = 0,
): void {
  if (depth > deepest) return;
  for (const each of tree.alternatives(node)) {
    for (const [key, property] of Object.entries(each.properties ?? {}))
      nodes.set(key, [...(nodes.get(key) ?? []), property]);
    if (typeof each.additionalProperties === 'object') others.push(each.additionalProperties);
    for (const part of each.allOf ?? []) collect(tree, part, nodes, others, depth + 1);
  }
}

function propertyOf(tree: SchemaTree, key: string, node: JsonSchema): Property {
  return { key, isList: tree.isList(node), coerce: coercerOf(tree, node) };
}
