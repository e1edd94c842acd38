import { toNode } from 'callnext/node';
import { runWorker } from 'callnext/tasks';
import { override, TestClient } from 'callnext/testing';
import type * as Mails from '../../examples/orders/send-mail.js';
import type * as Shop from '../../examples/orders/shop.js';
import { eventually } from '../tasks/work.js';

// PostgreSQL compiled to WebAssembly starts slowly on a busy machine.
jest.setTimeout(60_000);

type Mail = Omit<Mails.Mail, 'signal'>;

describe('examples/orders', () => {
  const sent: Mail[] = [];
  /** How many attempts fail before a mail is sent. */
  let failures = 0;
  let client: TestClient;
  let shop: typeof Shop;
  let close: () => Promise<unknown>;

  beforeAll(async () => {
    // The servers of `npm run test:tasks`. The example reads its environment when it is loaded.
    const { TASKS_POSTGRES } = process.env;
    if (TASKS_POSTGRES !== undefined) process.env.DATABASE_URL = TASKS_POSTGRES;
    process.env.ORDERS_QUEUE = `orders-${process.pid}`;
    shop = require('../../examples/orders/shop.js');
    const { getMailer, sendMail }: typeof Mails = require('../../examples/orders/send-mail.js');
    override(shop.layer, getMailer, () => ({
      async send({ signal: _, ...mail }) {
        failures -= 1;
        if (failures >= 0) throw new Error('The mailer answered 503.');
        sent.push(mail);
      },
    }));
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    client = new TestClient(toNode(shop.layer, toNode(shop.createOrder)));
    const worker = await runWorker(shop.layer, [sendMail]);
    close = () => worker.close({ timeoutMs: 1000 });
  });

  afterAll(async () => {
    await close();
    await client.close();
    await shop.layer.close({ timeoutMs: 1000 });
    jest.restoreAllMocks();
  });

  const order = (item: string, customer: string) => client.post('/', { json: { item, customer } });
  const mailsTo = (customer: string) => sent.filter(({ to }) => to === customer);

  it('sends the mail of an order once, although the mailer fails at first', async () => {
    failures = 2;
    const response = await order('chair', 'ada@example.com');
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as { id: number };
    await eventually(async () => mailsTo('ada@example.com').length > 0);
    expect(mailsTo('ada@example.com')).toEqual([
      { to: 'ada@example.com', text: `Thank you for order ${id}.`, idempotencyKey: expect.any(String) },
    ]);
  });

  it('sends no mail for an order that is rolled back, and none to what is no address', async () => {
    failures = 0;
    expect((await order('sofa', 'sofa@example.com')).status).toBe(409);
    expect((await order('chair', 'nowhere')).status).toBe(201);
    expect((await order('chair', 'last@example.com')).status).toBe(201);
    await eventually(async () => mailsTo('last@example.com').length > 0);
    expect([mailsTo('sofa@example.com'), mailsTo('nowhere')]).toEqual([[], []]);
  });
});
