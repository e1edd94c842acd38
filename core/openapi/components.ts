import { misuse } from '../errors.js';
import { type JsonSchema, jsonSchemaOf, SchemaTree } from '../params/json-schema.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import type { JsonObject } from './document-types.js';

/** Whether a schema describes a request or a response. */
export type Side = 'input' | 'output';

const prefix = '#/components/schemas/';
/** Separates a name from its side until `finish`; names of components do not contain it. */
const sideMark = '|';
const nameOfComponent = /^[\w.-]+$/;

/** Members of a schema that hold schemas: one, a list, or several by name. */
const inner = new Set([
  'items',
  'additionalProperties',
  'not',
  'contains',
  'propertyNames',
  'if',
  'then',
  'else',
  'contentSchema',
]);
const lists = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);
const maps = new Set(['properties', 'patternProperties', 'dependentSchemas']);

/** The schemas of a document by name, each once. */
export class Components {
  readonly #nodes = new Map<string, JsonObject>();
  readonly #names = new WeakMap<StandardSchemaV1, Map<string, string>>();
  #unnamed = 0;

  /** The JSON Schema of a schema, with references to its named parts. */
  use(schema: StandardSchemaV1, side: Side): JsonObject {
    const root = jsonSchemaOf(schema, side) ?? {};
    return new Hoisting(this, root, side, this.#namesIn(schema)).hoist(root);
  }

  /** The same without a reference to the schema itself. */
  inline(schema: StandardSchemaV1): JsonObject {
    const whole = jsonSchemaOf(schema) ?? {};
    const { id: _id, $id: _$id, title: _title, ...root } = new SchemaTree(whole).resolve(whole);
    return new Hoisting(this, { ...root, $defs: whole.$defs }, 'input', this.#namesIn(schema)).hoist(root);
  }

  /** Adds a schema by a name, and returns a reference to it. Throws `OPENAPI_SCHEMA`. */
  add(name: string, side: Side, node: JsonObject): JsonObject {
    const key = name + sideMark + side;
    const known = this.#nodes.get(key);
    if (known && JSON.stringify(known) !== JSON.stringify(node)) throw misuse('OPENAPI_SCHEMA', name);
    this.#nodes.set(key, node);
    return { $ref: prefix + key };
  }

  /** A name for an unnamed, recursive part of a schema. */
  nameless(): string {
    this.#unnamed += 1;
    return `Schema${this.#unnamed}`;
  }

  #namesIn(schema: StandardSchemaV1): Map<string, string> {
    const names = this.#names.get(schema) ?? new Map();
    this.#names.set(schema, names);
    return names;
  }

  /** Settles the names of all schemas. `rename` rewrites references to them. */
  finish(): { readonly schemas: JsonObject; readonly rename: (node: unknown) => unknown } {
    const split = this.#split();
    const nameOf = (key: string): string => {
      const [name = '', side] = key.split(sideMark);
      if (!split.has(name)) return name;
      return `${name}-${side === 'input' ? 'Input' : 'Output'}`;
    };
    const rename = (node: unknown): unknown => withRefs(node, nameOf);
    const entries = [...this.#nodes].map(([key, node]) => [nameOf(key), rename(node)] as const);
    const schemas = Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    return { schemas, rename };
  }

  /** The names whose two sides differ, in themselves or in their references. */
  #split(): ReadonlySet<string> {
    const split = new Set<string>();
    const shown = (key: string): string =>
      JSON.stringify(withRefs(this.#nodes.get(key), each => nameWithin(each, split)));
    const names = [...this.#nodes.keys()]
      .filter(key => key.endsWith('output'))
      .map(key => key.split(sideMark)[0]);
    const both = names.filter(name => this.#nodes.has(`${name}${sideMark}input`)) as string[];
    for (let size = -1; size !== split.size; ) {
      size = split.size;
      for (const name of both)
        if (shown(`${name}${sideMark}input`) !== shown(`${name}${sideMark}output`)) split.add(name);
    }
    return split;
  }
}

function nameWithin(key: string, split: ReadonlySet<string>): string {
  const [name = ''] = key.split(sideMark);
  return split.has(name) ? key : name;
}

/** A copy whose references have other names. */
function withRefs(node: unknown, nameOf: (key: string) => string): unknown {
  if (Array.isArray(node)) return node.map(each => withRefs(each, nameOf));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) =>
    key === '$ref' && typeof value === 'string' && value.includes(sideMark)
      ? [key, prefix + nameOf(value.slice(prefix.length))]
      : [key, withRefs(value, nameOf)],
  );
  return Object.fromEntries(entries);
}

/** Moves the named parts of one JSON Schema into the components. */
class Hoisting {
  readonly #components: Components;
  readonly #root: JsonSchema;
  readonly #side: Side;
  /** Names given to unnamed parts, by pointer; the same for both sides. */
  readonly #names: Map<string, string>;
  readonly #done = new Set<string>();

  constructor(components: Components, root: JsonSchema, side: Side, names: Map<string, string>) {
    this.#components = components;
    this.#root = root;
    this.#side = side;
    this.#names = names;
  }

  hoist(node: unknown): JsonObject {
    if (typeof node !== 'object' || node === null) return node as never;
    const schema = node as JsonSchema;
    if (typeof schema.$ref === 'string' && schema.$ref.startsWith('#'))
      return this.#refer(schema.$ref, schema);
    const name =
      nameIn(schema) ?? (schema === this.#root && this.#refersToRoot ? this.#nameAt('#') : undefined);
    const body = this.#children(schema, name);
    return name === undefined ? body : this.#components.add(name, this.#side, body);
  }

  /** Turns a definition into a component and refers to it, with the keywords beside `$ref`. */
  #refer(pointer: string, { $ref, ...beside }: JsonSchema): JsonObject {
    const target = pointer === '#' ? this.#root : this.#definition(pointer);
    const name = (target && nameIn(target)) ?? this.#nameAt(pointer);
    if (target && target !== this.#root && !this.#done.has(name)) {
      this.#done.add(name);
      this.#components.add(name, this.#side, this.#children(target, name));
    }
    return { $ref: prefix + name + sideMark + this.#side, ...this.#children(beside, undefined) };
  }

  #definition(pointer: string): JsonSchema | undefined {
    const key = /^#\/\$defs\/(.+)$/.exec(pointer)?.[1]?.replaceAll('~1', '/').replaceAll('~0', '~');
    const definitions = this.#root.$defs as Record<string, JsonSchema> | undefined;
    return key !== undefined && definitions && Object.hasOwn(definitions, key) ? definitions[key] : undefined;
  }

  #nameAt(pointer: string): string {
    const key = pointer.split('/').at(-1) ?? '';
    const isName = pointer !== '#' && nameOfComponent.test(key) && !key.startsWith('__');
    const name = isName ? key : (this.#names.get(pointer) ?? this.#components.nameless());
    this.#names.set(pointer, name);
    return name;
  }

  get #refersToRoot(): boolean {
    return JSON.stringify(this.#root).includes('"$ref":"#"');
  }

  #children(schema: JsonSchema, name: string | undefined): JsonObject {
    const entries = Object.entries(schema).flatMap(([key, value]): (readonly [string, unknown])[] => {
      if (this.#isLeftOut(key, value)) return [];
      if (inner.has(key)) return [[key, this.hoist(value)]];
      if (lists.has(key)) return [[key, (value as unknown[]).map(each => this.hoist(each))]];
      if (maps.has(key)) return [[key, this.#each(value as Record<string, unknown>)]];
      return [[key, value]];
    });
    return { ...Object.fromEntries(entries), ...(name !== undefined && { title: schema.title ?? name }) };
  }

  #each(map: Record<string, unknown>): JsonObject {
    return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, this.hoist(value)]));
  }

  /** Drops keywords for tools, the bounds of JavaScript's integers, and closed objects of responses. */
  #isLeftOut(key: string, value: unknown): boolean {
    if (key === '$schema' || key === '$defs' || key === 'id' || key === '$id') return true;
    if (key === 'minimum') return value === Number.MIN_SAFE_INTEGER;
    if (key === 'maximum') return value === Number.MAX_SAFE_INTEGER;
    return key === 'additionalProperties' && value === false && this.#side === 'output';
  }
}

/** The name of a schema: its `id`, or its `title` if that is one word. */
function nameIn({ id, $id, title, type, enum: listed }: JsonSchema): string | undefined {
  const given = id ?? $id;
  if (typeof given === 'string' && nameOfComponent.test(given)) return given;
  const isModel = type === 'object' || listed !== undefined;
  return isModel && typeof title === 'string' && nameOfComponent.test(title) ? title : undefined;
}
