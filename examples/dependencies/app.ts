// What docs/reference/dependencies.md shows, in one app.
import {
  Depends,
  dependency,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
  type Response,
} from 'callnext';
import { inject, toExpress } from 'callnext/express';
import express from 'express';

/** What happened, for the test. */
export const journal: string[] = [];

class Database {
  #rows: string[] = [];
  insert(row: string) {
    this.#rows.push(row);
    return this.#rows.length;
  }
  userOf(token: string | null) {
    return token === 'secret' ? { name: 'ada' } : undefined;
  }
}

async function* getDb() {
  const db = new Database();
  journal.push('open');
  try {
    yield db; // the value
  } finally {
    journal.push('close'); // the exit
  }
}

const getUser = dependency({ db: Depends(getDb) }, async ({ db, request }) => {
  const user = db.userOf(request.headers.get('authorization'));
  if (!user) throw new HTTPException(401);
  return user;
});

const readMe = endpoint(
  { user: Depends(getUser), db: Depends(getDb) },
  ({ user }) => user,
);

let made = 0;
const nextNumber = () => ++made;
const numbers = endpoint(
  {
    a: Depends(nextNumber),
    b: Depends(nextNumber), // the same call, so the same value
    c: Depends(nextNumber, { useCache: false }), // a call of its own
  },
  ({ a, b, c }) => ({ isShared: a === b, isNew: b !== c }),
);

class Page {
  readonly limit: number;
  constructor({ request }: Injected) {
    this.limit = Number(request.queryParams.get('limit') ?? 10);
  }
}
const page = Depends((context: Injected) => new Page(context));

interface Transaction {
  insert(row: string): void;
}

async function* getTransaction(): AsyncGenerator<
  Transaction,
  void,
  Response | undefined
> {
  journal.push('begin');
  try {
    const sent = yield { insert: row => journal.push(`insert ${row}`) };
    journal.push(`commit for a ${sent?.status}`);
  } catch (error) {
    journal.push('rollback');
    throw error;
  }
}
const tx = Depends(getTransaction, { scope: 'function' });

export const layer = new Layer({ onError: () => undefined });

export const app = express();
app.use(toExpress(layer));
app.get('/me', toExpress(readMe));
app.get('/numbers', toExpress(numbers));
app.get('/page', toExpress(endpoint({ page }, ({ page }) => page.limit)));
app.get('/legacy/me', async (req, res, next) => {
  try {
    const user = await inject(req, Depends(getUser));
    res.json(user);
  } catch (error) {
    next(error);
  }
});
app.post('/legacy/orders', async (req, res) => {
  await inject(req, { tx, user: Depends(getUser) }, async ({ tx, user }) => {
    res.status(201).json({ for: user.name });
    tx.insert(user.name); // the commit waits for this insert
  });
});
