import type { Outcome } from 'callnext/adapter';
import { type PgBossLike, pgBossQueue } from 'callnext/tasks/pg-boss';
import { gate } from '../support/events.js';
import { done, envelope, failed } from './work.js';

const rowWith = (data: object) => ({
  id: 'row',
  name: 'tasks',
  data,
  retryCount: 0,
  createdOn: new Date(0),
});

/** A pg-boss with one job, whose first acknowledgement fails. */
function flaky() {
  const inserted: string[] = [];
  let acknowledged: () => void = () => undefined;
  const whenAcknowledged = new Promise<void>(resolve => {
    acknowledged = resolve;
  });
  const jobs = [rowWith(envelope('mail'))];
  let isDown = true;
  const boss = {
    on: () => undefined,
    fetch: async () => jobs.splice(0),
    touch: async () => ({}),
    insert: async (queue: string, rows: readonly { id: string }[]) => {
      for (const { id } of rows) inserted.push(`${queue} ${id}`);
    },
    complete: async () => {
      if (!isDown) return acknowledged();
      isDown = false;
      throw new Error('The connection was lost.');
    },
  };
  return { boss: boss as unknown as PgBossLike, inserted, whenAcknowledged };
}

describe('pg-boss, whose acknowledgement fails once,', () => {
  it.each<[string, Outcome]>([
    ['tasks', failed('no luck', true)],
    ['tasks-dead', failed('no luck', false)],
    ['tasks', { kind: 'returned', error: new Error('unknown') }],
  ])('is given the same row in %s again: %#', async (queue, outcome) => {
    const { boss, inserted, whenAcknowledged } = flaky();
    const worker = await pgBossQueue(boss).work(async () => outcome, {
      concurrency: 1,
      report: console.error,
    });
    await whenAcknowledged;
    await worker.close();
    expect(inserted).toEqual([expect.stringMatching(`^${queue} [0-9a-f-]{36}$`), inserted[0]]);
  });

  it('is given no further row for a task that is done', async () => {
    const { boss, inserted, whenAcknowledged } = flaky();
    const worker = await pgBossQueue(boss).work(async () => done, { concurrency: 1, report: console.error });
    await whenAcknowledged;
    await worker.close();
    expect(inserted).toEqual([]);
  });
});

it('a task of pg-boss runs although a job beside it cannot become a dead letter', async () => {
  const jobs = [rowWith({ hello: 'world' }), rowWith(envelope('mail'))];
  const told: string[] = [];
  const boss = {
    on: () => undefined,
    fetch: async () => jobs.splice(0),
    touch: async () => ({}),
    complete: async () => undefined,
    insert: async () => {
      throw new Error('The disk is full.');
    },
  };
  const { opened, open } = gate<string>();
  const worker = await pgBossQueue(boss as unknown as PgBossLike).work(
    async ({ task }) => {
      open(task);
      return done;
    },
    { concurrency: 2, report: ({ message }) => told.push(message) },
  );
  expect([await opened, told]).toEqual(['mail', ['The disk is full.']]);
  await worker.close();
});
