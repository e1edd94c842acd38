// A transaction as a dependency: it commits before the response is sent, and
// rolls back on any failure. Express and Koa mount it.
import { Depends, dependency, endpoint, HTTPException, Layer } from 'callnext';
import { type Connection, openDatabase } from './database.js';

const schema = [
  'DROP TABLE IF EXISTS mails, orders, stock, customers',
  'CREATE TABLE customers (name text PRIMARY KEY)',
  'CREATE TABLE stock (item text PRIMARY KEY, quantity integer NOT NULL)',
  `CREATE TABLE orders (id serial PRIMARY KEY, item text, quantity integer NOT NULL CHECK (quantity > 0),
    customer text REFERENCES customers DEFERRABLE INITIALLY DEFERRED)`,
  'CREATE TABLE mails (customer text NOT NULL, text text NOT NULL)',
  "INSERT INTO customers VALUES ('ada')",
  "INSERT INTO stock VALUES ('chair', 3)",
];

/** Opened by `layer.start()`, closed by `layer.close()`. */
async function* getDatabase() {
  const database = await openDatabase();
  try {
    const connection = await database.connect();
    for (const statement of schema) await connection.query(statement);
    connection.release();
    yield database;
  } finally {
    await database.end();
  }
}
const database = Depends(getDatabase, { scope: 'app' });

export const layer = new Layer({ dependencies: [database] });

const getConnection = dependency(
  { database },
  async function* connection({ database }) {
    const connection = await database.connect();
    try {
      yield connection;
    } finally {
      connection.release();
    }
  },
);

/** What PostgreSQL says was violated; COMMIT checks a deferred foreign key. */
const violations: Readonly<Record<string, string>> = {
  23503: 'Unknown customer',
  23514: 'Not a quantity',
};

function violationOf(error: unknown): unknown {
  const violated = violations[(error as { code?: string }).code ?? ''];
  return violated ? new HTTPException(409, violated, { cause: error }) : error;
}

/**
 * Has the scope `function`, so the client receives the error of a failed
 * commit.
 */
export const getTransaction = dependency(
  { connection: Depends(getConnection, { scope: 'function' }) },
  async function* transaction({ connection }) {
    try {
      await connection.query('BEGIN');
      yield connection;
      await connection.query('COMMIT');
    } catch (error) {
      await connection.query('ROLLBACK');
      throw violationOf(error);
    }
  },
);

/** Runs after the response and the transaction, with its own connection. */
async function sendMail(customer: string, text: string): Promise<void> {
  await layer.run({ connection: Depends(getConnection) }, ({ connection }) =>
    connection.query('INSERT INTO mails VALUES ($1, $2)', [customer, text]),
  );
}

export const createOrder = endpoint(
  { transaction: Depends(getTransaction, { scope: 'function' }) },
  async ({ transaction, request, response, backgroundTasks }) => {
    const { item, quantity, customer } = (await request.json()) as Order;
    backgroundTasks.addTask(sendMail, customer, `${quantity} × ${item}`);
    const inserted = await transaction.query(
      'INSERT INTO orders (item, quantity, customer) VALUES ($1, $2, $3) RETURNING id',
      [item, quantity, customer],
    );
    const { rows } = await transaction.query(
      'UPDATE stock SET quantity = quantity - $1 WHERE item = $2 AND quantity >= $1 RETURNING quantity',
      [quantity, item],
    );
    if (rows.length === 0) throw new HTTPException(409, 'Out of stock'); // the order is rolled back
    response.status = 201;
    return inserted.rows[0];
  },
);

export const listOrders = endpoint(
  { connection: Depends(getConnection) },
  ({ connection }) => ordersOf(connection),
);

async function ordersOf(connection: Connection): Promise<unknown[]> {
  const { rows } = await connection.query(
    'SELECT item, quantity, customer FROM orders ORDER BY id',
  );
  return rows;
}

interface Order {
  readonly item: string;
  readonly quantity: number;
  readonly customer: string;
}
