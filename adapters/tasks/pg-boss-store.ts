import type { RunJob, TaskSchedule } from '../../core/adapter.js';
import { toStored } from './pg-boss-json.js';
import { deadRow, failureOf, jobOf, jobOptions, rowOfAttempt, type StoredJob } from './pg-boss-rows.js';
import type { Boss, PgBossJob, PgBossRow } from './pg-boss-versions.js';
import { waitAfter } from './wait-after.js';

type Settled = Awaited<ReturnType<RunJob>>;

/** Seconds without a heartbeat after which a worker counts as dead: two missed ones. */
export const heartbeatSeconds = 20;

/** How soon a task that a worker does not know is offered again, in milliseconds. */
const unknownAgainMs = 2_000;

/** One queue of pg-boss, and the queue of its dead letters. */
export class PgBossStore {
  readonly queue: string;
  readonly dead: string;
  readonly #boss: Boss;
  readonly #done: Done[] = [];
  /** The queues of schedules, where those have their own. */
  readonly #scheduled = new Set<string>();
  #acknowledging = false;

  constructor(boss: Boss, queue: string) {
    this.#boss = boss;
    this.queue = queue;
    this.dead = `${queue}-dead`;
  }

  get options(): { heartbeatSeconds: number | undefined } {
    return { heartbeatSeconds: this.#boss.touch && heartbeatSeconds };
  }

  /** Takes up to `atMost` jobs. A row without a task becomes a dead letter. */
  async fetch(atMost: number): Promise<StoredJob[]> {
    const rows = [...(await this.#boss.fetch(this.queue, atMost))];
    for (const queue of this.#scheduled)
      if (rows.length < atMost) rows.push(...(await this.#boss.fetch(queue, atMost - rows.length)));
    const jobs = rows.map(row => jobOf(row));
    const foreign = rows.filter((_, index) => jobs[index] === undefined);
    for (const row of foreign) await this.#bury(row);
    return jobs.filter(job => job !== undefined);
  }

  /** Returns a function that stores what became of an attempt. Calling it again stores nothing twice. */
  settlement(job: StoredJob, outcome: Settled): () => Promise<void> {
    const { envelope, attempt, row } = job;
    if (outcome.kind === 'done') return () => this.#acknowledge(row);
    const { error } = outcome;
    if (outcome.kind === 'returned') return this.#following(job, attempt, unknownAgainMs, error);
    if (outcome.again && attempt < envelope.attempts)
      return this.#following(job, attempt + 1, waitAfter(envelope, attempt), error);
    return this.#replacing(job, this.dead, deadRow(job, error), error);
  }

  /** Offers an attempt again, at once and as the same attempt. */
  giveBack(job: StoredJob): Promise<void> {
    return this.#following(job, job.attempt, 0, new Error('The worker closed before the task ended.'))();
  }

  /** Returns the ids of jobs that were taken away. */
  async touch(jobs: readonly StoredJob[]): Promise<readonly string[]> {
    return (
      (await this.#boss.touch?.(
        this.queue,
        jobs.map(({ row }) => row),
      )) ?? []
    );
  }

  /** Finds the jobs of dead workers, where the engine does not do so by itself often enough. */
  async expire(): Promise<void> {
    await this.#boss.expire?.();
  }

  async schedule({ cron, timezone: tz, key, envelope }: TaskSchedule): Promise<void> {
    const options = { ...jobOptions(envelope, 1, this.options), tz, key, deadLetter: this.dead };
    const queue = await this.#boss.schedule(this.queue, cron, toStored(envelope), options);
    if (queue !== this.queue) this.#scheduled.add(queue);
  }

  /** The next attempt is a row of its own: a failed row of pg-boss can wait only as pg-boss counts. */
  #following(job: StoredJob, attempt: number, delayMs: number, error: Error): () => Promise<void> {
    const row = rowOfAttempt(job.envelope, attempt, delayMs, this.options);
    return this.#replacing(job, this.queue, row, error);
  }

  /**
   * The new row comes first, so that a crash in between repeats the task and does not lose it. A row with a
   * known id is not stored again.
   */
  #replacing({ row, attempt }: StoredJob, queue: string, next: PgBossRow, error: Error): () => Promise<void> {
    return async () => {
      await this.#boss.insert(queue, [next]);
      await this.#boss.complete(row.name, [row], failureOf(error, attempt));
    };
  }

  async #bury(row: PgBossJob): Promise<void> {
    const { id, data } = row;
    await this.#boss.insert(this.dead, [{ id, data, retryLimit: 0, retryDelay: 0, expireInSeconds: 60 }]);
    await this.#boss.complete(row.name, [row], { message: 'The row holds no task of callnext.' });
  }

  /** Jobs that end while a statement is under way are acknowledged together by the next one. */
  #acknowledge(job: PgBossJob): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#done.push({ job, resolve, reject });
      if (!this.#acknowledging) void this.#acknowledgeAll();
    });
  }

  async #acknowledgeAll(): Promise<void> {
    this.#acknowledging = true;
    // Jobs that end in the same turn share the first statement too.
    await null;
    while (this.#done.length > 0) {
      const waiting = this.#done.splice(0);
      const queues = new Set(waiting.map(({ job }) => job.name));
      for (const queue of queues)
        await this.#complete(
          queue,
          waiting.filter(({ job }) => job.name === queue),
        );
    }
    this.#acknowledging = false;
  }

  async #complete(queue: string, batch: readonly Done[]): Promise<void> {
    try {
      await this.#boss.complete(
        queue,
        batch.map(({ job }) => job),
      );
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}

/** A job whose acknowledgement somebody waits for. */
interface Done {
  readonly job: PgBossJob;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
