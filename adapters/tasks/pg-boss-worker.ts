import {
  type QueueWorker,
  type RunJob,
  type TaskSchedule,
  toError,
  type WorkOptions,
  within,
} from '../../core/adapter.js';
import { Bell } from './bell.js';
import { persist } from './persist.js';
import type { StoredJob } from './pg-boss-rows.js';
import { heartbeatSeconds, type PgBossStore } from './pg-boss-store.js';

interface Needs {
  readonly store: PgBossStore;
  readonly run: RunJob;
  readonly options: WorkOptions;
  /** How often an idle worker asks for jobs, in milliseconds. */
  readonly pollMs: number;
  /** The workers that a send in this process wakes. */
  readonly bells: Set<Bell>;
}

/** One job of this process. */
interface Attempt {
  readonly job: StoredJob;
  readonly taken: AbortController;
  phase: 'running' | 'settling' | 'given back';
}

/** How often an engine without heartbeats is asked for the jobs of dead workers, in milliseconds. */
const expireEveryMs = 15_000;

/** The wait after a fetch that failed, in milliseconds. */
const afterFailureMs = 2_000;

/** How long `close()` waits for the engine, in milliseconds. */
const closeWithinMs = 5_000;

/**
 * Fetches jobs as its slots become free. The workers of pg-boss fetch the next batch only when the slowest
 * job of the last one has ended.
 */
export class PgBossWorker implements QueueWorker {
  readonly #needs: Needs;
  readonly #bell = new Bell();
  readonly #attempts = new Map<Attempt, Promise<void>>();
  readonly #timers: readonly ReturnType<typeof setInterval>[];
  readonly #pausing = new AbortController();
  readonly #closing = new AbortController();
  readonly #polling: Promise<void>;

  constructor(needs: Needs) {
    this.#needs = needs;
    needs.bells.add(this.#bell);
    this.#timers = [
      setInterval(() => void this.#reporting(this.#touch()), heartbeatSeconds * 500),
      setInterval(() => void this.#reporting(needs.store.expire()), expireEveryMs),
    ];
    this.#polling = this.#poll();
  }

  every(schedule: TaskSchedule): Promise<void> {
    return this.#needs.store.schedule(schedule);
  }

  async pause(): Promise<void> {
    this.#pausing.abort();
    this.#bell.ring();
    await this.#polling;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const left = this.pause().then(() => Promise.all([...this.#attempts].map(each => this.#leave(each))));
    await within(closeWithinMs, this.#reporting(left));
    for (const timer of this.#timers) clearInterval(timer);
    this.#needs.bells.delete(this.#bell);
  }

  async #poll(): Promise<void> {
    while (!this.#pausing.signal.aborted) {
      const free = this.#needs.options.concurrency - this.#attempts.size;
      const jobs = free > 0 ? await this.#fetch(free) : [];
      for (const job of jobs ?? []) this.#begin(job);
      if (free === 0) await this.#bell.wait();
      else if (jobs === undefined) await this.#bell.wait(afterFailureMs);
      else if (jobs.length < free) await this.#bell.wait(this.#needs.pollMs);
    }
  }

  async #fetch(free: number): Promise<readonly StoredJob[] | undefined> {
    const { store, options } = this.#needs;
    try {
      return await store.fetch(free, options.report);
    } catch (error) {
      options.report(toError(error));
      return undefined;
    }
  }

  #begin(job: StoredJob): void {
    const attempt: Attempt = { job, taken: new AbortController(), phase: 'running' };
    const ended = this.#reporting(this.#finish(attempt)).then(() => {
      this.#attempts.delete(attempt);
      this.#bell.ring();
    });
    this.#attempts.set(attempt, ended);
  }

  async #finish(attempt: Attempt): Promise<void> {
    const { job, taken } = attempt;
    const outcome = await this.#needs.run(job.envelope, { attempt: job.attempt, signal: taken.signal });
    // A job that was given back, or taken away, belongs to another worker now.
    if (attempt.phase === 'given back' || taken.signal.aborted) return;
    attempt.phase = 'settling';
    await persist(this.#needs.store.settlement(job, outcome), this.#closing.signal);
  }

  async #leave([attempt, ended]: readonly [Attempt, Promise<void>]): Promise<void> {
    if (attempt.phase === 'settling') return ended;
    if (attempt.phase === 'given back' || attempt.taken.signal.aborted) return;
    attempt.phase = 'given back';
    await this.#reporting(this.#needs.store.giveBack(attempt.job));
  }

  /** Sends a heartbeat, and aborts the jobs that pg-boss has given to another worker. */
  async #touch(): Promise<void> {
    const attempts = [...this.#attempts.keys()];
    if (attempts.length === 0) return;
    const lost = await this.#needs.store.touch(attempts.map(({ job }) => job));
    for (const { job, taken, phase } of attempts)
      if (phase === 'running' && lost.includes(job.row.id))
        taken.abort(new Error(`pg-boss gave the task ${job.envelope.id} to another worker.`));
  }

  async #reporting(work: Promise<unknown>): Promise<void> {
    await work.catch((error: unknown) => this.#needs.options.report(toError(error)));
  }
}
