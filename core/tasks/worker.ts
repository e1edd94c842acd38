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
import { Gate } from './gate.js';
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
  #idle: Promise<unknown> | undefined;
  /** Whether the time to close is up, so that aborted tasks are given back. */
  #isCut = false;
  #closing: Promise<Returned> | undefined;
  /** Open when a close no longer waits for the running jobs, or for the engine. */
  readonly #lateJobs = new Gate();
  readonly #lateEngine = new Gate();

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
    const engine = await tasks.outside(() =>
      tasks.queue.work((envelope, job) => worker.#take(envelope, job), { concurrency, report }),
    );
    worker.#engine = engine;
    if (tasks.takes(worker)) return worker;
    await engine.close();
    throw misuse('LAYER_CLOSED');
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
   * the names of what it gave back. The shortest time of several calls counts for all.
   */
  close(options: CloseOptions = noOptions): Promise<Returned> {
    checkOptions('worker.close()', options, knownOfClose);
    const { timeoutMs } = options;
    checkOption('worker.close()', 'timeoutMs', timeoutMs, 'a number of milliseconds, at least 0', isTime);
    this.#closing ??= this.#close();
    if (timeoutMs !== undefined) void this.#limit(timeoutMs, this.#closing).catch(() => undefined);
    return this.#closing;
  }

  async #close(): Promise<Returned> {
    await Promise.race([this.#whenIdle(), this.#lateJobs.opened]);
    const left = [...this.#running.keys()].map(({ name }) => name);
    this.#place.tasks.workers.delete(this);
    await Promise.race([(async () => this.#engine?.close())(), this.#lateEngine.opened]);
    return { tasks: [...this.#returned, ...left] };
  }

  /** Limits the time of a close, which has begun, for all its callers. */
  async #limit(timeoutMs: number, closing: Promise<Returned>): Promise<void> {
    if (!(await within(timeoutMs, this.#whenIdle()))) await this.#cut(timeoutMs);
    this.#lateJobs.open();
    if (!(await within(Math.max(timeoutMs, leastPatience), closing))) this.#lateEngine.open();
  }

  async #cut(timeoutMs: number): Promise<void> {
    this.#isCut = true;
    const reason = misuse('TASK_QUEUE', 'The worker closes, and gives the task back to its queue.');
    for (const job of this.#running.keys()) job.abort(reason);
    await within(timeoutMs / 10, Promise.allSettled(this.#running.values()));
  }

  /** Waits for the running jobs. A queue that fails to pause is closed all the same. */
  #whenIdle(): Promise<unknown> {
    const { tasks } = this.#place;
    this.#idle ??= this.pause()
      .catch(thrown => tasks.report(toError(thrown), 'background'))
      .then(() => Promise.allSettled(this.#running.values()));
    return this.#idle;
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
      const trace = tasks.traces.get(id);
      const job = new Job(definition, envelope, { attempt, attempts, queue: tasks.queue.name, trace });
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
    if (!this.#isCut && !(isMisuse(error, 'LAYER_CLOSED') && this.#isLayerClosed))
      return { kind: 'failed', error, again: again && mayRunAgain };
    this.#returned.push(job.name);
    return { kind: 'returned', error };
  }

  get #isLayerClosed(): boolean {
    return this.#place.layers.some(({ inFlight }) => inFlight.isClosed);
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
