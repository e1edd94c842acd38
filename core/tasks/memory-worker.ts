import { AsyncResource } from 'node:async_hooks';
import type {
  Outcome,
  QueueWorker,
  RunJob,
  TaskEnvelope,
  TaskSchedule,
  WorkOptions,
} from '../background/task-queue.js';
import { toError } from '../errors.js';
import { Clock } from './clock.js';

/** A task and its next attempt. */
export interface Waiting {
  readonly envelope: TaskEnvelope;
  attempt: number;
  /** The workers that do not know the task. */
  readonly refusedBy: Set<MemoryWorker>;
}

/** What a worker asks of its queue. */
interface Shelf {
  /** Takes a task that the worker has not refused. */
  next(worker: MemoryWorker): Waiting | undefined;
  settle(waiting: Waiting, outcome: Outcome, worker: MemoryWorker): void;
  send(envelope: TaskEnvelope): Promise<void>;
  /** Puts back what the worker was running. */
  leave(worker: MemoryWorker, running: Iterable<Waiting>): void;
}

/** A worker of a queue in memory. */
export class MemoryWorker implements QueueWorker {
  readonly #run: RunJob;
  readonly #options: WorkOptions;
  readonly #shelf: Shelf;
  readonly #running = new Set<Waiting>();
  readonly #clocks = new Map<string, Clock>();
  // A job must not run in the async context of the request that sent it.
  readonly #context = new AsyncResource('callnext.memoryQueue');
  #isPaused = false;

  constructor(run: RunJob, options: WorkOptions, shelf: Shelf) {
    this.#run = run;
    this.#options = options;
    this.#shelf = shelf;
  }

  get running(): TaskEnvelope[] {
    return [...this.#running].map(({ envelope }) => envelope);
  }

  /** Takes tasks until it is busy or none is left. */
  takeMore(): void {
    while (!this.#isPaused && this.#running.size < this.#options.concurrency) {
      const waiting = this.#shelf.next(this);
      if (waiting === undefined) return;
      this.#running.add(waiting);
      void this.#context.runInAsyncScope(() => this.#work(waiting));
    }
  }

  async #work(waiting: Waiting): Promise<void> {
    // What one attempt does to its arguments must not reach the next one.
    const envelope: TaskEnvelope = JSON.parse(JSON.stringify(waiting.envelope));
    const outcome = await this.#run(envelope, { attempt: waiting.attempt });
    // A closed worker has given it back.
    if (this.#running.delete(waiting)) this.#shelf.settle(waiting, outcome, this);
  }

  async every(schedule: TaskSchedule): Promise<void> {
    const clock = new Clock(schedule, () => this.#addScheduled(schedule));
    this.#clocks.get(schedule.key)?.stop();
    this.#clocks.set(schedule.key, clock);
    if (!this.#isPaused) clock.start();
  }

  #addScheduled({ envelope }: TaskSchedule): void {
    this.#shelf
      .send({ ...envelope, id: crypto.randomUUID(), addedAt: Date.now() })
      .catch(thrown => this.#options.report(toError(thrown)));
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    for (const clock of this.#clocks.values()) clock.stop();
  }

  async close(): Promise<void> {
    await this.pause();
    const running = [...this.#running];
    this.#running.clear();
    this.#shelf.leave(this, running);
  }
}
