import { misuse, misuseWith, nameOf, toError } from '../errors.js';

/** When a task runs: after a request that succeeded, or after any. */
export type TaskCondition = 'success' | 'always';

/** What may stand at `response.background`. */
export type BackgroundWork = BackgroundTask | BackgroundTasks;

/**
 * A call for later: after the response is sent and the dependencies have exited.
 *
 * ```ts
 * backgroundTasks.addTask(new BackgroundTask(releaseSeat, [seat], { when: 'always' }));
 * ```
 *
 * With `{ when: 'always' }` it also runs when its request fails. Starlette's `BackgroundTask`.
 */
export class BackgroundTask<Args extends readonly unknown[] = readonly never[]> {
  readonly name: string;
  readonly when: TaskCondition;
  readonly #run: () => unknown;

  constructor(fn: (...args: Args) => unknown, args?: Args, options: { when?: TaskCondition } = {}) {
    if (typeof fn !== 'function') throw misuse('BACKGROUND_TASK', fn);
    if (![undefined, 'success', 'always'].includes(options.when))
      throw misuse('BACKGROUND_TASK', options.when);
    this.name = nameOf(fn);
    this.when = options.when ?? 'success';
    this.#run = () => fn(...((args ?? []) as unknown as Args));
  }

  /** Runs it; rejects with what it throws. */
  async run(): Promise<void> {
    await this.#run();
  }
}

/** What stands at `response.background`, checked when it is put there. Throws `BACKGROUND_TASK`. */
export function checkedWork(work: unknown): BackgroundWork | undefined {
  if (work === undefined || work === null) return undefined;
  const { run, runAll } = work as { run?: unknown; runAll?: unknown };
  if (typeof run !== 'function' && typeof runAll !== 'function') throw misuse('BACKGROUND_TASK', work);
  return work as BackgroundWork;
}

/** The tasks of a request, or of a response: they run one after the other, in the order in which they were added. */
export class BackgroundTasks {
  readonly #waiting: BackgroundTask[] = [];

  /** Adds `fn(...args)`, or a `BackgroundTask`. A task may add others while it runs; they come last. */
  addTask(task: BackgroundTask): void;
  addTask<Args extends readonly unknown[]>(fn: (...args: Args) => unknown, ...args: Args): void;
  addTask(
    task: BackgroundTask | ((...args: readonly unknown[]) => unknown),
    ...args: readonly unknown[]
  ): void {
    const isTask = typeof task === 'object' && typeof task?.run === 'function';
    this.#waiting.push(
      isTask ? task : (new BackgroundTask(task as () => unknown, args as []) as BackgroundTask),
    );
  }

  /** Moves the tasks of a response to the end of this list. */
  adopt(work: BackgroundWork | undefined): void {
    if (work === undefined) return;
    if ('run' in work) this.#waiting.push(work);
    else for (const task of work.take()) this.#waiting.push(task);
  }

  /** Takes the tasks out of the list. */
  take(): BackgroundTask[] {
    return this.#waiting.splice(0);
  }

  /** Takes out what runs only after success, because the request failed; the others stay. Each is named to `report`. */
  drop(cause: unknown, report: (dropped: Error) => void): void {
    for (const task of this.take()) {
      if (task.when === 'always') this.#waiting.push(task);
      else report(misuseWith({ cause }, 'TASK_DROPPED', task.name));
    }
  }

  /** Runs all, those added meanwhile too. A failure is reported and the next one runs. Resolves with the first failure. */
  async runAll(report: (failure: Error) => void): Promise<Error | undefined> {
    let first: Error | undefined;
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift()) {
      try {
        await task.run();
      } catch (thrown) {
        const failure = toError(thrown);
        first ??= failure;
        report(failure);
      }
    }
    return first;
  }
}
