import { isGeneratorFunction, located, misuse, misuseWith, nameOf, toError } from '../errors.js';
import { checkOptions, noOptions, type OptionNames } from '../options.js';

/** Whether a task runs only after a successful request, or always. */
export type TaskCondition = 'success' | 'always';

interface TaskOptions {
  when?: TaskCondition;
}

const knownOptions = { when: true } satisfies OptionNames<TaskOptions>;

/** The values of `response.background`. */
export type BackgroundWork = BackgroundTask | BackgroundTasks;

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
    checkOptions('new BackgroundTask()', options, knownOptions);
    if (![undefined, 'success', 'always'].includes(options.when))
      throw misuse('BACKGROUND_TASK', options.when);
    this.name = nameOf(fn, '');
    this.when = options.when ?? 'success';
    this.#run = () => fn(...((args ?? []) as unknown as Args));
  }

  /** Runs the function; rejects with its error. */
  async run(): Promise<void> {
    await this.#run();
  }
}

/** The request that owns the tasks, such as `POST /orders`. */
export interface TaskOwner {
  readonly title: string;
}

type TaskReporter = (error: Error, task: string) => void;

/** Runs a task that somebody watches. */
export type TaskRunner = (name: string, task: BackgroundTask) => Promise<void>;

/** Checks a value for `response.background`. Throws `BACKGROUND_TASK`. */
export function checkedWork(work: unknown): BackgroundWork | undefined {
  if (work === undefined || work === null) return undefined;
  const { run, runAll } = work as { run?: unknown; runAll?: unknown };
  if (typeof run !== 'function' && typeof runAll !== 'function') throw misuse('BACKGROUND_TASK', work);
  return work as BackgroundWork;
}

/**
 * The tasks of a request or a response. They run one after the other, in the order added; one that fails is
 * reported, and the next one runs. FastAPI's and Starlette's `BackgroundTasks`.
 */
export class BackgroundTasks {
  readonly #waiting: BackgroundTask[] = [];
  #adopted: BackgroundTasks[] | undefined;
  /** Tasks taken from responses, so that a task carried by several responses runs once. */
  #taken: Set<BackgroundTask> | undefined;
  #running: string | undefined;
  /** How many tasks have started or been dropped; a task without a name is called by its position. */
  #gone = 0;
  #controller: AbortController | undefined;
  #cutShortBy: Error | undefined;
  #joined: BackgroundTasks | undefined;
  #isOver = false;
  #owner: TaskOwner | undefined;

  /**
   * Aborts when `layer.close()` runs out of time. Pass it to whatever a task waits for.
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
   * Adds `fn(...args)`, or a `BackgroundTask`. A running task may add more; they run last. Throws
   * `BACKGROUND_TASK`, and `TASK_LATE` after the tasks of the request have run.
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

  /** The names of unfinished tasks, in the order they run. */
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

  /** Internal: the tasks that have not started. */
  get waiting(): readonly BackgroundTask[] {
    return this.#waiting;
  }

  /** Moves the tasks of a response to the end of this list, each task once. */
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
    // Recorded afterwards, because one list may contain a task twice on purpose.
    for (const task of tasks) if (!this.#taken.has(task)) this.#waiting.push(task);
    for (const task of tasks) this.#taken.add(task);
  }

  /** The names of tasks on responses that have not been moved here yet. */
  namesIn(works: readonly BackgroundWork[]): string[] {
    const tasks = works.flatMap(work => ('run' in work ? [work] : work === this ? [] : work.waiting));
    return [...new Set(tasks)].filter(task => !this.#taken?.has(task)).map(({ name }) => name || 'task');
  }

  /** Internal: forwards later additions to another list. */
  joinTo(list: BackgroundTasks): void {
    this.#joined = list;
  }

  take(): BackgroundTask[] {
    return this.#waiting.splice(0);
  }

  /** Drops the tasks that run only after success, and reports each; the others stay. */
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

  /** Aborts the signal, and keeps waiting tasks from starting. */
  cutShort(reason: Error): void {
    this.#cutShortBy ??= reason;
    this.#controller?.abort(reason);
    for (const adopted of this.#adopted ?? []) adopted.cutShort(reason);
  }

  /** Refuses further tasks; `owner` names the request in the error. */
  close(owner?: TaskOwner): void {
    this.#isOver = true;
    this.#owner ??= owner;
  }

  /**
   * Runs all tasks, including those added meanwhile, and reports failures. Resolves with the first failure;
   * returns `undefined` without tasks. `runTask` runs each, if given. `isLast` closes the list afterwards.
   */
  runAll(report: TaskReporter, isLast = false, runTask?: TaskRunner): Promise<Error | undefined> | undefined {
    if (!this.isEmpty) return this.#runWaiting(report, isLast, runTask);
    if (isLast) this.close();
    return undefined;
  }

  async #runWaiting(
    report: TaskReporter,
    isLast: boolean,
    runTask: TaskRunner | undefined,
  ): Promise<Error | undefined> {
    let first: Error | undefined;
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift()) {
      const name = this.#nameAt(task, 0);
      this.#gone += 1;
      try {
        if (this.#cutShortBy) throw misuseWith({ cause: this.#cutShortBy }, 'TASK_UNDONE', name);
        this.#running = name;
        await (runTask ? runTask(name, task) : task.run());
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
