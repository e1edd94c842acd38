import type { RequestListener } from 'node:http';
import { Depends } from 'callnext';
import { app as expressApp } from '../../examples/transactions/express.js';
import { app as koaApp } from '../../examples/transactions/koa.js';
import { getTransaction, layer } from '../../examples/transactions/shop.js';
import { listening } from '../support/frameworks.js';

const apps: [string, RequestListener][] = [
  ['Express', expressApp as RequestListener],
  ['Koa', koaApp.callback()],
];

/** Reads the database once nobody uses it. */
function read(sql: string): Promise<unknown[]> {
  return layer.run(
    { transaction: Depends(getTransaction, { scope: 'function' }) },
    async ({ transaction }) => {
      const { rows } = await transaction.query(sql);
      return rows;
    },
  );
}

function posted(body: object): RequestInit {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', headers, body: JSON.stringify(body) };
}

beforeAll(() => layer.start(), 60_000);
afterAll(() => layer.close({ timeoutMs: 5000 }));

describe.each(apps)('examples/transactions on %s', (_name, listener) => {
  beforeEach(async () => {
    await read('DELETE FROM orders');
    await read('DELETE FROM mails');
    await read("UPDATE stock SET quantity = 3 WHERE item = 'chair'");
  });

  const order = (body: object): Promise<{ status: number; body: unknown; orders: unknown }> =>
    listening(listener, async url => {
      const response = await fetch(`${url}/orders`, posted(body));
      const answer = await response.json();
      const orders = await (await fetch(`${url}/orders`)).json();
      return { status: response.status, body: answer, orders };
    });

  it('commits before the client has its answer, so its next read sees the change', async () => {
    const { status, body, orders } = await order({ item: 'chair', quantity: 2, customer: 'ada' });
    expect([status, body]).toEqual([201, { id: expect.any(Number) }]);
    expect(orders).toEqual([{ item: 'chair', quantity: 2, customer: 'ada' }]);
    expect(await read('SELECT quantity FROM stock')).toEqual([{ quantity: 1 }]);
    expect(await mails()).toEqual([{ customer: 'ada', text: '2 × chair' }]);
  });

  /** The task has its own connection, and may not have run yet. */
  async function mails(): Promise<unknown[]> {
    for (;;) {
      const rows = await read('SELECT * FROM mails');
      if (rows.length > 0) return rows;
    }
  }

  it.each([
    ['an HTTPException of the endpoint', { item: 'chair', quantity: 9, customer: 'ada' }, 'Out of stock'],
    ['what the database refuses', { item: 'chair', quantity: -1, customer: 'ada' }, 'Not a quantity'],
    ['a commit that fails', { item: 'chair', quantity: 1, customer: 'nobody' }, 'Unknown customer'],
  ])('rolls back for %s, informs the client and sends no mail', async (_title, given, detail) => {
    const { status, body, orders } = await order(given);
    expect([status, body]).toEqual([409, { detail }]);
    expect(orders).toEqual([]);
    expect(await read('SELECT quantity FROM stock')).toEqual([{ quantity: 3 }]);
    expect(await read('SELECT * FROM mails')).toEqual([]);
  });

  it('keeps concurrent transactions apart', async () => {
    await listening(listener, async url => {
      const init = posted({ item: 'chair', quantity: 1, customer: 'ada' });
      const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`${url}/orders`, init)));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([201, 201, 201, 409, 409, 409, 409, 409]);
    });
    expect(await read('SELECT quantity FROM stock')).toEqual([{ quantity: 0 }]);
    expect(await read('SELECT count(*)::int FROM orders')).toEqual([{ count: 3 }]);
  });
});
