import { misuse } from '../errors.js';
import type { PathParameter, PathTemplate } from '../http/app-routes.js';
import { compile } from '../params/compiled.js';
import type { DeclaredParameter } from '../params/declared-parameter.js';
import type { JsonSchema } from '../params/json-schema.js';
import { headerName, nameOfParameter } from '../params/names.js';
import type { Components } from './components.js';
import type { JsonObject } from './document-types.js';
import type { KeyedParameter } from './flatten.js';

const places = ['path', 'query', 'header', 'cookie'] as const;

/** Whether a parameter is required: whether its schema rejects `undefined`. */
export async function isRequired({ parameter }: KeyedParameter): Promise<boolean> {
  const { schema, options, place } = parameter;
  if (place === 'path') return true;
  if ('default' in options) return false;
  try {
    return (await schema['~standard'].validate(undefined)).issues !== undefined;
  } catch {
    return true;
  }
}

/** The schema of a parameter, with its default. */
export function schemaOfParameter({ parameter }: KeyedParameter, components: Components): JsonObject {
  const { schema, options } = parameter;
  const node = components.use(schema, 'input');
  return options.default === undefined || options.default === null
    ? node
    : { ...node, default: options.default };
}

/**
 * The parameters of an operation outside the body. Undeclared parameters of the path are strings. Rejects
 * with `PARAM_UNKNOWN` for a parameter that the path does not have.
 */
export async function parametersOf(
  all: readonly KeyedParameter[],
  template: PathTemplate,
  owner: string,
  components: Components,
): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  for (const place of places) {
    const kin = all.filter(each => each.parameter.place === place);
    for (const each of kin) found.push(...(await written(each, kin.length === 1, components)));
    if (place === 'path') found.push(...undeclared(kin, template, owner));
  }
  const byName = new Map(found.map(each => [`${each.in} ${each.name}`, each]));
  for (const each of found) if (each.required) byName.set(`${each.in} ${each.name}`, each);
  return [...byName.values()];
}

function undeclared(
  declared: readonly KeyedParameter[],
  { params, path }: PathTemplate,
  owner: string,
): JsonObject[] {
  const names = declared.map(({ key, parameter }) => nameOfParameter(parameter, key));
  const known = params.map(({ name }) => name);
  const stray = names.find(name => !known.includes(name));
  if (stray !== undefined) throw misuse('PARAM_UNKNOWN', owner, stray, path, known);
  return params.filter(({ name }) => !names.includes(name)).map(textInPath);
}

function textInPath({ name, pattern }: PathParameter): JsonObject {
  const schema = { type: 'string', ...(pattern !== undefined && { pattern: `^(?:${pattern})$` }) };
  return { name, in: 'path', required: true, schema };
}

async function written(
  each: KeyedParameter,
  isAlone: boolean,
  components: Components,
): Promise<JsonObject[]> {
  const { key, parameter } = each;
  const { place } = parameter;
  if (place !== 'path' && isAlone && compile(parameter.schema).model)
    return properties(parameter, components);
  const schema = schemaOfParameter(each, components);
  const name = nameOfParameter(parameter, key);
  return [{ name, in: place, required: await isRequired(each), ...described(schema), schema }];
}

/** One parameter for each property of a model. */
function properties({ schema, place, options }: DeclaredParameter, components: Components): JsonObject[] {
  const isConverted = place === 'header' && (options.convertUnderscores ?? true);
  const model = components.inline(schema);
  const { properties: nodes = {}, required = [] } = model as JsonSchema & { properties?: JsonObject };
  const keys = compile(schema).model?.properties.map(({ key }) => key) ?? [];
  return keys.map(key => {
    const node = (nodes[key] ?? {}) as JsonObject;
    const name = isConverted ? headerName(key) : key;
    return { name, in: place, required: required.includes(key), ...described(node), schema: node };
  });
}

function described({ description, deprecated }: JsonObject): JsonObject {
  return { ...(description !== undefined && { description }), ...(deprecated === true && { deprecated }) };
}
