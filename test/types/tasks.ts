// Durable tasks: programs that must compile, and lines that must not. `npm run types` compiles this file.
import { BackgroundTasks, Depends, dependency, endpoint, Layer } from 'callnext';
import { memoryQueue, outbox, runWorker, type TaskInfo, task } from 'callnext/tasks';
import { z } from 'zod';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_Holds extends true>(): void => undefined;

interface Order {
  readonly id: string;
  readonly items?: readonly { price: number | null }[];
}
const getDb = (): { find(id: string): Order } => ({ find: id => ({ id }) });

const sendMail = task('send-mail', { db: Depends(getDb) }, ({ db, task: info, request }, order: Order) => {
  is<Equal<typeof info, TaskInfo>>();
  is<Equal<typeof request.path, string>>();
  return db.find(order.id);
});
const nightly = task('nightly', {}, () => 1);
const optional = task('optional', {}, (_context, _name: string | undefined) => undefined);
const dated = task('dated', {}, (_context, { at }) => at.getTime(), {
  args: z.object({ at: z.coerce.date<string>() }),
  attempts: 3,
});

const tasks = new BackgroundTasks();
tasks.addTask(sendMail, { id: '7', items: [{ price: null }] }, { id: 'x', delayMs: 5, when: 'always' });
tasks.addTask(nightly);
tasks.addTask(nightly, undefined, { delayMs: 5 });
tasks.addTask(optional);
tasks.addTask(optional, 'name');
tasks.addTask(dated, { at: '2026-01-01' });
tasks.addTask(getDb);
void tasks.enqueue(sendMail, { id: '7' }).then(({ id }) => is<Equal<typeof id, string>>());

// @ts-expect-error The argument has another type.
tasks.addTask(sendMail, { id: 7 });
// @ts-expect-error The argument is missing.
tasks.addTask(sendMail);
// @ts-expect-error A task without arguments takes none.
tasks.addTask(nightly, 'tonight');
// @ts-expect-error There is no such option.
tasks.addTask(sendMail, { id: '7' }, { delay: 5 });
// @ts-expect-error `when` belongs to the list of a request.
void tasks.enqueue(sendMail, { id: '7' }, { when: 'always' });
// @ts-expect-error The schema reads a string.
tasks.addTask(dated, { at: 5 });

const withFunction = task('with-function', {}, (_context, _args: { done: () => void }) => undefined);
// @ts-expect-error A function cannot be stored.
tasks.addTask(withFunction, { done: () => undefined });
const withDate = task('with-date', {}, (_context, _args: { at: Date }) => undefined);
// @ts-expect-error A `Date` needs a schema.
tasks.addTask(withDate, { at: new Date() });

// @ts-expect-error `task` is the name of the task's own information.
task('named', { task: Depends(getDb) }, () => undefined);
// @ts-expect-error An undeclared name is not available.
task('undeclared', { db: Depends(getDb) }, ({ database }) => database);
// @ts-expect-error The schema must be one.
task('schema', {}, () => undefined, { args: { id: 'string' } });

const layer = new Layer({
  taskQueue: memoryQueue(),
  whenQueueFails: (envelope, error) => console.log(envelope.id, error),
});
void layer.runTask(sendMail, { id: '7' }).then(order => is<Equal<typeof order, Order>>());
void layer.runTask(nightly).then(count => is<Equal<typeof count, number>>());
// @ts-expect-error The argument is missing.
void layer.runTask(sendMail);
// @ts-expect-error That is not a queue.
new Layer({ taskQueue: {} });

void runWorker(layer, [sendMail, nightly, dated], { concurrency: 2 }).then(async worker => {
  await worker.every('0 3 * * *', nightly);
  await worker.every('0 3 * * *', sendMail, { id: '7' }, { timezone: 'Europe/Berlin' });
  // @ts-expect-error The argument is missing.
  await worker.every('0 3 * * *', sendMail);
  const { tasks: left } = await worker.close({ timeoutMs: 5 });
  is<Equal<typeof left, readonly string[]>>();
});

const getTransaction = dependency({}, async function* () {
  yield { query: async (_text: string, _values?: unknown[]) => ({ rows: [] as unknown[] }), isOpen: true };
});
const getOutbox = outbox(Depends(getTransaction, { scope: 'function' }));
endpoint({ box: Depends(getOutbox, { scope: 'function' }) }, ({ box }) => {
  box.addTask(sendMail, { id: '7' });
  // @ts-expect-error The argument has another type.
  box.addTask(sendMail, { id: 7 });
  return null;
});
// @ts-expect-error An outbox cannot outlive its transaction.
Depends(getOutbox, { scope: 'request' });

const getKnex = (): { raw(text: string): Promise<object> } => ({ raw: async () => ({}) });
outbox(Depends(getKnex), {
  executeSql: async (knex, text) => {
    await knex.raw(text);
    return { rows: [] };
  },
});
// @ts-expect-error It has no `query`.
outbox(Depends(getKnex));
