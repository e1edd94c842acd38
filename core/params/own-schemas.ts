import { UploadFile } from '../http/form.js';
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '../schema/standard-schema.js';
import type { JsonSchema } from './json-schema.js';

type OwnSchema = StandardSchemaV1 & StandardJSONSchemaV1;

/** Returns the schema of a parameter declared without one: a required string or a list of strings. */
export function textSchema(isList: boolean): OwnSchema {
  return isList ? texts : text;
}

/** Returns the schema of a file or of a list of files. */
export function fileSchema(isList: boolean): OwnSchema {
  return isList ? files : file;
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isFile = (value: unknown): boolean => value instanceof UploadFile;

const textNode: JsonSchema = { type: 'string' };
/** OpenAPI 3.1 describes a file like this. */
const fileNode: JsonSchema = { type: 'string', contentMediaType: 'application/octet-stream' };

const text = own(textNode, value => (isText(value) ? [] : [{ message: 'Expected a text' }]));
const texts = own({ type: 'array', items: textNode }, value =>
  issuesOfList(value, isText, 'Expected a text'),
);
const file = own(fileNode, value => (isFile(value) ? [] : [{ message: expectedFile(value) }]));
const files = own({ type: 'array', items: fileNode }, value => issuesOfList(value, isFile, expectedFile));

/** A password, which the docs pages hide while you type. */
export const passwordSchema: StandardSchemaV1<string> & StandardJSONSchemaV1 = own(
  { type: 'string', format: 'password' },
  value => (isText(value) ? [] : [{ message: 'Expected a text' }]),
) as never;

/** The `grant_type` of OAuth2's password flow. */
export const grantSchema: StandardSchemaV1<string> & StandardJSONSchemaV1 = own(
  { type: 'string', pattern: '^password$' },
  value => (value === 'password' ? [] : [{ message: "Expected the text 'password'" }]),
) as never;

function expectedFile(received: unknown): string {
  return `Expected UploadFile, received: ${typeof received}`;
}

function issuesOfList(
  value: unknown,
  isItem: (item: unknown) => boolean,
  message: string | ((item: unknown) => string),
): StandardSchemaV1.Issue[] {
  if (!Array.isArray(value)) return [{ message: 'Expected a list' }];
  return value.flatMap((item, index) =>
    isItem(item) ? [] : [{ message: typeof message === 'string' ? message : message(item), path: [index] }],
  );
}

function own(node: JsonSchema, issuesOf: (value: unknown) => readonly StandardSchemaV1.Issue[]): OwnSchema {
  const written = (): Record<string, unknown> => ({ ...node });
  return {
    '~standard': {
      version: 1,
      vendor: 'callnext',
      validate: value => {
        const issues = issuesOf(value);
        return issues.length === 0 ? { value } : { issues };
      },
      jsonSchema: { input: written, output: written },
    },
  };
}
