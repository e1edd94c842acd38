import { PGlite } from '@electric-sql/pglite';
import type { SqlExecutor } from 'callnext/adapter';

/** Why docs/guides/task-queues.md asks for a lock: PGlite has one session. */
describe('pg-boss and an app in one PGlite without a lock', () => {
  const { fromPglite } = require('pg-boss') as { fromPglite: (pglite: PGlite) => SqlExecutor };
  let pglite: PGlite;
  let boss: SqlExecutor;

  beforeAll(async () => {
    pglite = await PGlite.create();
    boss = fromPglite(pglite);
    await pglite.exec('CREATE TABLE jobs (id integer); CREATE TABLE orders (id integer)');
  }, 60_000);

  afterAll(() => pglite.close());

  const count = async (table: string): Promise<unknown> => {
    const { rows } = await pglite.query<{ count: number }>(`SELECT count(*)::integer FROM ${table}`);
    return rows[0]?.count;
  };

  it("make a job of pg-boss part of the app's transaction, which may roll back", async () => {
    await pglite.query('BEGIN');
    await boss.executeSql('INSERT INTO jobs VALUES ($1)', [1]);
    await pglite.query('ROLLBACK');
    expect(await count('jobs')).toBe(0);
  });

  it("let a failed statement of pg-boss roll back the app's transaction", async () => {
    await pglite.query('BEGIN');
    await pglite.query('INSERT INTO orders VALUES (1)');
    await expect(boss.executeSql('SELECT * FROM missing')).rejects.toThrow('missing');
    await pglite.query('COMMIT');
    expect(await count('orders')).toBe(0);
  });
});
