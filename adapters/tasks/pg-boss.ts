/** What users import from `callnext/tasks/pg-boss`. */
import {
  checkOption,
  checkOptions,
  noOptions,
  type OptionNames,
  type QueueWorker,
  type RunJob,
  type SqlExecutor,
  type TaskEnvelope,
  type TaskQueue,
  toError,
  type WorkOptions,
} from '../../core/adapter.js';
import type { Bell } from './bell.js';
import { rowOf } from './pg-boss-rows.js';
import { PgBossStore } from './pg-boss-store.js';
import { type Boss, bossOf, type PgBossLike } from './pg-boss-versions.js';
import { PgBossWorker } from './pg-boss-worker.js';

export type { PgBossLike };

export interface PgBossQueueOptions {
  /** The name of the queue in pg-boss. Its dead letters are in `<queue>-dead`. Defaults to `tasks`. */
  readonly queue?: string;
  /** How often an idle worker asks for tasks of other processes, in milliseconds. Defaults to 500. */
  readonly pollMs?: number;
}

const known = { queue: true, pollMs: true } satisfies OptionNames<PgBossQueueOptions>;

/**
 * Keeps durable tasks in PostgreSQL, or in a PGlite of its own. The layer starts pg-boss after its lifespan,
 * and stops it before that exits. Throws `ARGUMENT` unless `boss` is a pg-boss 10 or 12.
 */
export function pgBossQueue(boss: PgBossLike, options: PgBossQueueOptions = noOptions): TaskQueue {
  const where = 'pgBossQueue()';
  checkOptions(where, options, known);
  const { queue = 'tasks', pollMs = 500 } = options;
  checkOption(where, 'queue', queue, 'letters, digits, `_` and `-`', isQueueName);
  checkOption(where, 'pollMs', pollMs, 'a number of milliseconds of at least 10', isInterval);
  return new PgBossQueue(boss, bossOf(boss), queue, pollMs);
}

/** How long other workers of the same pg-boss may take to end, in milliseconds. */
const closeWithinMs = 5_000;

const isQueueName = (value: unknown): boolean => typeof value === 'string' && /^[\w-]{1,40}$/.test(value);
const isInterval = (value: unknown): boolean => typeof value === 'number' && value >= 10;

class PgBossQueue implements TaskQueue {
  readonly name: string;
  readonly #engine: PgBossLike;
  readonly #boss: Boss;
  readonly #store: PgBossStore;
  readonly #pollMs: number;
  readonly #bells = new Set<Bell>();
  #report: WorkOptions['report'] = error => process.emitWarning(error);

  constructor(engine: PgBossLike, boss: Boss, queue: string, pollMs: number) {
    this.name = `pg-boss queue "${queue}"`;
    this.#engine = engine;
    this.#boss = boss;
    this.#store = new PgBossStore(boss, queue);
    this.#pollMs = pollMs;
    // Without a listener, an error of pg-boss' own upkeep would end the process.
    engine.on('error', error => this.#report(toError(error)));
  }

  async start(): Promise<void> {
    const { queue, dead } = this.#store;
    await this.#engine.start();
    await this.#engine.createQueue(dead);
    await this.#engine.createQueue(queue, { deadLetter: dead });
  }

  async send(envelopes: readonly TaskEnvelope[]): Promise<void> {
    await this.#insert(envelopes);
    for (const bell of this.#bells) bell.ring();
  }

  insert(envelopes: readonly TaskEnvelope[], transaction: SqlExecutor): Promise<void> {
    return this.#insert(envelopes, transaction);
  }

  async work(run: RunJob, options: WorkOptions): Promise<QueueWorker> {
    this.#report = options.report;
    return new PgBossWorker({ store: this.#store, run, options, pollMs: this.#pollMs, bells: this.#bells });
  }

  async close(): Promise<void> {
    await this.#engine.stop({ timeout: closeWithinMs });
  }

  /** One statement, so all are stored or none. */
  async #insert(envelopes: readonly TaskEnvelope[], transaction?: SqlExecutor): Promise<void> {
    const unique = new Map(envelopes.map(each => [each.id, rowOf(each, this.#store.options)]));
    if (unique.size > 0) await this.#boss.insert(this.#store.queue, [...unique.values()], transaction);
  }
}
