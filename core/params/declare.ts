import { type Parameter, type ParameterPlace, parameterOf } from '../dependencies/parameter.js';
import { markFactory, misuse } from '../errors.js';
import { checkOption, checkOptions, noOptions } from '../options.js';
import { isSchema, type StandardSchemaV1 } from '../schema/standard-schema.js';
import type { Options } from './declared-parameter.js';
import { fileSchema, textSchema } from './own-schemas.js';
import { port } from './port.js';

/** The options that one kind of parameter accepts. */
export type DeclaredOptions = { readonly [Name in keyof Options]?: true };

const rules: Readonly<Partial<Record<keyof Options, readonly [expected: string, type: string]>>> = {
  alias: ['a string', 'string'],
  multiple: ['true or false', 'boolean'],
  convertUnderscores: ['true or false', 'boolean'],
  embed: ['true or false', 'boolean'],
};

/**
 * Creates the function that declares the parameters of one place, such as `Query`. That function throws
 * `PARAM_SCHEMA_EXPECTED`, `PARAM_SCHEMA_PROPERTIES`, `OPTION_VALUE` and `UNKNOWN_OPTION`.
 */
export function declare<Declare>(name: string, place: ParameterPlace, known: DeclaredOptions): Declare {
  const title = `${name}()`;
  const marker = (first?: unknown, second?: unknown): Parameter<unknown> => {
    const schema = isSchema(first) ? first : undefined;
    const options = (schema ? second : (second ?? first)) ?? noOptions;
    if (!schema && first !== undefined && (second !== undefined || typeof first !== 'object'))
      throw misuse('PARAM_SCHEMA_EXPECTED', title, first);
    checkProperties(title, options, known);
    checkOptions(title, options, known);
    const checked = options as Options;
    for (const [option, [expected, type]] of Object.entries(rules))
      checkOption(title, option, checked[option as keyof Options], expected, value => typeof value === type);
    return parameterOf({
      title,
      place,
      alias: checked.alias,
      port,
      schema: schema ?? bareSchema(place, checked),
      options: checked,
    });
  };
  markFactory(marker);
  return Object.defineProperty(marker, 'name', { value: name }) as unknown as Declare;
}

/** Throws `PARAM_SCHEMA_PROPERTIES` for bare properties, such as `{ id: z.int() }`, instead of a schema. */
function checkProperties(title: string, options: object, known: DeclaredOptions): void {
  const others = Object.entries(options).filter(([name]) => !Object.hasOwn(known, name));
  const property = others.find(([, value]) => isSchema(value))?.[0];
  if (property !== undefined) throw misuse('PARAM_SCHEMA_PROPERTIES', title, property);
}

function bareSchema(place: ParameterPlace, { multiple = false }: Options): StandardSchemaV1 {
  return place === 'file' ? fileSchema(multiple) : textSchema(multiple);
}
