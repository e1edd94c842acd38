import { misuse, misuseWith } from '../errors.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';
import { validatorOf } from '../schema/validator.js';
import type { TaskDefinition } from './definition.js';
import { jsonFaultOf } from './json-fault.js';

/** The arguments of a task as they were when it was added. */
export interface StoredArguments {
  /** As JSON; `undefined` for a task without arguments. */
  readonly text: string | undefined;
  /** An asynchronous schema at work. Rejects with `TASK_ARGUMENTS`. */
  readonly checking: Promise<void> | undefined;
}

/**
 * Writes the arguments of a task as JSON, so that later changes of the object do not travel, and validates
 * what a worker will read. Throws `TASK_ARGUMENTS`.
 */
export function storedArguments(definition: TaskDefinition, args: unknown): StoredArguments {
  const text = args === undefined ? undefined : textOf(definition, args);
  const { schema } = definition;
  if (schema === undefined) return { text, checking: undefined };
  const result = validatorOf(schema)(readArguments(text));
  if (!('then' in result)) {
    refuseIssues(definition, result);
    return { text, checking: undefined };
  }
  const checking = result.then(settled => refuseIssues(definition, settled));
  // Its sender waits for it later.
  checking.catch(() => undefined);
  return { text, checking };
}

export function readArguments(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}

/** What the handler gets for the arguments in an envelope. Rejects with `TASK_ARGUMENTS`. */
export async function receivedArguments(definition: TaskDefinition, args: unknown): Promise<unknown> {
  const { schema } = definition;
  if (schema === undefined) return args;
  const result = await validatorOf(schema)(args);
  refuseIssues(definition, result);
  return (result as StandardSchemaV1.SuccessResult<unknown>).value;
}

function textOf({ name, schema, maxSize }: TaskDefinition, args: unknown): string {
  let fault: string | undefined;
  let text: string | undefined;
  try {
    fault = jsonFaultOf(args, schema !== undefined);
    if (fault === undefined) text = JSON.stringify(args);
  } catch (cause) {
    throw misuseWith({ cause }, 'TASK_ARGUMENTS', name, 'cannot be read, or are nested too deeply');
  }
  if (text === undefined) throw misuse('TASK_ARGUMENTS', name, fault ?? 'have no JSON');
  const size = text.length * 3 > maxSize ? new TextEncoder().encode(text).byteLength : 0;
  if (size > maxSize)
    throw misuse('TASK_ARGUMENTS', name, `are ${size} bytes long, of at most ${maxSize}: pass an id instead`);
  return text;
}

function refuseIssues({ name }: TaskDefinition, { issues }: StandardSchemaV1.Result<unknown>): void {
  if (!issues) return;
  const shown = issues.slice(0, 3).map(issue => `${issue.message} at \`args${placeOf(issue)}\``);
  throw misuseWith({ cause: { issues } }, 'TASK_ARGUMENTS', name, `do not fit: ${shown.join('; ')}`);
}

function placeOf({ path = [] }: StandardSchemaV1.Issue): string {
  return path
    .map(part => (typeof part === 'object' ? part.key : part))
    .map(key => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('');
}
