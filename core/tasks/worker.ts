import type { Task, TaskArguments } from '../background/durable-task.js';
import type { JobInfo, Outcome, QueueWorker, TaskEnvelope } from '../background/task-queue.js';
import { isMisuse, misuse, toError } from '../errors.js';
import { within } from '../lifecycle/in-flight.js';
import type { LayerTasks, LayerWorker } from '../lifecycle/layer-tasks.js';
import type { LifespanContext } from '../lifecycle/lifespan.js';
import type { Surroundings } from '../lifecycle/place.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { runAttempt } from './attempt.js';
import { definitionOf, type TaskDefinition } from './definition.js';
import { Job } from './job.js';
import { type ScheduleOptions, scheduleOf } from './schedule.js';

interface CloseOptions {
  timeoutMs?: number;
}

const knownOfClose = { timeoutMs: true } satisfies OptionNames<CloseOptions>;

/** How long an engine may take at least to give tasks back, in milliseconds. */
const leastPatience = 1_000;

/** What a closed worker did not finish. */
export interface Returned {
  /** The names of the tasks that it gave back, so that another worker runs them. */
  readonly tasks: readonly string[];
}

/** What a worker runs, and where. */
interface Workplace {
  /** The outermost first. */
  readonly layers: readonly Surroundings[];
  readonly lifespan: LifespanContext | undefined;
  readonly tasks: LayerTasks;
  readonly definitions: readonly TaskDefinition[];
}

/** Runs the tasks of a queue in this process, created by `runWorker()`. */
export class Worker implements LayerWorker {
  readonly #place: Workplace;
  readonly #known = new Map<string, TaskDefinition>();
  /** The names of unknown tasks that were reported. */
  readonly #reported = new Set<string>();
  readonly #running = new Map<Job, Promise<unknown>>();
  readonly #returned: string[] = [];
  #engine: QueueWorker | undefined;
  #pausing: Promise<void> | undefined;
  /** Whether the time to close is up, so that aborted tasks are given back. */
  #isCut = false;
  #closing: Promise<Returned> | undefined;

  /** Internal: use `runWorker()`. */
  private constructor(place: Workplace) {
    this.#place = place;
    for (const definition of place.definitions) this.learn(definition);
  }

  /** Internal: use `runWorker()`. */
  static async start(place: Workplace, concurrency: number): Promise<Worker> {
    const { tasks } = place;
    const worker = new Worker(place);
    await tasks.start();
    const report = (error: Error): void => tasks.report(error, 'background');
    worker.#engine = await tasks.outside(() =>
      tasks.queue.work((envelope, job) => worker.#take(envelope, job), { concurrency, report }),
    );
    tasks.workers.add(worker);
    return worker;
  }

  /** Internal: adds a task. Throws `TASK_NAME`. */
  learn(definition: TaskDefinition): void {
    const known = this.#known.get(definition.name);
    if (known && known !== definition) throw misuse('TASK_NAME', definition.name, true);
    this.#known.set(definition.name, definition);
  }

  /**
   * Adds a task by the clock: `cron` has five fields, such as `0 3 * * *`. Every start of a worker may call
   * it, since a schedule replaces the one with the same key. Rejects with `ARGUMENT`, `TASK_UNKNOWN`,
   * `TASK_ARGUMENTS`, `LAYER_CLOSED` once the worker closes, and the errors of the engine.
   */
  every<Args>(cron: string, task: Task<Args>, ...args: TaskArguments<Args, ScheduleOptions>): Promise<void>;
  async every(cron: string, task: Task, args?: unknown, options?: ScheduleOptions): Promise<void> {
    const definition = definitionOf(task, 'worker.every()');
    if (this.#pausing) throw misuse('LAYER_CLOSED');
    if (!this.#known.has(definition.name)) throw misuse('TASK_UNKNOWN', definition.name);
    await this.#engine?.every(await scheduleOf(cron, definition, args, options));
  }

  /** Internal: takes no further jobs. */
  pause(): Promise<void> {
    this.#pausing ??= (async () => this.#engine?.pause())();
    return this.#pausing;
  }

  /**
   * Takes no further tasks and waits for the running ones. After `timeoutMs` milliseconds (never, by
   * default), aborts their `task.signal`, waits a tenth of that time, and gives back the rest. Resolves with
   * the names of what it gave back.
   */
  close(options: CloseOptions = noOptions): Promise<Returned> {
    checkOptions('worker.close()', options, knownOfClose);
    const { timeoutMs } = options;
    checkOption('worker.close()', 'timeoutMs', timeoutMs, 'a number of milliseconds, at least 0', isTime);
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number | undefined): Promise<Returned> {
    const pausing = this.pause();
    const isOver = await this.#isIdle(timeoutMs, pausing);
    if (!isOver) await this.#cut(timeoutMs ?? 0);
    const left = [...this.#running.keys()].map(({ name }) => name);
    this.#place.tasks.workers.delete(this);
    const closing = (async () => this.#engine?.close())();
    await (timeoutMs === undefined ? closing : within(Math.max(timeoutMs, leastPatience), closing));
    return { tasks: [...this.#returned, ...left] };
  }

  async #cut(timeoutMs: number): Promise<void> {
    this.#isCut = true;
    const reason = misuse('TASK_QUEUE', 'The worker closes, and gives the task back to its queue.');
    for (const job of this.#running.keys()) job.abort(reason);
    await this.#isIdle(timeoutMs / 10, Promise.resolve());
  }

  /** Waits for the running jobs. A queue that fails to pause is closed all the same. */
  async #isIdle(timeoutMs: number | undefined, pausing: Promise<void>): Promise<boolean> {
    const { tasks } = this.#place;
    const paused = pausing.catch(thrown => tasks.report(toError(thrown), 'background'));
    const idle = paused.then(() => Promise.allSettled(this.#running.values()));
    if (timeoutMs !== undefined) return within(timeoutMs, idle);
    await idle;
    return true;
  }

  /** Never rejects. */
  async #take(envelope: TaskEnvelope, info: JobInfo): Promise<Outcome> {
    if (this.#pausing) return { kind: 'returned', error: misuse('LAYER_CLOSED') };
    const definition = this.#known.get(envelope?.task);
    if (definition === undefined || envelope.v !== 1) return this.#giveBack(String(envelope?.task));
    try {
      const { tasks } = this.#place;
      const { attempt } = info;
      const { attempts, id } = envelope;
      const job = new Job(definition, envelope, { attempt, attempts, trace: tasks.traces.get(id) });
      const settled = await this.#run(job, info, attempt < attempts);
      if (settled.kind === 'done' || (settled.kind === 'failed' && !settled.again)) tasks.traces.delete(id);
      return settled;
    } catch (thrown) {
      const error = toError(thrown);
      this.#place.tasks.report(error, 'background', definition.name);
      return { kind: 'failed', error, again: false };
    }
  }

  async #run(job: Job, info: JobInfo, mayRunAgain: boolean): Promise<Outcome> {
    const { layers, lifespan } = this.#place;
    const running = runAttempt(job, info, () => job.run(layers, lifespan));
    this.#running.set(job, running);
    const { error, again } = await running;
    this.#running.delete(job);
    if (error === undefined) return { kind: 'done' };
    if (!this.#isCut && !isMisuse(error, 'LAYER_CLOSED'))
      return { kind: 'failed', error, again: again && mayRunAgain };
    this.#returned.push(job.name);
    return { kind: 'returned', error };
  }

  /** Reports each name once, because the task soon comes again. */
  #giveBack(name: string): Outcome {
    const error = misuse('TASK_UNKNOWN', name);
    if (!this.#reported.has(name)) this.#place.tasks.report(error, 'background', name);
    this.#reported.add(name);
    return { kind: 'returned', error };
  }
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < 2 ** 31;
}
