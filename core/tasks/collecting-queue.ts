import type { InProcessQueue, QueueWorker, TaskEnvelope, TaskQueue } from '../background/task-queue.js';
import { misuse } from '../errors.js';

/** A task that a `collectingQueue()` has received. */
export interface CollectedTask {
  readonly task: string;
  readonly args: unknown;
  readonly id: string;
}

/**
 * A queue for tests that stores tasks and runs none.
 *
 * ```ts
 * const queue = collectingQueue();
 * expect(queue.tasks).toEqual([{ task: 'send-mail', args: { orderId: '7' }, id: expect.any(String) }]);
 * ```
 *
 * `runWorker()` rejects with `TASK_QUEUE`. Django's `DummyBackend`.
 */
export function collectingQueue(): CollectingQueue {
  return new CollectingQueue();
}

export class CollectingQueue implements TaskQueue {
  readonly name = 'collecting queue';
  readonly inProcess: InProcessQueue = {
    concurrency: undefined,
    idle: () => Promise.resolve(),
    waiting: () => [],
  };
  readonly #envelopes: TaskEnvelope[] = [];
  #failures: Error[] = [];

  /** What it has received, in order. */
  get tasks(): readonly CollectedTask[] {
    return this.#envelopes.map(({ task, args, id }) => ({ task, args, id }));
  }

  /** What it has received, as an engine would store it. */
  get envelopes(): readonly TaskEnvelope[] {
    return [...this.#envelopes];
  }

  /** Forgets what it has received. */
  clear(): void {
    this.#envelopes.length = 0;
  }

  /** Lets the next send fail, as if the engine were down. */
  failNext(error: Error = new Error('The queue is down.')): void {
    this.#failures.push(error);
  }

  async send(envelopes: readonly TaskEnvelope[]): Promise<void> {
    const failure = this.#failures.shift();
    if (failure) throw failure;
    const ids = new Set(this.#envelopes.map(({ id }) => id));
    this.#envelopes.push(...envelopes.filter(({ id }) => !ids.has(id)));
  }

  async work(): Promise<QueueWorker> {
    throw misuse('TASK_QUEUE', 'A `collectingQueue()` runs no tasks. Use `memoryQueue()`.');
  }

  async close(): Promise<void> {
    this.#failures = [];
  }
}
