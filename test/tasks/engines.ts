import { PGlite } from '@electric-sql/pglite';
import type { SqlExecutor, TaskEnvelope, TaskQueue } from 'callnext/adapter';
import { bullmqQueue } from 'callnext/tasks/bullmq';
import { type PgBossLike, pgBossQueue } from 'callnext/tasks/pg-boss';
import { Pool } from 'pg';

/** A dead letter: the name of the task, and the message of its error where the engine keeps it beside. */
export interface DeadLetter {
  readonly task: string;
  readonly message: string | undefined;
}

/** One process' connection to an engine. */
export interface OpenEngine {
  readonly queue: TaskQueue;
  dead(): Promise<DeadLetter[]>;
  /** Adds a job that is no task. */
  addForeign(): Promise<void>;
  close(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  /** A cron expression that fires within seconds. */
  readonly soon: string;
  open(queue: string): Promise<OpenEngine>;
  /** Runs `use` inside a transaction, then commits or rolls back. Undefined without transactions. */
  readonly transaction?: (
    end: 'COMMIT' | 'ROLLBACK',
    use: (sql: SqlExecutor) => Promise<void>,
  ) => Promise<void>;
  /** Ends what all connections share. */
  readonly release?: () => Promise<void>;
}

interface PgBossModule {
  readonly PgBoss: new (options: object) => Boss;
  readonly fromPglite: (pglite: PGlite) => SqlExecutor;
}

type Boss = PgBossLike & PgBossCalls;

interface PgBossCalls {
  fetch(queue: string, options: object): Promise<{ data: Partial<TaskEnvelope> & { failure?: Error } }[]>;
  send(queue: string, data: object): Promise<unknown>;
}

const pgBoss12 = (): PgBossModule => require('pg-boss');
const pgBoss10 = (): PgBossModule['PgBoss'] => require('pg-boss10');

/** Short intervals, so that schedules fire within seconds and the jobs of dead workers are found soon. */
const intervals = {
  superviseIntervalSeconds: 5,
  monitorIntervalSeconds: 5,
  cronMonitorIntervalSeconds: 1,
  cronWorkerIntervalSeconds: 1,
};

function pgBossEngine(
  name: string,
  construct: () => Boss | Promise<Boss>,
  more: Pick<Engine, 'transaction' | 'release'>,
): Engine {
  return {
    name,
    soon: '* * * * *',
    ...more,
    async open(queueName) {
      const boss = await construct();
      const queue = pgBossQueue(boss, { queue: queueName, pollMs: 50 });
      await queue.start?.();
      return {
        queue,
        async dead() {
          const rows = await boss.fetch(`${queueName}-dead`, { batchSize: 100 });
          return rows.map(({ data }) => ({ task: data.task ?? 'foreign', message: data.failure?.message }));
        },
        async addForeign() {
          await boss.send(queueName, { hello: 'world' });
        },
        close: () => queue.close(),
      };
    },
  };
}

function onPostgres(connectionString: string): Engine[] {
  const transaction: Engine['transaction'] = async (end, use) => {
    const pool = new Pool({ connectionString });
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await use({ executeSql: (text, values) => client.query(text, values) });
      await client.query(end);
    } finally {
      client.release();
      await pool.end();
    }
  };
  const { PgBoss } = pgBoss12();
  const PgBoss10 = pgBoss10();
  return [
    pgBossEngine('pg-boss 12', () => new PgBoss({ connectionString, schema: 'boss12', ...intervals }), {
      transaction,
    }),
    pgBossEngine('pg-boss 10', () => new PgBoss10({ connectionString, schema: 'boss10', ...intervals }), {
      transaction,
    }),
  ];
}

function onPglite(): Engine[] {
  const { PgBoss, fromPglite } = pgBoss12();
  const PgBoss10 = pgBoss10();
  return [
    inOnePglite(
      'pg-boss 12 on PGlite',
      pglite => new PgBoss({ backend: 'pglite', db: fromPglite(pglite), ...intervals }),
    ),
    inOnePglite('pg-boss 10 on PGlite', pglite => new PgBoss10({ db: fromPglite(pglite), ...intervals })),
  ];
}

/** One PGlite for all connections, because starting it takes seconds. */
function inOnePglite(name: string, construct: (pglite: PGlite) => Boss): Engine {
  let opened: Promise<PGlite> | undefined;
  const open = async () => {
    opened ??= PGlite.create();
    return construct(await opened);
  };
  return pgBossEngine(name, open, { release: async () => (await opened)?.close() });
}

interface BullModule {
  readonly Queue: new (name: string, options: object) => BullQueue;
  readonly Worker: new (...args: unknown[]) => never;
}

type BullQueue = Parameters<typeof bullmqQueue>[0]['queue'] & {
  add(name: string, data: object): Promise<unknown>;
  getFailed(): Promise<{ data: { task?: string }; failedReason: string }[]>;
};

export function bullEngine(name: string, load: () => BullModule, port: number): Engine {
  const connection = { host: '127.0.0.1', port };
  return {
    name,
    soon: '* * * * * *',
    async open(queueName) {
      const { Queue, Worker } = load();
      const producer = new Queue(queueName, { connection: { ...connection, enableOfflineQueue: false } });
      const queue = bullmqQueue({
        queue: producer,
        worker: (process, options) => new Worker(queueName, process, { connection, ...options }),
      });
      // The first connection of a queue that keeps no commands while it is offline.
      await (producer as unknown as { waitUntilReady(): Promise<unknown> }).waitUntilReady();
      return {
        queue,
        async dead() {
          const failed = await producer.getFailed();
          return failed.map(({ data, failedReason: message }) => ({ task: data.task ?? 'foreign', message }));
        },
        async addForeign() {
          await producer.add('hello', { hello: 'world' });
        },
        close: () => queue.close(),
      };
    },
  };
}

/** The engines whose servers `npm run test:tasks` has started, otherwise pg-boss within this process. */
export function engines(): Engine[] {
  const { TASKS_POSTGRES, TASKS_REDIS_PORT } = process.env;
  if (TASKS_POSTGRES === undefined || TASKS_REDIS_PORT === undefined) return onPglite();
  const port = Number(TASKS_REDIS_PORT);
  return [
    ...onPostgres(TASKS_POSTGRES),
    bullEngine('BullMQ 6', () => require('bullmq'), port),
    bullEngine('BullMQ 5', () => require('bullmq5'), port),
  ];
}
