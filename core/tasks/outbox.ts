import type { Enqueued, EnqueueOptions, Task, TaskArguments } from '../background/durable-task.js';
import type { SqlExecutor } from '../background/task-queue.js';
import { dependency } from '../dependencies/depends.js';
import type { Narrowest } from '../dependencies/lifetimes.js';
import {
  type DeclaredDependency,
  type Depends,
  type Injected,
  isDepends,
  type Lifetime,
} from '../dependencies/marker.js';
import { misuse } from '../errors.js';
import type { Exchange } from '../lifecycle/exchange.js';
import type { LayerTasks } from '../lifecycle/layer-tasks.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { Addition } from './addition.js';
import { definitionOf } from './definition.js';
import { exchangeOf, queueLayerOf } from './queue-layer.js';
import { sendAdded } from './send.js';
import { storeTraced } from './traced-store.js';

/** A transaction that runs SQL, such as a client of `pg` or PGlite. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Runs a statement in a transaction of another library. */
type ExecuteSql<T> = (transaction: T, text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

interface OutboxOptions<T> {
  /** By default, `transaction.query(text, values)`. */
  executeSql: ExecuteSql<T>;
}

const knownOptions = { executeSql: true } satisfies OptionNames<OutboxOptions<unknown>>;

/** Tasks that are stored with the transaction of their request. */
export class Outbox {
  readonly #additions: Addition[] = [];
  #isClosed = false;

  /**
   * Adds a durable task, which is stored if and only if the transaction commits. Throws `TASK_ARGUMENTS`, and
   * `TASK_QUEUE` once the outbox has exited.
   */
  addTask<Args>(task: Task<Args>, ...args: TaskArguments<Args, EnqueueOptions>): Enqueued;
  addTask(task: Task, args?: unknown, options?: EnqueueOptions): Enqueued {
    const definition = definitionOf(task, 'outbox.addTask()');
    if (this.#isClosed)
      throw misuse(
        'TASK_QUEUE',
        `The outbox had exited before \`${definition.name}\` was added. Add it earlier.`,
      );
    const addition = new Addition('outbox.addTask()', definition, args, options);
    this.#additions.push(addition);
    return { id: addition.id };
  }

  /** Internal: what was added. Nothing may be added afterwards. */
  close(): readonly Addition[] {
    this.#isClosed = true;
    return this.#additions;
  }
}

type OutboxDependency<T, Lives extends Lifetime> = DeclaredDependency<
  AsyncGenerator<Outbox, void, undefined>,
  Narrowest<{ transaction: Depends<T, Lives> }>,
  Injected
>;

/**
 * Declares a dependency that stores durable tasks inside the transaction of the app: a task that was added
 * runs at least once if the transaction commits, and never if it rolls back.
 *
 * ```ts
 * const getOutbox = outbox(Depends(getTransaction, { scope: 'function' }));
 * const createOrder = endpoint({ outbox: Depends(getOutbox, { scope: 'function' }) }, async ({ outbox }) => {
 *   outbox.addTask(sendMail, { orderId });
 * });
 * ```
 *
 * It needs the transaction, so it exits before it: after the endpoint and before the commit. A queue in this
 * process has no part in the transaction; its tasks are sent after the exits instead. Throws
 * `DEPENDS_EXPECTED` and `OPTION_VALUE`; a request fails with `TASK_QUEUE` if its queue can do neither.
 */
export function outbox<T extends Queryable, Lives extends Lifetime>(
  transaction: Depends<T, Lives>,
): OutboxDependency<T, Lives>;
export function outbox<T, Lives extends Lifetime>(
  transaction: Depends<T, Lives>,
  options: OutboxOptions<T>,
): OutboxDependency<T, Lives>;
export function outbox(
  transaction: Depends<unknown>,
  options: Partial<OutboxOptions<unknown>> = noOptions,
): OutboxDependency<unknown, Lifetime> {
  if (!isDepends(transaction)) throw misuse('DEPENDS_EXPECTED', 'transaction', 'outbox', transaction);
  checkOptions('outbox()', options, knownOptions);
  const { executeSql = query } = options;
  checkOption('outbox()', 'executeSql', executeSql, 'a function', value => typeof value === 'function');
  return dependency({ transaction }, async function* outbox({ transaction: open, backgroundTasks }) {
    const exchange = exchangeOf(backgroundTasks.host, 'outbox');
    const tasks = queueLayerOf(exchange)?.tasks;
    refuseUnable(tasks);
    const box = new Outbox();
    try {
      yield box;
    } finally {
      box.close();
    }
    await write(box.close(), exchange, tasks, (text, values) => executeSql(open, text, values));
  }) as OutboxDependency<unknown, Lifetime>;
}

const query: ExecuteSql<unknown> = (transaction, text, values) =>
  (transaction as Queryable).query(text, values);

/** Throws `TASK_QUEUE`. */
function refuseUnable(tasks: LayerTasks | undefined): void {
  if (tasks === undefined || tasks.queue.insert || tasks.queue.inProcess) return;
  throw misuse(
    'TASK_QUEUE',
    `The ${tasks.queue.name} cannot store tasks in a transaction of the app, so it has no outbox. ` +
      'Use `backgroundTasks.addTask()`, or a queue on PostgreSQL.',
  );
}

async function write(
  additions: readonly Addition[],
  exchange: Exchange,
  tasks: LayerTasks | undefined,
  executeSql: SqlExecutor['executeSql'],
): Promise<void> {
  if (additions.length === 0) return;
  const { queue } = tasks ?? {};
  if (tasks === undefined || !queue?.insert) return hold(additions, exchange);
  const envelopes = await Promise.all(additions.map(addition => addition.envelope(exchange.request)));
  for (const { task } of envelopes) exchange.trace?.add(`queue ${task}`);
  await tasks.store(signal => {
    // Once its time is up, the connection may belong to another request.
    const executor: SqlExecutor = {
      executeSql: async (text, values) => {
        signal.throwIfAborted();
        return executeSql(text, values);
      },
    };
    return storeTraced(exchange.tracing, queue.name, envelopes, async each => queue.insert?.(each, executor));
  });
}

/** Adds the tasks to the list of the request, which drops them if the commit fails. */
function hold(additions: readonly Addition[], exchange: Exchange): void {
  for (const addition of additions) {
    const send = (): Promise<void> => sendAdded(exchange, addition);
    exchange.backgroundTasks.add({ name: addition.definition.name, when: 'success', send });
  }
}
