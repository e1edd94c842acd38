import { show } from './show.js';

/** The messages of mistakes with declared parameters and response models. */
export const parameterMessages = {
  PARAM_BODY: (owner: string, body: string, title: string, field: string) =>
    `\`${owner}\` declares \`${body}\` as \`Body()\` and \`${field}\` as \`${title}\`, itself or in ` +
    'its dependencies. The body of a request is either JSON or a form: declare all of it with `Body()`, or ' +
    'all of it with `Form()` and `File()`.',
  PARAM_MODEL: (owner: string, title: string, name: string, others: string) =>
    `\`${owner}\` declares \`${name}\` as \`${title}\` with an object schema, which receives ` +
    `everything that the request has there, and \`${others}\` beside it. Put \`${others}\` into the ` +
    'schema, or declare each property separately.',
  PARAM_NAME: (title: string, where: string) =>
    `\`${title}\` has no name in \`${where}\`. Give it one: ` +
    `\`${title.slice(0, -2)}(schema, { alias: 'name' })\`.`,
  PARAM_SCHEMA: (title: string, name: string, thrown: unknown) =>
    `The schema of \`${title}\` for \`${name}\` ` +
    (thrown === undefined ? 'returned neither a value nor issues. ' : `threw ${show(thrown)}. `) +
    'For an invalid value, a schema returns issues; see the `cause`.',
  PARAM_SCHEMA_EXPECTED: (title: string, received: unknown) =>
    `\`${title}\` takes its options, or a schema of Zod, Valibot, ArkType or another Standard Schema ` +
    `library, received ${show(received)}.`,
  PARAM_SCHEMA_PROPERTIES: (title: string, name: string) =>
    `\`${title}\` received an object with the schema \`${name}\`, which is not a schema itself. ` +
    `Make one of it, such as \`z.object({ ${name}: … })\`.`,
  PARAM_UNKNOWN: (owner: string, name: string, route: string | undefined, known: readonly string[]) =>
    `\`${owner}\` declares the path parameter \`${name}\`, but the path ` +
    `${route === undefined ? 'of the request' : `\`${route}\``} has ${pathNames(known)}. ` +
    `Use the name in the path: \`Path(schema, { alias: '${known[0] ?? name}' })\`.`,
  RESPONSE_MODEL: (endpoint: string, received: unknown, isGenerator: boolean) =>
    isGenerator
      ? `The endpoint \`${endpoint}\` is a generator, whose values are sent one by one, and cannot have ` +
        'a `responseModel`. Validate each value before you yield it.'
      : `The \`responseModel\` of the endpoint \`${endpoint}\` must be a schema of Zod, Valibot, ArkType ` +
        `or another Standard Schema library, received ${show(received)}.`,
} satisfies Record<string, (...details: never[]) => string>;

function pathNames(known: readonly string[]): string {
  return known.length === 0 ? 'no parameters' : known.map(name => `\`${name}\``).join(', ');
}
