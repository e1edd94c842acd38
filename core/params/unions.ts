import type { JsonSchema } from './json-schema.js';
import { type Problem, problemOf } from './keywords.js';
import { listedIn } from './place.js';

/** The problem with one alternative; its tag names the alternative, as in pydantic. */
export interface TaggedProblem {
  readonly tag: string | undefined;
  readonly problem: Problem;
}

const tags: Readonly<Record<string, string>> = {
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  string: 'str',
};

/** Returns the problems of each alternative, or none if one of them has no explanation. */
export function problemsOf(
  alternatives: readonly (readonly JsonSchema[])[],
  value: unknown,
): readonly TaggedProblem[] {
  const listed = alternatives.map(parts => parts.length === 1 && parts[0] && listedIn(parts[0]));
  if (listed.length > 1 && listed.every(Array.isArray)) return ofNode({ enum: listed.flat() }, value);
  if (alternatives.length === 1) return ofParts(alternatives[0] ?? [], value, undefined);
  const problems = alternatives.map(parts => ofParts(parts, value, tagOf(parts)));
  return problems.every(each => each.length > 0) && alternatives.every(tagOf) ? problems.flat() : [];
}

function ofNode(node: JsonSchema, value: unknown): readonly TaggedProblem[] {
  return ofParts([node], value, undefined);
}

function ofParts(
  parts: readonly JsonSchema[],
  value: unknown,
  tag: string | undefined,
): readonly TaggedProblem[] {
  for (const part of parts) {
    const problem = problemOf(part, value);
    if (problem) return [{ tag, problem }];
  }
  return [];
}

/** Objects and lists have no tag: pydantic would use the name of their Python type. */
function tagOf(parts: readonly JsonSchema[]): string | undefined {
  const type = parts[0]?.type;
  return typeof type === 'string' ? tags[type] : undefined;
}
