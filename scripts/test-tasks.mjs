// Runs the suites of durable tasks against PostgreSQL and Redis servers that it starts and stops. Debian:
// `apt-get install postgresql redis-server`.
import { execFileSync } from 'node:child_process';
import { withPostgres } from './own-postgres.mjs';
import { withRedis } from './own-redis.mjs';

await withPostgres('test:tasks', (url, restart) =>
  withRedis('test:tasks', port => {
    const env = {
      TASK_MODEL_RUNS: '100',
      ...process.env,
      TASKS_POSTGRES: url,
      TASKS_POSTGRES_RESTART: JSON.stringify(restart),
      TASKS_REDIS_PORT: String(port),
    };
    const suites = process.argv.length > 2 ? process.argv.slice(2) : ['test/tasks', 'test/examples/orders'];
    execFileSync('npx', ['jest', '-w', '1', ...suites], { env, stdio: 'inherit' });
  }),
);
