import { Layer } from 'callnext';
import { toNode } from 'callnext/node';
import { collectingQueue, type SqlExecutor, type TaskEnvelope } from 'callnext/tasks';
import { override, TestClient } from 'callnext/testing';
import { app as expressApp } from '../../examples/durable-tasks/express.js';
import { app as koaApp } from '../../examples/durable-tasks/koa.js';
import { createOrder as createOrderInOutbox, statements } from '../../examples/durable-tasks/outbox.js';
import { getMailer, sent } from '../../examples/durable-tasks/resources.js';
import { layer } from '../../examples/durable-tasks/shop.js';
import { remind, sendMail } from '../../examples/durable-tasks/tasks.js';

afterAll(() => layer.close());

describe.each([
  ['Express', expressApp],
  ['Koa', koaApp],
])('examples/durable-tasks on %s', (_name, app) => {
  beforeEach(() => sent.splice(0));

  it('sends a mail from a worker, after the response', async () => {
    await using client = new TestClient(app);
    const response = await client.post('/orders', { json: { email: 'ada@example.com' } });
    expect(response.status).toBe(201);
    await client.settled();
    expect(sent).toEqual([{ to: 'ada@example.com', idempotencyKey: expect.any(String) }]);
    expect(client.trace.filter(step => step !== 'getMailer enter')).toEqual([
      'getDb enter',
      'POST /orders',
      'sent 201',
      'getDb exit',
      'queue send-mail',
      'getDb enter',
      'task send-mail',
      'getDb exit',
    ]);
  });

  it('accepts a reminder once the queue has it, and reads its date back', async () => {
    await using client = new TestClient(app);
    const json = { email: 'ada@example.com', at: '2027-01-01T00:00:00.000Z' };
    const response = await client.post('/reminders', { json });
    expect([response.status, await response.json()]).toEqual([202, { id: expect.any(String) }]);
    await client.settled();
    expect(sent).toEqual([
      {
        to: 'ada@example.com',
        idempotencyKey: expect.any(String),
        subject: 'See you at 2027-01-01T00:00:00.000Z',
      },
    ]);
  });
});

it('examples/durable-tasks: a task runs alone, with overrides', async () => {
  const tried = new Layer();
  const mails: string[] = [];
  const fake = { send: async (to: string) => void mails.push(to) };
  override(tried, getMailer, () => fake);
  await tried.runTask(remind, { email: 'ada@example.com', at: '2027-01-01' });
  await expect(tried.runTask(sendMail, { orderId: 99 })).rejects.toThrow('There is no order 99.');
  expect(mails).toEqual(['ada@example.com']);
  await tried.close();
});

it('examples/durable-tasks: an outbox stores its tasks before the commit', async () => {
  const insert = async (envelopes: readonly TaskEnvelope[], { executeSql }: SqlExecutor): Promise<void> => {
    for (const { task } of envelopes) await executeSql(`INSERT ${task}`);
  };
  const taskQueue = Object.assign(collectingQueue(), { insert });
  const shop = new Layer({ taskQueue });
  await using client = new TestClient(toNode(shop, toNode(createOrderInOutbox)));
  await client.post('/', { json: { email: 'ada@example.com' } });
  expect(statements).toEqual(['BEGIN', 'INSERT send-mail', 'COMMIT']);
  await client.post('/', { body: 'no JSON' });
  expect(statements.slice(3)).toEqual(['BEGIN', 'ROLLBACK']);
});
