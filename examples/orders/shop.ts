// An order, and the mail that must follow it: stored in one transaction.
import { Depends, dependency, endpoint, HTTPException, Layer } from 'callnext';
import { outbox } from 'callnext/tasks';
import { type Database, database } from './database.js';
import { hasOutbox, taskQueue } from './queue.js';
import { type MailArguments, sendMail } from './send-mail.js';

export const layer = new Layer({
  taskQueue,
  onError: (error, { phase }) => console.error(`${phase}: ${error.message}`),
});

const schema = [
  'CREATE TABLE IF NOT EXISTS stock (item text PRIMARY KEY, quantity integer CHECK (quantity >= 0))',
  'CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, item text NOT NULL, customer text NOT NULL)',
  "INSERT INTO stock VALUES ('chair', 100) ON CONFLICT DO NOTHING",
];

async function* openDatabase(): AsyncGenerator<Database> {
  try {
    const connection = await database.connect();
    for (const statement of schema) await connection.query(statement);
    connection.release();
    yield database;
  } finally {
    await database.end();
  }
}
const getDatabase = Depends(openDatabase, { scope: 'app' });

export const getConnection = dependency(
  { database: getDatabase },
  async function* connection({ database }) {
    const connection = await database.connect();
    try {
      yield connection;
    } finally {
      connection.release();
    }
  },
);

export const getTransaction = dependency(
  { connection: Depends(getConnection, { scope: 'function' }) },
  async function* transaction({ connection }) {
    await connection.query('BEGIN');
    try {
      yield connection;
      await connection.query('COMMIT');
    } catch (error) {
      await connection.query('ROLLBACK');
      throw error;
    }
  },
);

/** What `outbox` and `backgroundTasks` have in common. */
interface Tasks {
  addTask(task: typeof sendMail, args: MailArguments): unknown;
}

/**
 * Stores its tasks in the transaction. Redis has no part in it: there the tasks
 * are sent after the response, and lost if the process dies before that.
 */
const getTasks: Depends<Tasks, 'function'> = hasOutbox
  ? Depends(outbox(Depends(getTransaction, { scope: 'function' })), {
      scope: 'function',
    })
  : Depends(({ backgroundTasks }) => backgroundTasks, { scope: 'function' });

export const createOrder = endpoint(
  {
    transaction: Depends(getTransaction, { scope: 'function' }),
    tasks: getTasks,
  },
  async ({ transaction, tasks, request, response }) => {
    const { item, customer } = (await request.json()) as Order;
    const { rows } = await transaction.query(
      'INSERT INTO orders (item, customer) VALUES ($1, $2) RETURNING id',
      [item, customer],
    );
    const [order] = rows as { id: number }[];
    tasks.addTask(sendMail, { orderId: order?.id ?? 0, customer });
    const taken = await transaction.query(
      'UPDATE stock SET quantity = quantity - 1 WHERE item = $1 AND quantity > 0 RETURNING 1',
      [item],
    );
    // The order is rolled back, and its mail with it.
    if (taken.rows.length === 0) throw new HTTPException(409, 'Out of stock');
    response.status = 201;
    return order;
  },
);

interface Order {
  readonly item: string;
  readonly customer: string;
}
