import { AsyncResource } from 'node:async_hooks';
import type { TaskEnvelope, TaskQueue } from '../background/task-queue.js';
import { misuse, misuseWith, toError } from '../errors.js';
import type { Trace } from '../http/shared.js';
import { within } from './in-flight.js';

/** What happens to a task that the queue refused, after `onError` has received the error. */
export type WhenQueueFails =
  | 'report'
  | 'run'
  | ((envelope: TaskEnvelope, error: Error) => void | Promise<void>);

/** A worker of the layer, as `layer.close()` sees it. */
export interface LayerWorker {
  /** Takes no further jobs. */
  pause(): Promise<void>;
  /** Ends the worker. Resolves with the names of the tasks that it gave back. */
  close(options: { timeoutMs?: number }): Promise<{ readonly tasks: readonly string[] }>;
}

/** Receives an error of the queue that no request carries, and the name of its task. */
type TaskReporter = (queue: string, error: Error, phase: 'background' | 'exit', task?: string) => void;

interface Options {
  readonly taskQueue: TaskQueue | undefined;
  readonly whenQueueFails: WhenQueueFails | undefined;
  readonly enqueueTimeoutMs: number | undefined;
}

/** A queue that closes. */
interface Leaving {
  /** The names of the tasks that are lost with it. */
  readonly lost: readonly string[];
  readonly closed: Promise<void>;
}

export function tasksOf(options: Options, report: TaskReporter): LayerTasks | undefined {
  const { taskQueue, whenQueueFails = 'report', enqueueTimeoutMs = 5_000 } = options;
  return taskQueue && new LayerTasks(taskQueue, whenQueueFails, enqueueTimeoutMs, report);
}

/** The queue of a layer, and the workers that run its tasks in this process. */
export class LayerTasks {
  readonly queue: TaskQueue;
  readonly whenFails: WhenQueueFails;
  readonly workers = new Set<LayerWorker>();
  /** In tests, the traces of the requests that added tasks, by the ids of these. */
  readonly traces = new Map<string, Trace>();
  /** How long a send may take, in milliseconds. */
  readonly #timeoutMs: number;
  readonly #report: TaskReporter;
  // An engine's connections must not keep the async context of the first request.
  readonly #context = new AsyncResource('callnext.tasks');
  #starting: Promise<void> | undefined;
  /** Whether there is something to close: a queue without `start` is open from the beginning. */
  #isOpen: boolean;
  #takesWorkers = true;
  #leaving: Leaving | undefined;

  constructor(queue: TaskQueue, whenFails: WhenQueueFails, timeoutMs: number, report: TaskReporter) {
    this.queue = queue;
    this.#isOpen = queue.start === undefined;
    this.whenFails = whenFails;
    this.#timeoutMs = timeoutMs;
    this.#report = report;
  }

  /** Starts the queue once for all callers. Rejects with its error; the next call then tries again. */
  start(): Promise<void> {
    if (this.#leaving) return Promise.reject(misuse('LAYER_CLOSED'));
    this.#isOpen = true;
    this.#starting ??= this.outside(async () => this.queue.start?.()).catch((thrown: unknown) => {
      this.#starting = undefined;
      throw thrown;
    });
    return this.#starting;
  }

  /** Runs something outside the async context of the request that needs it first. */
  outside<T>(work: () => T): T {
    return this.#context.runInAsyncScope(work);
  }

  /** Starts the queue and stores tasks in it, or rejects with `TASK_QUEUE` when the time is up. */
  async store(store: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const storing = this.start().then(() => {
      // The caller may have given up while the queue started.
      signal.throwIfAborted();
      return store(signal);
    });
    if (await within(this.#timeoutMs, storing)) return;
    const late = misuse('TASK_QUEUE', `The ${this.queue.name} did not answer within ${this.#timeoutMs} ms.`);
    controller.abort(late);
    throw late;
  }

  /** Lets workers of an engine take no further jobs. What waits in this process has no other worker. */
  pause(): void {
    if (this.queue.inProcess) return;
    for (const worker of this.workers) worker.pause().catch(thrown => this.report(toError(thrown), 'exit'));
  }

  /** Adds a worker that has begun, unless the workers have ended. */
  takes(worker: LayerWorker): boolean {
    if (this.#takesWorkers) this.workers.add(worker);
    return this.#takesWorkers;
  }

  /**
   * Runs what waits in this process, ends the workers and closes the queue. Resolves with the names of tasks
   * that are unfinished after `timeoutMs` milliseconds. The queue has `patience` milliseconds to close, once
   * for all callers.
   */
  async close(timeoutMs: number | undefined, patience: number | undefined): Promise<readonly string[]> {
    const { inProcess } = this.queue;
    if (inProcess) await this.#inTime(timeoutMs, inProcess.idle());
    this.#takesWorkers = false;
    const returned = await Promise.all([...this.workers].map(worker => this.#end(worker, timeoutMs)));
    this.#leaving ??= this.#leave();
    const { lost, closed } = this.#leaving;
    await this.#inTime(patience, closed);
    // What a worker gave back to a queue in this process is lost with it.
    return inProcess ? lost : returned.flat();
  }

  #leave(): Leaving {
    const { queue } = this;
    const lost = (queue.inProcess?.unfinished() ?? []).map(({ task }) => task);
    const cause = misuse('LAYER_CLOSED');
    for (const task of lost) this.report(misuseWith({ cause }, 'TASK_UNDONE', task), 'background', task);
    const closed = this.outside(async () => (this.#isOpen ? queue.close() : undefined));
    return { lost, closed: closed.catch(thrown => this.report(toError(thrown), 'exit')) };
  }

  async #end(worker: LayerWorker, timeoutMs: number | undefined): Promise<readonly string[]> {
    try {
      const { tasks } = await worker.close(timeoutMs === undefined ? {} : { timeoutMs });
      return tasks;
    } catch (thrown) {
      this.report(toError(thrown), 'exit');
      return [];
    }
  }

  async #inTime(timeoutMs: number | undefined, work: Promise<void>): Promise<void> {
    try {
      await (timeoutMs === undefined ? work : within(timeoutMs, work));
    } catch (thrown) {
      this.report(toError(thrown), 'exit');
    }
  }

  /** Reports an error of the queue, or of a task that it kept, to `onError`. */
  report(error: Error, phase: 'background' | 'exit', task?: string): void {
    this.#report(this.queue.name, error, phase, task);
  }
}
