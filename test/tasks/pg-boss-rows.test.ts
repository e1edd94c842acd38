import type { Outcome } from 'callnext/adapter';
import { type PgBossLike, pgBossQueue } from 'callnext/tasks/pg-boss';
import { done, envelope, failed } from './work.js';

/** A pg-boss with one job, whose first acknowledgement fails. */
function flaky() {
  const inserted: string[] = [];
  let acknowledged: () => void = () => undefined;
  const whenAcknowledged = new Promise<void>(resolve => {
    acknowledged = resolve;
  });
  const job = { id: 'row', name: 'tasks', data: envelope('mail'), retryCount: 0, createdOn: new Date(0) };
  const jobs = [job];
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
