import { isGeneratorFunction, misuse, nameOf } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';
import { durable, type Task, type TaskCondition } from './durable-task.js';

interface TaskOptions {
  when?: TaskCondition;
}

const knownOptions = { when: true } satisfies OptionNames<TaskOptions>;

/** Throws `BACKGROUND_TASK`. */
export function checkedCondition(when: unknown): TaskCondition {
  if (when === undefined) return 'success';
  if (when !== 'success' && when !== 'always') throw misuse('BACKGROUND_TASK', when);
  return when;
}

/**
 * A function call that runs after the response is sent and the dependencies have exited.
 *
 * ```ts
 * backgroundTasks.addTask(new BackgroundTask(releaseSeat, [seat], { when: 'always' }));
 * ```
 *
 * With `{ when: 'always' }` it also runs when its request fails. Starlette's `BackgroundTask`.
 */
export class BackgroundTask<Args extends readonly unknown[] = readonly never[]> {
  /** The name of its function, or an empty string. */
  readonly name: string;
  readonly when: TaskCondition;
  readonly #run: () => unknown;

  constructor(fn: (...args: Args) => unknown, args?: Args, options: TaskOptions = noOptions) {
    if (typeof fn !== 'function' || isGeneratorFunction(fn)) throw misuse('BACKGROUND_TASK', fn);
    if (args !== undefined && !Array.isArray(args))
      throw misuse('ARGUMENT', 'new BackgroundTask()', 'args', 'a list, such as `[id]`', args);
    if (options !== noOptions) checkOptions('new BackgroundTask()', options, knownOptions);
    this.when = checkedCondition(options.when);
    this.name = nameOf(fn, '');
    this.#run = () => fn(...((args ?? []) as unknown as Args));
  }

  /** Runs the function; rejects with its error. */
  async run(): Promise<void> {
    await this.#run();
  }
}

export function isTask(value: unknown): value is Task {
  return typeof value === 'object' && value !== null && durable in value;
}

/** Runs a durable task in a layer. Throws `ARGUMENT`. */
export function runNow(task: Task, layer: object, args: unknown): Promise<unknown> {
  if (isTask(task)) return task[durable].runIn(layer, args);
  throw misuse('ARGUMENT', 'layer.runTask()', 'task', 'a durable `task(…)`', task);
}
