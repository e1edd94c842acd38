import { isGeneratorFunction, located, misuse, misuseWith, nameOf, toError } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';

/** When a task runs: after a request that succeeded, or after any. */
export type TaskCondition = 'success' | 'always';

/** The options of a task. */
interface TaskOptions {
  when?: TaskCondition;
}

const knownOptions = { when: true } satisfies OptionNames<TaskOptions>;

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
  /** That of its function; empty where it has none. */
  readonly name: string;
  readonly when: TaskCondition;
  readonly #run: () => unknown;

  constructor(fn: (...args: Args) => unknown, args?: Args, options: TaskOptions = noOptions) {
    if (typeof fn !== 'function' || isGeneratorFunction(fn)) throw misuse('BACKGROUND_TASK', fn);
    if (args !== undefined && !Array.isArray(args))
      throw misuse('ARGUMENT', 'new BackgroundTask()', 'args', 'a list, such as `[id]`', args);
    checkOptions('new BackgroundTask()', options, knownOptions);
    if (![undefined, 'success', 'always'].includes(options.when))
      throw misuse('BACKGROUND_TASK', options.when);
    this.name = nameOf(fn, '');
    this.when = options.when ?? 'success';
    this.#run = () => fn(...((args ?? []) as unknown as Args));
  }

  /** Runs it; rejects with what it throws. */
  async run(): Promise<void> {
    await this.#run();
  }
}

/** Whose tasks they are, such as `POST /orders`. */
export interface TaskOwner {
  readonly title: string;
}

type TaskReporter = (error: Error, task: string) => void;

/** What stands at `response.background`, checked when it is put there. Throws `BACKGROUND_TASK`. */
export function checkedWork(work: unknown): BackgroundWork | undefined {
  if (work === undefined || work === null) return undefined;
  const { run, runAll } = work as { run?: unknown; runAll?: unknown };
  if (typeof run !== 'function' && typeof runAll !== 'function') throw misuse('BACKGROUND_TASK', work);
  return work as BackgroundWork;
}

/**
 * The tasks of a request, or of a response: they run one after the other, in the order in which they were
 * added. One that fails is reported, and the next one runs. FastAPI's and Starlette's `BackgroundTasks`.
 */
export class BackgroundTasks {
  readonly #waiting: BackgroundTask[] = [];
  #adopted: BackgroundTasks[] | undefined;
  /** The tasks of responses: one that several responses carry runs once. */
  #taken: Set<BackgroundTask> | undefined;
  #running: string | undefined;
  /** How many have begun or been dropped: one without a name is called by its place. */
  #gone = 0;
  #controller: AbortController | undefined;
  #cutShortBy: Error | undefined;
  #joined: BackgroundTasks | undefined;
  #isOver = false;
  #owner: TaskOwner | undefined;

  /**
   * Aborts when the layer is being closed and the time for it is up: give it to what a task waits for.
   *
   * ```ts
   * backgroundTasks.addTask(fetch, url, { method: 'POST', signal: backgroundTasks.signal });
   * ```
   */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cutShortBy) this.#controller.abort(this.#cutShortBy);
    return this.#controller.signal;
  }

  /**
   * Adds `fn(...args)`, or a `BackgroundTask`. A task may add others while it runs; they come last.
   * Throws `BACKGROUND_TASK`, and `TASK_LATE` when the request is over and its tasks have run.
   */
  addTask(task: BackgroundTask): void;
  addTask<Args extends readonly unknown[]>(fn: (...args: Args) => unknown, ...args: Args): void;
  addTask(
    task: BackgroundTask | ((...args: readonly unknown[]) => unknown),
    ...args: readonly unknown[]
  ): void {
    const isTask = typeof task === 'object' && typeof task?.run === 'function';
    const added = isTask ? task : (new BackgroundTask(task as () => unknown, args as []) as BackgroundTask);
    if (this.#isOver) throw this.#late(added);
    if (this.#joined) this.#joined.addTask(added);
    else this.#waiting.push(added);
  }

  /** The tasks that have not come to their end, in the order in which they run. */
  get names(): string[] {
    const waiting = this.#waiting.map((task, index) => this.#nameAt(task, index));
    return this.#running === undefined ? waiting : [this.#running, ...waiting];
  }

  #nameAt({ name }: BackgroundTask, index: number): string {
    return name === '' ? `#${this.#gone + index + 1}` : name;
  }

  #late({ name }: BackgroundTask): Error {
    const error = misuse('TASK_LATE', name === '' ? 'task' : name);
    return located(error, () => this.#owner?.title ?? 'a request');
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Those that have not begun. Internal. */
  get waiting(): readonly BackgroundTask[] {
    return this.#waiting;
  }

  /** Moves the tasks of a response to the end of this list, but for those that have been moved before. */
  adopt(work: BackgroundWork): void {
    if (work === this) return;
    if ('run' in work) return this.#takeOver([work]);
    this.#takeOver(work.take());
    this.#adopted ??= [];
    this.#adopted.push(work);
    work.joinTo(this);
    if (this.#cutShortBy) work.cutShort(this.#cutShortBy);
  }

  #takeOver(tasks: readonly BackgroundTask[]): void {
    this.#taken ??= new Set();
    // Noted afterwards: a list that names one task twice means it.
    for (const task of tasks) if (!this.#taken.has(task)) this.#waiting.push(task);
    for (const task of tasks) this.#taken.add(task);
  }

  /** The names of tasks that responses carry and that are still to be moved here. */
  namesIn(works: readonly BackgroundWork[]): string[] {
    const tasks = works.flatMap(work => ('run' in work ? [work] : work === this ? [] : work.waiting));
    return [...new Set(tasks)].filter(task => !this.#taken?.has(task)).map(({ name }) => name || 'task');
  }

  /** What is added to this list from now on is added to another one. Internal. */
  joinTo(list: BackgroundTasks): void {
    this.#joined = list;
  }

  /** Takes the tasks out of the list. */
  take(): BackgroundTask[] {
    return this.#waiting.splice(0);
  }

  /**
   * Takes out what runs only after success, because the request failed; the others stay. Each is named to
   * `report`.
   */
  drop(cause: unknown, report: TaskReporter): void {
    for (const task of this.take()) {
      if (task.when === 'always') this.#waiting.push(task);
      else this.#tellDropped(task, cause, report);
    }
  }

  #tellDropped(task: BackgroundTask, cause: unknown, report: TaskReporter): void {
    const name = this.#nameAt(task, this.#waiting.length);
    this.#gone += 1;
    report(misuseWith({ cause }, 'TASK_DROPPED', name), name);
  }

  /** The time is up: the signal aborts, and what has not begun does not begin any more. */
  cutShort(reason: Error): void {
    this.#cutShortBy ??= reason;
    this.#controller?.abort(reason);
    for (const adopted of this.#adopted ?? []) adopted.cutShort(reason);
  }

  /** Nothing runs what is added from now on; `owner` says whose tasks these were. */
  close(owner?: TaskOwner): void {
    this.#isOver = true;
    this.#owner ??= owner;
  }

  /**
   * Runs all, those added meanwhile too. A failure is reported and the next one runs. Resolves with the first
   * failure; where there is nothing to run, there is nothing to wait for. `begin` is told the name of each.
   * `isLast`: nothing is to be added any more when they have run.
   */
  runAll(
    report: TaskReporter,
    isLast = false,
    begin?: (name: string) => void,
  ): Promise<Error | undefined> | undefined {
    if (!this.isEmpty) return this.#runWaiting(report, isLast, begin);
    if (isLast) this.close();
    return undefined;
  }

  async #runWaiting(
    report: TaskReporter,
    isLast: boolean,
    begin: ((name: string) => void) | undefined,
  ): Promise<Error | undefined> {
    let first: Error | undefined;
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift()) {
      const name = this.#nameAt(task, 0);
      this.#gone += 1;
      try {
        if (this.#cutShortBy) throw misuseWith({ cause: this.#cutShortBy }, 'TASK_UNDONE', name);
        begin?.(name);
        this.#running = name;
        await task.run();
      } catch (thrown) {
        const failure = toError(thrown);
        first ??= failure;
        this.#running = undefined;
        report(failure, name);
      }
      this.#running = undefined;
    }
    if (isLast) this.close();
    return first;
  }
}
