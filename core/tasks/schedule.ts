import type { TaskSchedule } from '../background/task-queue.js';
import { misuse } from '../errors.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { readArguments, storedArguments } from './arguments.js';
import type { TaskDefinition } from './definition.js';

export interface ScheduleOptions {
  /** A schedule replaces the one with the same key; the name of its task by default. */
  key?: string;
  /** A time zone of the IANA database, such as `Europe/Berlin`; `UTC` by default. */
  timezone?: string;
}

const knownOptions = { key: true, timezone: true } satisfies OptionNames<ScheduleOptions>;

/** Rejects with `ARGUMENT`, `OPTION_VALUE`, `UNKNOWN_OPTION` and `TASK_ARGUMENTS`. */
export async function scheduleOf(
  cron: string,
  definition: TaskDefinition,
  args: unknown,
  options: ScheduleOptions = noOptions,
): Promise<TaskSchedule> {
  const where = 'worker.every()';
  if (typeof cron !== 'string' || !/^\S+( \S+){4}$/.test(cron))
    throw misuse('ARGUMENT', where, 'cron', 'five fields, such as `0 3 * * *`', cron);
  checkOptions(where, options, knownOptions);
  const { key = definition.name, timezone = 'UTC' } = options;
  checkOption(where, 'key', key, 'a string like the name of a task', isKey);
  checkOption(where, 'timezone', timezone, 'a time zone, such as `Europe/Berlin`', isTimezone);
  const { text, checking } = storedArguments(definition, args);
  await checking;
  const { name, attempts, backoff, timeoutMs } = definition;
  const stored = text === undefined ? {} : { args: readArguments(text) };
  return { key, cron, timezone, envelope: { v: 1, task: name, ...stored, attempts, backoff, timeoutMs } };
}

function isKey(value: unknown): boolean {
  return typeof value === 'string' && /^[\w.-]{1,64}$/.test(value);
}

function isTimezone(value: unknown): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: String(value) }) !== undefined;
  } catch {
    return false;
  }
}
