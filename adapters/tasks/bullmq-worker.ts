import {
  type Outcome,
  type QueueWorker,
  type RunJob,
  type TaskSchedule,
  type WorkOptions,
  within,
} from '../../core/adapter.js';
import { answers, closeWithinMs } from './bullmq-connection.js';
import { backoffStrategy, bullOptions, envelopeOf } from './bullmq-jobs.js';
import type {
  BullJobLike,
  BullProcessor,
  BullQueueLike,
  BullWorkerLike,
  BullWorkerOptions,
} from './bullmq-types.js';

/** Constructs a BullMQ `Worker`. */
export type BullWorkerFactory = (process: BullProcessor, options: BullWorkerOptions) => BullWorkerLike;

/** How soon a task that a worker does not know is offered again, in milliseconds. */
const unknownAgainMs = 2_000;

/** BullMQ counts a stall only here: callnext counts it as an attempt, which the task's own limit ends. */
const maxStalledCount = 1_000;

/** Half of BullMQ's default, so that a dead worker is noticed within a minute: a lock lasts 30 seconds. */
const stalledInterval = 15_000;

/** An error that BullMQ recognizes by its name. */
class BullSignal extends Error {
  constructor(name: 'UnrecoverableError' | 'DelayedError', message: string, cause?: Error) {
    super(message, cause && { cause });
    this.name = name;
    if (cause?.stack !== undefined) this.stack = cause.stack;
  }
}

export class BullWorker implements QueueWorker {
  readonly #queue: BullQueueLike;
  readonly #run: RunJob;
  readonly #worker: BullWorkerLike;
  /** Each gives back one running job. */
  readonly #running = new Set<() => void>();
  readonly #pausing = new AbortController();

  constructor(queue: BullQueueLike, factory: BullWorkerFactory, run: RunJob, options: WorkOptions) {
    this.#queue = queue;
    this.#run = run;
    const settings = { backoffStrategy };
    this.#worker = factory((job, token, signal) => this.#process(job, token, signal), {
      concurrency: options.concurrency,
      maxStalledCount,
      stalledInterval,
      settings,
    });
    this.#worker.on('error', error => options.report(error));
    // A job whose lock was lost is another worker's; BullMQ itself lets the processor go on.
    this.#worker.on('lockRenewalFailed', ids => {
      for (const id of ids) this.#worker.cancelJob(id, 'BullMQ gave the task to another worker.');
    });
  }

  async every({ key, cron, timezone, envelope }: TaskSchedule): Promise<void> {
    const template = { name: envelope.task, data: envelope, opts: bullOptions(envelope) };
    await this.#queue.upsertJobScheduler(key, { pattern: cron, tz: timezone }, template);
  }

  async pause(): Promise<void> {
    this.#pausing.abort();
    await this.#worker.pause(true);
  }

  async close(): Promise<void> {
    await this.pause();
    // BullMQ waits for a lost connection for ever, unless it is forced not to.
    const isLost = !(await answers(this.#queue));
    const closed = this.#worker.close(isLost);
    for (const giveBack of this.#running) giveBack();
    await within(closeWithinMs, closed);
  }

  async #process(
    job: BullJobLike,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const outcome = await this.#outcome(job, signal);
    if (outcome === 'given back') throw await this.#giveBack(job, token, 0);
    if (outcome.kind === 'returned') throw await this.#giveBack(job, token, unknownAgainMs);
    if (outcome.kind === 'failed') throw outcome.again ? outcome.error : dead(outcome.error);
  }

  async #outcome(job: BullJobLike, signal: AbortSignal | undefined): Promise<Outcome | 'given back'> {
    // A fetch that had begun before `pause()` can still bring a job.
    if (this.#pausing.signal.aborted) return 'given back';
    const envelope = envelopeOf(job);
    if (!envelope) return failed(new Error('The job holds no task of callnext.'));
    const attempt = job.attemptsMade + job.stalledCounter + 1;
    if (attempt > envelope.attempts) return failed(new Error('The worker died in the last attempt.'));
    const run = this.#run(envelope, { attempt, ...(signal && { signal }) });
    const outcome = await this.#orGivenBack(run);
    if (outcome === 'given back' || outcome.kind !== 'failed') return outcome;
    return { ...outcome, again: outcome.again && attempt < envelope.attempts };
  }

  async #orGivenBack(run: Promise<Outcome>): Promise<Outcome | 'given back'> {
    return new Promise(resolve => {
      const giveBack = () => resolve('given back');
      this.#running.add(giveBack);
      void run.then(resolve).finally(() => this.#running.delete(giveBack));
    });
  }

  /** Offers the job again without counting an attempt. */
  async #giveBack(job: BullJobLike, token: string | undefined, delayMs: number): Promise<Error> {
    await job.moveToDelayed(Date.now() + delayMs, token);
    return new BullSignal('DelayedError', 'The task was given back.');
  }
}

function failed(error: Error): Outcome {
  return { kind: 'failed', error, again: false };
}

function dead(error: Error): Error {
  return new BullSignal('UnrecoverableError', error.message, error);
}
