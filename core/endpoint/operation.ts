import { checkOption, type OptionNames } from '../options.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';

/** A further response of an operation. */
export interface ResponseDescription {
  /** The reason phrase of the status by default. */
  readonly description?: string;
  /** The schema of its body. */
  readonly model?: StandardSchemaV1;
  /** Media type objects of OpenAPI by media type. */
  readonly content?: Readonly<Record<string, object>>;
  /** Header objects of OpenAPI by name. */
  readonly headers?: Readonly<Record<string, object>>;
}

/** Describes an operation for the OpenAPI document. Requests are answered the same without it. */
export interface OperationOptions {
  /** The groups that docs pages show it in. */
  tags?: readonly string[];
  /** A short title; the words of the handler's name by default. */
  summary?: string;
  /** Markdown. */
  description?: string;
  /** Describes the handler's own response; `Successful Response` by default. */
  responseDescription?: string;
  deprecated?: boolean;
  /** Other responses by status, such as `{ 404: { model: Message } }`. */
  responses?: Readonly<Record<string | number, ResponseDescription>>;
  /** The name in generated clients. By default, made of the handler's name, path and method as in FastAPI. */
  operationId?: string;
  /** Whether the document contains the operation; `true` by default. */
  includeInSchema?: boolean;
  /** Members of the operation object of OpenAPI, merged into it last. */
  openapiExtra?: Readonly<Record<string, unknown>>;
}

export const operationOptions = {
  tags: true,
  summary: true,
  description: true,
  responseDescription: true,
  deprecated: true,
  responses: true,
  operationId: true,
  includeInSchema: true,
  openapiExtra: true,
} satisfies OptionNames<OperationOptions>;

type Rule = readonly [expected: string, isRight: (value: unknown) => boolean];

const text: Rule = ['a string', value => typeof value === 'string'];
const flag: Rule = ['true or false', value => typeof value === 'boolean'];
const record: Rule = ['an object', value => typeof value === 'object' && value !== null];
const texts: Rule = [
  'a list of strings',
  value => Array.isArray(value) && value.every(each => typeof each === 'string'),
];

const rules: Readonly<Record<keyof OperationOptions, Rule>> = {
  tags: texts,
  summary: text,
  description: text,
  responseDescription: text,
  deprecated: flag,
  responses: record,
  operationId: text,
  includeInSchema: flag,
  openapiExtra: record,
};

/** Picks the description of an operation from the options of an endpoint. Throws `OPTION_VALUE`. */
export function operationOf(where: string, options: OperationOptions): OperationOptions {
  const given = Object.entries(rules).filter(([name]) => name in options);
  for (const [name, [expected, isRight]] of given)
    checkOption(where, name, options[name as keyof OperationOptions], expected, isRight);
  return Object.fromEntries(given.map(([name]) => [name, options[name as keyof OperationOptions]]));
}
