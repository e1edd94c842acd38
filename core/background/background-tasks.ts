import { located, misuse, misuseWith, toError } from '../errors.js';
import { BackgroundTask, isTask } from './background-task.js';
import {
  type AddTaskOptions,
  durable,
  type Enqueued,
  type EnqueueOptions,
  type Task,
  type TaskArguments,
  type TaskToSend,
} from './durable-task.js';

/** The values of `response.background`. */
export type BackgroundWork = BackgroundTask | BackgroundTasks;

/** The request that owns the tasks. */
export interface TaskHost {
  /** Such as `POST /orders`. */
  readonly title: string;
}

type TaskEntry = BackgroundTask | TaskToSend;

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
  readonly #waiting: TaskEntry[] = [];
  /** The request that owns the list. */
  readonly #host: TaskHost | undefined;
  #adopted: BackgroundTasks[] | undefined;
  /** Tasks taken from responses, so that a task carried by several responses runs once. */
  #taken: Set<TaskEntry> | undefined;
  #running: string | undefined;
  /** How many tasks have started or been dropped; a task without a name is called by its position. */
  #gone = 0;
  #controller: AbortController | undefined;
  #cutShortBy: Error | undefined;
  #joined: BackgroundTasks | undefined;
  #isOver = false;
  /** Internal: whether the time to close was up before a task began. */
  isUndone = false;

  /** `host` is internal: your own lists are for `response.background`. */
  constructor(host?: TaskHost) {
    this.#host = host;
  }

  /** Internal: the request that owns the list, or has adopted it. */
  get host(): TaskHost | undefined {
    return (this.#joined ?? this).#host;
  }

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
   * Adds `fn(...args)`, a `BackgroundTask`, or a durable `task(…)` with its arguments, which is sent to the
   * layer's queue in its place in the list. A running task may add more; they run last. Throws
   * `BACKGROUND_TASK`, `TASK_ARGUMENTS`, and `TASK_LATE` after the tasks of the request have run.
   */
  addTask(task: BackgroundTask): void;
  addTask<Args>(task: Task<Args>, ...args: TaskArguments<Args, AddTaskOptions>): void;
  addTask<Args extends readonly unknown[]>(fn: (...args: Args) => unknown, ...args: Args): void;
  addTask(
    task: BackgroundTask | Task | ((...args: readonly unknown[]) => unknown),
    ...args: readonly unknown[]
  ): void {
    this.add(entryOf(task, args));
  }

  /**
   * Sends a durable task now. Resolves once the queue has stored it, perhaps before the request commits.
   * Rejects with `TASK_ARGUMENTS` and `TASK_NOT_QUEUED`. Without a queue, the task runs in this process after
   * the response.
   */
  enqueue<Args>(task: Task<Args>, ...args: TaskArguments<Args, EnqueueOptions>): Promise<Enqueued>;
  async enqueue(task: Task, args?: unknown, options?: EnqueueOptions): Promise<Enqueued> {
    if (!isTask(task)) throw misuse('ARGUMENT', 'enqueue()', 'task', 'a durable `task(…)`', task);
    return task[durable].enqueue(this.host, args, options);
  }

  /** Internal. Throws `TASK_LATE`. */
  add(entry: TaskEntry): void {
    if (this.#isOver) throw this.#late(entry);
    if (this.#joined) this.#joined.add(entry);
    else this.#waiting.push(entry);
  }

  /** The names of unfinished tasks, in the order they run. */
  get names(): string[] {
    const waiting = this.#waiting.map((task, index) => this.#nameAt(task, index));
    return this.#running === undefined ? waiting : [this.#running, ...waiting];
  }

  #nameAt({ name }: TaskEntry, index: number): string {
    return name === '' ? `#${this.#gone + index + 1}` : name;
  }

  #late({ name }: TaskEntry): Error {
    const error = misuse('TASK_LATE', name === '' ? 'task' : name);
    return located(error, () => this.#host?.title ?? 'a request');
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Internal: the tasks that have not started. */
  get waiting(): readonly TaskEntry[] {
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

  #takeOver(tasks: readonly TaskEntry[]): void {
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

  take(): TaskEntry[] {
    return this.#waiting.splice(0);
  }

  /** Drops the tasks that run only after success, and reports each; the others stay. */
  drop(cause: unknown, report: TaskReporter): void {
    for (const task of this.take()) {
      if (task.when === 'always') this.#waiting.push(task);
      else this.#tellDropped(task, cause, report);
    }
  }

  #tellDropped(task: TaskEntry, cause: unknown, report: TaskReporter): void {
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

  /** Refuses further tasks. */
  close(): void {
    this.#isOver = true;
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
        this.isUndone ||= this.#cutShortBy !== undefined;
        if (this.#cutShortBy) throw misuseWith({ cause: this.#cutShortBy }, 'TASK_UNDONE', name);
        this.#running = name;
        await runOne(task, this.#host, runTask && (each => runTask(name, each)));
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

function runOne(
  task: TaskEntry,
  host: object | undefined,
  runTask: ((task: BackgroundTask) => Promise<void>) | undefined,
): Promise<void> {
  if ('send' in task) return task.send(host);
  return runTask ? runTask(task) : task.run();
}

/** Throws `BACKGROUND_TASK` and `TASK_ARGUMENTS`. */
function entryOf(task: unknown, args: readonly unknown[]): TaskEntry {
  if (isTask(task)) return task[durable].entryOf(args[0], args[1] as AddTaskOptions | undefined);
  if (typeof task === 'object' && typeof (task as BackgroundTask | null)?.run === 'function')
    return task as BackgroundTask;
  return new BackgroundTask(task as () => unknown, args as []);
}
