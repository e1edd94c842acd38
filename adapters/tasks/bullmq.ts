/** What users import from `callnext/tasks/bullmq`. */
import {
  checkOptions,
  misuse,
  type OptionNames,
  type QueueWorker,
  type RunJob,
  type TaskEnvelope,
  type TaskQueue,
  type WorkOptions,
} from '../../core/adapter.js';
import { closeQueue } from './bullmq-connection.js';
import { bullJobOf } from './bullmq-jobs.js';
import type {
  BullJobLike,
  BullProcessor,
  BullQueueLike,
  BullWorkerLike,
  BullWorkerOptions,
} from './bullmq-types.js';
import { BullWorker, type BullWorkerFactory } from './bullmq-worker.js';

export type {
  BullJobLike,
  BullProcessor,
  BullQueueLike,
  BullWorkerFactory,
  BullWorkerLike,
  BullWorkerOptions,
};

export interface BullmqQueueOptions {
  /** A BullMQ `Queue`. Its connection should not queue commands while it is offline. */
  readonly queue: BullQueueLike;
  /**
   * Constructs the `Worker`: `(process, options) => new Worker('shop', process, { connection, ...options })`.
   * A process that only adds tasks leaves it out.
   */
  readonly worker?: BullWorkerFactory;
}

const known = { queue: true, worker: true } satisfies OptionNames<BullmqQueueOptions>;
const where = 'bullmqQueue()';

/**
 * Keeps durable tasks in Redis or Valkey. The layer closes the queue after its last request. Throws `OPTIONS`
 * and `OPTION_VALUE`.
 */
export function bullmqQueue(options: BullmqQueueOptions): TaskQueue {
  checkOptions(where, options, known);
  if (typeof options.queue?.addBulk !== 'function')
    throw misuse('OPTION_VALUE', where, 'queue', 'a BullMQ 5 or 6 `Queue`', options.queue);
  return new BullmqQueue(options);
}

class BullmqQueue implements TaskQueue {
  readonly name: string;
  readonly #options: BullmqQueueOptions;
  #report: WorkOptions['report'] = error => process.emitWarning(error);

  constructor(options: BullmqQueueOptions) {
    this.name = `BullMQ queue "${options.queue.name}"`;
    this.#options = options;
    // Without a listener, BullMQ logs each error of a lost connection.
    options.queue.on('error', error => this.#report(error));
  }

  /** One transaction of Redis, so all are stored or none. A job with a known id is left as it is. */
  async send(envelopes: readonly TaskEnvelope[]): Promise<void> {
    if (envelopes.length > 0) await this.#options.queue.addBulk(envelopes.map(bullJobOf));
  }

  async work(run: RunJob, options: WorkOptions): Promise<QueueWorker> {
    const { queue, worker } = this.#options;
    if (!worker) throw misuse('OPTION_VALUE', where, 'worker', factoryExample, worker);
    this.#report = options.report;
    return new BullWorker(queue, worker, run, options);
  }

  close(): Promise<void> {
    return closeQueue(this.#options.queue);
  }
}

const factoryExample =
  'a function such as `(process, options) => new Worker(name, process, { connection, ...options })`';
