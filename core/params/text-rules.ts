import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import type { JsonSchema } from './json-schema.js';
import { problemsOf, type TaggedProblem } from './unions.js';

/** Maps rules of Zod and Valibot, which a schema may check after trimming, to pydantic's types. */
const types: Readonly<Record<string, string>> = {
  too_small: 'string_too_short',
  min_length: 'string_too_short',
  invalid_format: 'string_pattern_mismatch',
  regex: 'string_pattern_mismatch',
};

/** Zod's formats whose JSON Schema is only a pattern: the message of the issue is clearer. */
const formats: readonly unknown[] = ['datetime', 'time'];

/** Returns the problems of each alternative, or none if the message of the issue is clearer. */
export function problemsOfIssue(
  alternatives: readonly (readonly JsonSchema[])[],
  value: unknown,
  issue: StandardSchemaV1.Issue,
): readonly TaggedProblem[] {
  const { format } = issue as { readonly format?: unknown };
  if (typeof value === 'string' && formats.includes(format)) return [];
  const problems = problemsOf(alternatives, value);
  return problems.length > 0 ? problems : problemsOfTrimmed(alternatives, value, issue);
}

/** Checks the trimmed string, because JSON Schema cannot express that a schema trims. */
function problemsOfTrimmed(
  alternatives: readonly (readonly JsonSchema[])[],
  value: unknown,
  issue: StandardSchemaV1.Issue,
): readonly TaggedProblem[] {
  const { code, type } = issue as { readonly code?: unknown; readonly type?: unknown };
  const expected = types[String(code ?? type)];
  if (typeof value !== 'string' || expected === undefined) return [];
  return problemsOf(alternatives, value.trim()).filter(({ problem }) => problem.type === expected);
}
