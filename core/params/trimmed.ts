import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import type { JsonSchema } from './json-schema.js';
import { problemsOf, type TaggedProblem } from './unions.js';

/** What Zod and Valibot call the rules of a text that blanks around it may satisfy. */
const types: Readonly<Record<string, string>> = {
  too_small: 'string_too_short',
  min_length: 'string_too_short',
  invalid_format: 'string_pattern_mismatch',
  regex: 'string_pattern_mismatch',
};

/** What is wrong with a text once it is trimmed: JSON Schema does not say that a schema trims it. */
export function problemsOfTrimmed(
  alternatives: readonly (readonly JsonSchema[])[],
  value: unknown,
  issue: StandardSchemaV1.Issue,
): readonly TaggedProblem[] {
  const { code, type } = issue as { readonly code?: unknown; readonly type?: unknown };
  const expected = types[String(code ?? type)];
  if (typeof value !== 'string' || expected === undefined) return [];
  return problemsOf(alternatives, value.trim()).filter(({ problem }) => problem.type === expected);
}
