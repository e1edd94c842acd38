import { isTask } from '../background/background-task.js';
import { durable, type TaskPort } from '../background/durable-task.js';
import type { TaskBackoff } from '../background/task-queue.js';
import type { Dependencies } from '../dependencies/marker.js';
import { misuse } from '../errors.js';
import type { StandardSchemaV1 } from '../schema/standard-schema.js';

/** What a task's handler and its dependencies know of their attempt. */
export interface TaskInfo {
  /** The same for all attempts: pass it on as an idempotency key. */
  readonly id: string;
  readonly name: string;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** How often the task may run. */
  readonly attempts: number;
  readonly addedAt: Date;
  /** Aborts after `timeoutMs`, and when the worker or the layer runs out of time to close. */
  readonly signal: AbortSignal;
}

/** A durable task, as its senders and workers see it. */
export interface TaskDefinition {
  readonly name: string;
  readonly dependencies: Dependencies;
  readonly handler: (context: never, args: never) => unknown;
  readonly attempts: number;
  readonly backoff: TaskBackoff;
  readonly timeoutMs: number;
  readonly schema: StandardSchemaV1 | undefined;
  /** How large its arguments may be as JSON, in bytes. */
  readonly maxSize: number;
}

/** The port of a task that was created here. */
export interface DefinedPort extends TaskPort {
  readonly definition: TaskDefinition;
}

/** Throws `ARGUMENT`. */
export function definitionOf(task: unknown, where: string): TaskDefinition {
  if (!isTask(task)) throw misuse('ARGUMENT', where, 'task', 'a durable `task(…)`', task);
  return (task[durable] as DefinedPort).definition;
}
