// Runs examples/transactions, and a store shared by servers, against a PostgreSQL server that it starts and
// stops. Debian: `apt-get install postgresql`.
import { execFileSync } from 'node:child_process';
import { withPostgres } from './own-postgres.mjs';

await withPostgres('test:postgres', url => {
  const env = { ...process.env, DATABASE_URL: url };
  execFileSync('npx', ['jest', 'test/examples/transactions', 'test/middleware/shared-store'], {
    env,
    stdio: 'inherit',
  });
});
