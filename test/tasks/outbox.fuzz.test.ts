import { Depends, dependency, Layer } from 'callnext';
import type { SqlExecutor } from 'callnext/adapter';
import { outbox, runWorker, TaskRefused, task } from 'callnext/tasks';
import { type PgBossLike, pgBossQueue } from 'callnext/tasks/pg-boss';
import fc from 'fast-check';
import { type Database, openDatabase } from './locked-database.js';
import { eventually } from './work.js';

/** `TASK_MODEL_RUNS=2000 npx jest test/tasks/outbox.fuzz` on PGlite; `npm run test:tasks` on PostgreSQL. */
const numRuns = Number(process.env.TASK_MODEL_RUNS ?? 25);
const seed = process.env.MODEL_SEED === undefined ? 20261129 : Number(process.env.MODEL_SEED);
const attempts = 3;

/** Where a request fails: `lost` is a statement that ran, and whose answer did not arrive. */
const steps = ['none', 'endpoint', 'insert', 'lost insert', 'commit', 'lost commit', 'request exit'] as const;
/** How an attempt ends. */
const ends = ['done', 'enter throws', 'throws', 'exit throws', 'refuses'] as const;

type End = (typeof ends)[number];

interface RequestPlan {
  readonly step: (typeof steps)[number];
  /** The ends of the attempts of each task. */
  readonly tasks: readonly (readonly End[])[];
}

interface Plan {
  readonly requests: readonly RequestPlan[];
  /** Statements of the worker that fail, counted from the first one that stores an outcome. */
  readonly failing: readonly number[];
  /** After how many attempts the worker is replaced by another one, if at all. */
  readonly replacedAfter: number | undefined;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  requests: fc.array(
    fc.record({
      step: fc.constantFrom(...steps, 'none' as const),
      tasks: fc.array(fc.array(fc.constantFrom<End>(...ends, 'done'), { minLength: 3, maxLength: 3 }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  failing: fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(fc.nat(4)) }),
  replacedAfter: fc.option(fc.nat(4), { freq: 4, nil: undefined }),
});

type Args = { readonly ends: readonly End[] };

interface TaskState {
  readonly task?: { readonly id: string; readonly attempt: number };
}

/** What happened to the tasks of all plans. */
class Log {
  readonly ends = new Map<string, readonly End[]>();
  readonly #came = new Map<string, End[]>();
  entered = 0;
  exited = 0;
  begun = 0;

  endOf({ task }: TaskState): End {
    return this.ends.get(task?.id ?? '')?.[(task?.attempt ?? 1) - 1] ?? 'done';
  }

  begin(state: TaskState): void {
    this.begun += 1;
    const id = state.task?.id ?? '';
    this.#came.set(id, [...(this.#came.get(id) ?? []), this.endOf(state)]);
  }

  runs(id: string): number {
    return this.#came.get(id)?.length ?? 0;
  }

  /** How often it runs if no worker is replaced, although answers of the database are lost. */
  plannedRuns(id: string): number {
    const ends = this.ends.get(id) ?? [];
    const last = ends.findIndex(end => end === 'done' || end === 'refuses');
    return last < 0 ? attempts : last + 1;
  }

  /** Whether no attempt need follow. */
  isOver(id: string): boolean {
    const came = this.#came.get(id) ?? [];
    return came.some(end => end === 'done' || end === 'refuses') || came.length >= attempts;
  }
}

/** Statements that store what became of a job are executed, but the answer may be lost. */
function faulty(database: Database, failing: () => readonly number[]): SqlExecutor & { count: number } {
  const executor = {
    count: 0,
    async executeSql(text: string, values?: unknown[]) {
      const result = await database.boss.executeSql(text, values);
      if (!text.includes("state = 'completed'")) return result;
      executor.count += 1;
      if (failing().includes(executor.count)) throw new Error('The answer of the database was lost.');
      return result;
    },
  };
  return executor;
}

describe('an outbox and its workers, with faults at each step', () => {
  const { TASKS_POSTGRES } = process.env;
  const log = new Log();
  let plan: Plan = { requests: [], failing: [], replacedAfter: undefined };
  let step: RequestPlan['step'] = 'none';
  let database: Database;
  let executor: ReturnType<typeof faulty>;
  let layer: Layer;
  let worker: Awaited<ReturnType<typeof runWorker>>;

  const resource = dependency({}, async function* resource({ request }) {
    const state = request.state as TaskState;
    log.begin(state);
    const end = log.endOf(state);
    if (end === 'enter throws') throw new Error('entrance');
    log.entered += 1;
    try {
      yield;
    } finally {
      log.exited += 1;
    }
    if (end === 'exit throws') throw new Error('exit');
  });

  const transaction = dependency({}, async function* transaction() {
    const connection = await database.connect();
    try {
      await connection.query('BEGIN');
      yield {
        async query(text: string, values?: unknown[]) {
          const isInsert = text.includes('model.');
          if (isInsert && step === 'insert') throw new Error('insert');
          const result = await connection.query(text, values);
          if (isInsert && step === 'lost insert') throw new Error('lost insert');
          return result;
        },
      };
      if (step === 'commit') throw new Error('commit');
      await connection.query('COMMIT');
      if (step === 'lost commit') throw new Error('lost commit');
    } catch (error) {
      await connection.query('ROLLBACK');
      throw error;
    } finally {
      connection.release();
    }
  });

  const exit = dependency({}, async function* exit() {
    yield;
    if (step === 'request exit') throw new Error('request exit');
  });

  const planned = task(
    'planned',
    { resource: Depends(resource) },
    ({ request }, _args: Args) => {
      const end = log.endOf(request.state as TaskState);
      if (end === 'throws') throw new Error('handler');
      if (end === 'refuses') throw new TaskRefused('refused');
    },
    { attempts, backoff: { delayMs: 0, factor: 1, maxDelayMs: 0 } },
  );

  const getTransaction = Depends(transaction, { scope: 'function' });
  const getOutbox = Depends(outbox(getTransaction), { scope: 'function' });

  /** Returns the ids of the tasks, and the key of the row that shows whether the request committed. */
  async function request({ tasks }: RequestPlan): Promise<{ key: string; ids: string[] }> {
    const key = crypto.randomUUID();
    const ids: string[] = [];
    const work = layer.run(
      { exit: Depends(exit), transaction: getTransaction, outbox: getOutbox },
      async ({ transaction, outbox }) => {
        await transaction.query('INSERT INTO model_orders VALUES ($1)', [key]);
        for (const ends of tasks) {
          const { id } = outbox.addTask(planned, { ends: [...ends] });
          log.ends.set(id, ends);
          ids.push(id);
        }
        if (step === 'endpoint') throw new Error('endpoint');
      },
    );
    await work.catch(() => undefined);
    return { key, ids };
  }

  async function isCommitted(key: string): Promise<boolean> {
    const connection = await database.connect();
    try {
      const { rows } = await connection.query('SELECT 1 FROM model_orders WHERE id = $1', [key]);
      return rows.length > 0;
    } finally {
      connection.release();
    }
  }

  async function replaceWorker(): Promise<void> {
    const closed = worker.close({ timeoutMs: 0 });
    worker = await runWorker(layer, [planned], { concurrency: 4 });
    await closed;
  }

  const rolledBack: string[] = [];
  const undisturbed: string[] = [];
  const count = { committed: 0, rolledBack: 0 };

  async function play(next: Plan): Promise<void> {
    plan = next;
    executor.count = 0;
    log.begun = 0;
    const committed: string[] = [];
    for (const each of next.requests) {
      step = each.step;
      const { key, ids } = await request(each);
      step = 'none';
      const isDone = await isCommitted(key);
      (isDone ? committed : rolledBack).push(...ids);
      count[isDone ? 'committed' : 'rolledBack'] += ids.length;
    }
    const areOver = () => committed.every(id => log.isOver(id));
    const { replacedAfter } = next;
    if (replacedAfter === undefined) undisturbed.push(...committed);
    if (replacedAfter !== undefined) {
      await eventually(async () => log.begun >= replacedAfter || areOver());
      await replaceWorker();
    }
    await eventually(async () => areOver());
    expect(rolledBack.filter(id => log.runs(id) > 0)).toEqual([]);
  }

  beforeAll(async () => {
    database = await openDatabase(TASKS_POSTGRES);
    const connection = await database.connect();
    await connection.query('CREATE TABLE IF NOT EXISTS model_orders (id uuid PRIMARY KEY)');
    connection.release();
    executor = faulty(database, () => plan.failing);
    const { PgBoss } = require('pg-boss') as { PgBoss: new (options: object) => PgBossLike };
    const boss = new PgBoss({ db: executor, ...database.options, schema: 'model', schedule: false });
    const taskQueue = pgBossQueue(boss, { queue: `model-${process.pid}`, pollMs: 10 });
    layer = new Layer({ taskQueue, onError: () => undefined });
    worker = await runWorker(layer, [planned], { concurrency: 4 });
  }, 60_000);

  afterAll(async () => {
    await layer.close({ timeoutMs: 1000 });
    await database.end();
  });

  it(`runs what was committed, and nothing that was rolled back, in ${numRuns} plans`, async () => {
    await fc.assert(fc.asyncProperty(plans, play), { numRuns, seed });
    await worker.close({ timeoutMs: 5000 });
    expect(rolledBack.filter(id => log.runs(id) > 0)).toEqual([]);
    expect(undisturbed.filter(id => log.runs(id) !== log.plannedRuns(id))).toEqual([]);
    expect(log.exited).toBe(log.entered);
    if (process.env.TASK_MODEL_RUNS)
      process.stdout.write(
        `${numRuns} plans, ${count.committed} tasks committed, ${count.rolledBack} rolled back, ` +
          `${log.entered} entrances and exits\n`,
      );
  }, 900_000);
});
