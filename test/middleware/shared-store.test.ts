import { PGlite } from '@electric-sql/pglite';
import { endpoint, Layer } from 'callnext';
import { rateLimit } from 'callnext/middleware/rate-limit';
import { Pool } from 'pg';
import { RateLimiterPostgres } from 'rate-limiter-flexible';
import { ask } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';

interface Query {
  readonly text: string;
  readonly values?: unknown[];
}

/** The server of `npm run test:postgres`, otherwise PostgreSQL within this process. */
async function openStore(): Promise<{ client: unknown; close: () => Promise<void> }> {
  const { DATABASE_URL } = process.env;
  if (DATABASE_URL !== undefined) {
    const pool = new Pool({ connectionString: DATABASE_URL });
    return { client: pool, close: () => pool.end() };
  }
  const database = await PGlite.create();
  const query = (asked: Query | string) =>
    typeof asked === 'string' ? database.query(asked) : database.query(asked.text, asked.values);
  return { client: { query }, close: () => database.close() };
}

function limiterOver(client: unknown): Promise<RateLimiterPostgres> {
  return new Promise((resolve, reject) => {
    const options = {
      storeClient: client,
      storeType: 'client',
      tableName: 'rate_limits',
      points: 4,
      duration: 60,
    };
    const limiter = new RateLimiterPostgres(options, error => (error ? reject(error) : resolve(limiter)));
  });
}

// PostgreSQL compiled to WebAssembly starts slowly on a busy machine.
it('counts a client across all servers that share a store', async () => {
  const store = await openStore();
  try {
    const answers: number[] = [];
    for (const framework of [...frameworks, ...frameworks]) {
      const limiter = await limiterOver(store.client);
      const layer = new Layer({ middleware: [rateLimit({ limiter })] });
      const app = framework
        .app()
        .use(layer)
        .at(
          '/',
          endpoint({}, () => 'answer'),
        );
      answers.push(await listening(app.listener(), async (_url, port) => (await ask(port)).status));
    }
    expect(answers).toEqual([200, 200, 200, 200, 429, 429, 429, 429]);
  } finally {
    await store.close();
  }
}, 120_000);
