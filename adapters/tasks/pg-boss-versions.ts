import { createHash } from 'node:crypto';
import { misuse, type SqlExecutor } from '../../core/adapter.js';

/** The part of a pg-boss instance that `pgBossQueue()` uses. Version 10 or 12. */
export interface PgBossLike {
  start(): Promise<unknown>;
  stop(options?: { timeout?: number }): Promise<unknown>;
  createQueue(name: string, options?: { deadLetter?: string }): Promise<unknown>;
  insert(...args: never[]): Promise<unknown>;
  fetch(name: string, options: { includeMetadata: true; batchSize: number }): Promise<unknown>;
  complete(...args: never[]): Promise<unknown>;
  schedule(...args: never[]): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A row of a queue that has been fetched. */
export interface PgBossJob {
  readonly id: string;
  /** The queue of the row. */
  readonly name: string;
  readonly data: unknown;
  /** How many attempts of this row ended with the death of their worker. */
  readonly retryCount: number;
  readonly createdOn: Date;
}

/** What a row is stored with. */
export interface PgBossOptions {
  readonly retryLimit: number;
  readonly retryDelay: number;
  readonly expireInSeconds: number;
  /** Seconds. */
  readonly startAfter?: number;
  readonly heartbeatSeconds?: number;
}

export interface PgBossRow extends PgBossOptions {
  readonly id: string;
  readonly data: unknown;
}

/** The calls of both versions under the signatures of version 12. */
export interface Boss {
  insert(queue: string, rows: readonly PgBossRow[], db?: SqlExecutor): Promise<void>;
  fetch(queue: string, atMost: number): Promise<readonly PgBossJob[]>;
  complete(queue: string, jobs: readonly PgBossJob[], output?: object): Promise<void>;
  /** Keeps jobs from being taken as lost and returns the ids of those that were. Version 12 only. */
  readonly touch?: (queue: string, jobs: readonly PgBossJob[]) => Promise<readonly string[]>;
  /** Fails the jobs of dead workers; version 12 does so by itself. */
  readonly expire?: () => Promise<void>;
  /** Returns the queue in which the jobs of the schedule appear. */
  schedule(queue: string, cron: string, data: unknown, options: ScheduleOptions): Promise<string>;
}

export interface ScheduleOptions extends PgBossOptions {
  readonly tz: string;
  readonly key: string;
  readonly deadLetter: string;
}

interface Calls {
  createQueue(queue: string, options: object): Promise<unknown>;
  insert(...args: readonly unknown[]): Promise<unknown>;
  fetch(queue: string, options: object): Promise<PgBossJob[]>;
  complete(queue: string, jobs: unknown, output?: object): Promise<unknown>;
  touch?(queue: string, jobs: unknown): Promise<{ settled?: readonly string[] }>;
  expire?(): Promise<unknown>;
  schedule(...args: readonly unknown[]): Promise<unknown>;
}

/** Recognizes the version of a pg-boss instance by its methods. */
export function bossOf(engine: PgBossLike): Boss {
  const calls = engine as unknown as Partial<Calls> | null | undefined;
  if (typeof calls?.fetch !== 'function' || typeof calls.insert !== 'function') throw unknownEngine(engine);
  if (typeof calls.touch === 'function') return version12(calls as Calls);
  if (typeof calls.expire === 'function') return version10(calls as Calls);
  throw unknownEngine(engine);
}

function unknownEngine(received: unknown): Error {
  return misuse('ARGUMENT', 'pgBossQueue()', 'boss', 'an instance of pg-boss 10 or 12', received);
}

function version12(calls: Calls): Boss {
  return {
    ...common(calls),
    async insert(queue, rows, db) {
      await calls.insert(queue, rows, db ? { db } : {});
    },
    // Passing the job and not its id leaves the attempt of another worker alone.
    async complete(queue, jobs, output) {
      await calls.complete(queue, jobs, output);
    },
    async touch(queue, jobs) {
      const settled = (await calls.touch?.(queue, jobs))?.settled;
      return settled ? jobs.map(({ id }) => id).filter(id => !settled.includes(id)) : [];
    },
    async schedule(queue, cron, data, options) {
      await calls.schedule(queue, cron, data, options);
      return queue;
    },
  };
}

function version10(calls: Calls): Boss {
  return {
    ...common(calls),
    async insert(queue, rows, db) {
      const named = rows.map(row => ({ ...row, name: queue }));
      await calls.insert(named, db ? { db } : {});
    },
    async complete(queue, jobs, output) {
      await calls.complete(
        queue,
        jobs.map(({ id }) => id),
        output,
      );
    },
    async expire() {
      await calls.expire?.();
    },
    // Version 10 keeps one schedule for each queue, so each key gets a queue.
    async schedule(queue, cron, data, { key, deadLetter, ...options }) {
      const own = `${queue}-at-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
      await calls.createQueue(own, { deadLetter });
      await calls.schedule(own, cron, data, options);
      return own;
    },
  };
}

function common(calls: Calls): Pick<Boss, 'fetch'> {
  return { fetch: (queue, batchSize) => calls.fetch(queue, { includeMetadata: true, batchSize }) };
}
