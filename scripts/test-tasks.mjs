// Runs the suites of durable tasks against PostgreSQL and Redis servers that it starts and stops. Debian:
// `apt-get install postgresql redis-server`.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { withPostgres } from './own-postgres.mjs';
import { freePort, listening } from './own-server.mjs';

if (spawnSync('redis-server', ['--version']).error) {
  console.error('test:tasks needs Redis, which is not installed: `apt-get install redis-server`.');
  process.exit(1);
}
await withPostgres('test:tasks', (url, restart) =>
  withRedis(port => {
    const env = {
      ...process.env,
      TASKS_POSTGRES: url,
      TASKS_POSTGRES_RESTART: JSON.stringify(restart),
      TASKS_REDIS_PORT: String(port),
    };
    const jest = ['jest', 'test/tasks', 'test/examples/orders', ...process.argv.slice(2)];
    execFileSync('npx', jest, { env, stdio: 'inherit' });
  }),
);

async function withRedis(use) {
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  try {
    await listening('Redis', () =>
      execFileSync('redis-cli', ['-p', String(port), 'ping'], { stdio: 'ignore' }),
    );
    await use(port);
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
}
