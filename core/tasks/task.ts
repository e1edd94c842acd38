import { durable, type Task } from '../background/durable-task.js';
import type { TaskBackoff } from '../background/task-queue.js';
import { checkGraph } from '../dependencies/dependency-graph.js';
import { checkNames, type Named } from '../dependencies/depends.js';
import type { Dependencies, Injected, Solved } from '../dependencies/marker.js';
import { checkHandler } from '../endpoint/endpoint.js';
import { isGeneratorFunction, misuse } from '../errors.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { isSchema, type StandardSchemaV1 } from '../schema/standard-schema.js';
import type { TaskDefinition, TaskInfo } from './definition.js';
import type { Storable } from './storable.js';
import { portOf } from './task-port.js';

/** The options of a durable task. `Schema` is the one of its arguments. */
export interface TaskOptions<Schema extends StandardSchemaV1 | undefined = StandardSchemaV1 | undefined> {
  /** How often it may run before it is a dead letter; 5 by default. */
  attempts?: number;
  /**
   * The wait before the next attempt, in milliseconds: `delayMs` (1,000 by default), times `factor` (2) for
   * each attempt before, up to `maxDelayMs` (an hour).
   */
  backoff?: Partial<TaskBackoff>;
  /**
   * How long an attempt may take before `task.signal` aborts, in milliseconds; 15 minutes by default. After
   * twice that time it counts as failed, although it may still run.
   */
  timeoutMs?: number;
  /**
   * The schema of the arguments, which validates them where the task is added and in the worker. The handler
   * gets the schema's output.
   */
  args?: Schema;
  /** How large the arguments may be as JSON, in bytes; 256 KiB by default. */
  maxSize?: number;
}

const knownOptions = {
  attempts: true,
  backoff: true,
  timeoutMs: true,
  args: true,
  maxSize: true,
} satisfies OptionNames<TaskOptions>;
const knownOfBackoff = { delayMs: true, factor: true, maxDelayMs: true } satisfies OptionNames<TaskBackoff>;

/** Dependencies of a task; `task` is the name of its own information. */
type NamedInTask<D extends Dependencies> = Named<D> & { readonly task?: never };

type TaskContext<D extends Dependencies> = Solved<D> & Injected & { readonly task: TaskInfo };

/**
 * Declares a task that a queue stores and a worker runs, with dependencies of its own.
 *
 * ```ts
 * const sendMail = task(
 *   'send-mail',
 *   { db: Depends(getDb) },
 *   async ({ db, task }, { orderId }: { orderId: string }) =>
 *     mailer.send(await db.orderMail(orderId), { idempotencyKey: task.id, signal: task.signal }),
 * );
 * backgroundTasks.addTask(sendMail, { orderId });
 * ```
 *
 * It is acknowledged after its last exit. If it or an exit fails, it runs again, up to `attempts` times,
 * unless it throws `TaskRefused`. A worker finds it by its name. Its arguments are one value, stored as JSON.
 *
 * Throws `TASK_NAME`, `OPTION_VALUE`, `UNKNOWN_OPTION`, and the errors of `endpoint()` about handlers and
 * dependencies.
 */
export function task<D extends Dependencies, Schema extends StandardSchemaV1, Result>(
  name: string,
  dependencies: NamedInTask<D>,
  handler: (context: TaskContext<D>, args: StandardSchemaV1.InferOutput<Schema>) => Result,
  options: TaskOptions<Schema> & { args: Schema },
): Task<StandardSchemaV1.InferInput<Schema>, Result>;
export function task<D extends Dependencies, Result, Args = undefined>(
  name: string,
  dependencies: NamedInTask<D>,
  handler: (context: TaskContext<D>, args: Args) => Result,
  options?: TaskOptions<undefined>,
): Task<Storable<Args>, Result>;
export function task(
  name: string,
  dependencies: Dependencies,
  handler: (context: never, args: never) => unknown,
  options: TaskOptions = noOptions,
): Task {
  if (typeof name !== 'string' || !/^[a-z][a-z0-9._-]{0,63}$/.test(name)) throw misuse('TASK_NAME', name);
  checkHandler('task', dependencies, handler);
  if (isGeneratorFunction(handler)) throw misuse('ENDPOINT_HANDLER', 'task', handler);
  checkNames(dependencies, name);
  if ('task' in dependencies) throw misuse('DEPENDENCY_NAME', 'task', name);
  checkGraph(dependencies, name, 'request');
  const definition = Object.freeze({ name, dependencies, handler, ...checkedOptions(options) });
  return Object.freeze({ name, [durable]: portOf(definition) });
}

type Checked = Omit<TaskDefinition, 'name' | 'dependencies' | 'handler'>;

function checkedOptions(options: TaskOptions): Checked {
  const where = 'task()';
  checkOptions(where, options, knownOptions);
  const { attempts = 5, backoff = noOptions, timeoutMs = 900_000, args, maxSize = 262_144 } = options;
  checkOption(where, 'attempts', attempts, 'a whole number, at least 1', isCount);
  checkOption(where, 'timeoutMs', timeoutMs, 'a positive number of milliseconds below 2³¹', isTime);
  checkOption(where, 'maxSize', maxSize, 'a number of bytes, at least 1', isCount);
  checkOption(where, 'args', args, 'a schema', isSchema);
  return { attempts, backoff: checkedBackoff(backoff), timeoutMs, schema: args, maxSize };
}

function checkedBackoff(backoff: Partial<TaskBackoff>): TaskBackoff {
  const where = 'task({ backoff })';
  checkOptions(where, backoff, knownOfBackoff);
  const { delayMs = 1_000, factor = 2, maxDelayMs = 3_600_000 } = backoff;
  checkOption(where, 'delayMs', delayMs, 'a number of milliseconds, at least 0', isDelay);
  checkOption(where, 'maxDelayMs', maxDelayMs, 'a number of milliseconds, at least 0', isDelay);
  checkOption(where, 'factor', factor, 'a number from 1 to 100', value => isDelay(value) && isFactor(value));
  return Object.freeze({ delayMs, factor, maxDelayMs });
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value < 2 ** 31;
}

function isDelay(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isFactor(value: unknown): boolean {
  return (value as number) >= 1 && (value as number) <= 100;
}
