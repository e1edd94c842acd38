import { checkedCondition } from '../background/background-task.js';
import type { AddTaskOptions, TaskCondition } from '../background/durable-task.js';
import type { TaskEnvelope } from '../background/task-queue.js';
import type { Request } from '../http/request.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { readArguments, type StoredArguments, storedArguments } from './arguments.js';
import type { TaskDefinition } from './definition.js';
import { headersToPassOn } from './headers.js';

const knownOptions = { id: true, delayMs: true, when: true } satisfies OptionNames<AddTaskOptions>;
const knownOfEnqueue = { id: true, delayMs: true } satisfies OptionNames<Omit<AddTaskOptions, 'when'>>;

/** A task that was added and is not sent yet. */
export class Addition {
  readonly definition: TaskDefinition;
  readonly id: string;
  readonly when: TaskCondition;
  readonly #delayMs: number | undefined;
  readonly #addedAt = Date.now();
  readonly #args: StoredArguments;

  /** Throws `TASK_ARGUMENTS`, `BACKGROUND_TASK`, `OPTIONS`, `UNKNOWN_OPTION` and `OPTION_VALUE`. */
  constructor(
    where: 'addTask()' | 'enqueue()' | 'outbox.addTask()' | 'layer.runTask()',
    definition: TaskDefinition,
    args: unknown,
    options: AddTaskOptions = noOptions,
  ) {
    checkOptions(where, options, where === 'addTask()' ? knownOptions : knownOfEnqueue);
    const { id, delayMs, when } = options;
    checkOption(where, 'id', id, 'a string of 1 to 200 characters', isId);
    checkOption(where, 'delayMs', delayMs, 'a number of milliseconds, at least 0', isDelay);
    this.definition = definition;
    this.id = id ?? crypto.randomUUID();
    this.when = checkedCondition(when);
    this.#delayMs = delayMs;
    this.#args = storedArguments(definition, args);
  }

  /** Rejects with `TASK_ARGUMENTS` of an asynchronous schema. */
  async envelope(request?: Request): Promise<TaskEnvelope> {
    await this.#args.checking;
    const { name, attempts, backoff, timeoutMs } = this.definition;
    const args = readArguments(this.#args.text);
    const headers = request && headersToPassOn(request);
    return {
      v: 1,
      id: this.id,
      task: name,
      ...(args === undefined ? {} : { args }),
      addedAt: this.#addedAt,
      attempts,
      backoff,
      timeoutMs,
      ...(this.#delayMs ? { delayMs: this.#delayMs } : {}),
      ...(headers ? { headers } : {}),
    };
  }
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= 200;
}

function isDelay(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}
