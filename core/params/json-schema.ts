import type { StandardJSONSchemaV1, StandardSchemaV1 } from '../schema/standard-schema.js';

/** A JSON Schema (draft 2020-12) with the keywords that are used here. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly $ref?: string;
}

const target = 'draft-2020-12';

/** Makes Zod, Valibot and ArkType write `{}` for parts without a JSON Schema, such as dates. */
const lenient: Readonly<Record<string, unknown>> = {
  unrepresentable: 'any',
  errorMode: 'ignore',
  fallback: ({ base }: { readonly base: unknown }) => base,
};

/** Returns the JSON Schema of a schema's input or output, or `undefined` if it has none. */
export function jsonSchemaOf(
  schema: StandardSchemaV1,
  side: 'input' | 'output' = 'input',
): JsonSchema | undefined {
  const { jsonSchema } = schema['~standard'] as Partial<StandardJSONSchemaV1['~standard']>;
  if (typeof jsonSchema?.[side] !== 'function') return undefined;
  try {
    return jsonSchema[side]({ target });
  } catch {
    // A part of the schema has no JSON Schema.
  }
  try {
    return jsonSchema[side]({ target, libraryOptions: lenient });
  } catch {
    return undefined;
  }
}

/** A JSON Schema whose references can be resolved. */
export class SchemaTree {
  readonly root: JsonSchema;

  constructor(root: JsonSchema) {
    this.root = root;
  }

  /** Follows references to the schema that they name. */
  resolve(node: JsonSchema): JsonSchema {
    let current = node;
    for (let steps = 0; typeof current.$ref === 'string' && steps < longestChain; steps += 1) {
      const found = this.#at(current.$ref);
      if (found === undefined) break;
      current = found;
    }
    return current;
  }

  /** Returns one schema for each type or member of a union, except `null`. */
  alternatives(node: JsonSchema, depth = 0): readonly JsonSchema[] {
    const found = this.resolve(node);
    const among = found.anyOf ?? found.oneOf;
    if (among && depth < longestChain) return among.flatMap(each => this.alternatives(each, depth + 1));
    const { type } = found;
    if (Array.isArray(type)) return typesIn(type).map(each => ({ ...found, type: each }));
    return type === 'null' ? [] : [found];
  }

  /** Whether every alternative is a list. */
  isList(node: JsonSchema): boolean {
    return this.#isAll(node, ({ type }) => type === 'array');
  }

  /** Whether every alternative is an object. */
  isModel(node: JsonSchema): boolean {
    return this.#isAll(
      node,
      ({ type, allOf }) => type === 'object' || allOf?.some(each => this.isModel(each)),
    );
  }

  #isAll(node: JsonSchema, is: (alternative: JsonSchema) => boolean | undefined): boolean {
    const alternatives = this.alternatives(node);
    return alternatives.length > 0 && alternatives.every(is);
  }

  #at(pointer: string): JsonSchema | undefined {
    if (!pointer.startsWith('#')) return undefined;
    let current: unknown = this.root;
    for (const part of pointer.split('/').slice(1)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
      current = Reflect.get(current, key);
    }
    return current as JsonSchema;
  }
}

/** Longer chains of references are circular. */
const longestChain = 32;

function typesIn(types: readonly string[]): readonly string[] {
  return types.filter(type => type !== 'null');
}
