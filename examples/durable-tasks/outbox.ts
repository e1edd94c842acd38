// A task that is stored if and only if its transaction commits.
import { Depends, dependency, endpoint } from 'callnext';
import { outbox } from 'callnext/tasks';
import { getDb } from './resources.js';
import { sendMail } from './tasks.js';

export const statements: string[] = [];

/** Stands for a client of a PostgreSQL pool. */
const connection = {
  async query(text: string) {
    statements.push(text);
    return { rows: [] };
  },
};

const getTransaction = dependency({}, async function* transaction() {
  await connection.query('BEGIN');
  try {
    yield connection;
    await connection.query('COMMIT');
  } catch (error) {
    await connection.query('ROLLBACK');
    throw error;
  }
});

const getOutbox = outbox(Depends(getTransaction, { scope: 'function' }));

export const createOrder = endpoint(
  {
    db: Depends(getDb),
    outbox: Depends(getOutbox, { scope: 'function' }),
  },
  async ({ db, outbox, request }) => {
    const { email } = (await request.json()) as { email: string };
    const order = await db.add(email);
    outbox.addTask(sendMail, { orderId: order.id });
    return order;
  },
);
