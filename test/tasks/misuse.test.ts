import { bullmqQueue } from 'callnext/tasks/bullmq';
import { type PgBossLike, pgBossQueue } from 'callnext/tasks/pg-boss';

const boss = {
  on: () => undefined,
  fetch: () => undefined,
  insert: () => undefined,
  touch: () => undefined,
} as unknown as PgBossLike;

it.each([
  ['ARGUMENT', () => pgBossQueue({} as PgBossLike)],
  ['ARGUMENT', () => pgBossQueue(undefined as unknown as PgBossLike)],
  ['ARGUMENT', () => pgBossQueue({ ...boss, touch: undefined } as PgBossLike)],
  ['OPTION_VALUE', () => pgBossQueue(boss, { queue: 'a:b' })],
  ['OPTION_VALUE', () => pgBossQueue(boss, { pollMs: 0 })],
  ['UNKNOWN_OPTION', () => pgBossQueue(boss, { name: 'shop' } as never)],
  ['OPTIONS', () => bullmqQueue(undefined as never)],
  ['OPTION_VALUE', () => bullmqQueue({ queue: {} as never })],
  ['UNKNOWN_OPTION', () => bullmqQueue({ queues: [] } as never)],
])('throws %s when a queue is built wrongly', (code, build) => {
  expect(build).toThrow(expect.objectContaining({ code }));
});

it('rejects a worker of a queue that was built without one', async () => {
  const queue = bullmqQueue({ queue: { name: 'q', addBulk: () => undefined, on: () => undefined } as never });
  const run = async () => ({ kind: 'done' }) as const;
  await expect(queue.work(run, { concurrency: 1, report: () => undefined })).rejects.toMatchObject({
    code: 'OPTION_VALUE',
  });
});
