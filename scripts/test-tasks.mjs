// Runs the suites of durable tasks against PostgreSQL and Redis servers that it starts and stops, and the
// demo that kills a worker. Debian: `apt-get install postgresql redis-server`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { withPostgres } from './own-postgres.mjs';
import { withRedis } from './own-redis.mjs';

const chosen = process.argv.slice(2);
const suites = chosen.length > 0 ? chosen : ['test/tasks', 'test/examples/orders'];

await withPostgres('test:tasks', (url, restart) =>
  withRedis('test:tasks', async port => {
    const jest = run('npx', ['jest', '-w', '1', ...suites], {
      TASK_MODEL_RUNS: process.env.TASK_MODEL_RUNS ?? '100',
      TASKS_POSTGRES: url,
      TASKS_POSTGRES_RESTART: JSON.stringify(restart),
      TASKS_REDIS_PORT: String(port),
    });
    const demo = chosen.length > 0 ? undefined : run(process.execPath, ['dist/examples/orders/demo.js'], {});
    await Promise.all([jest, demo]);
  }),
);

async function run(command, args, env) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code === 0) return;
  console.error(`\`${command} ${args.join(' ')}\` failed.`);
  process.exitCode = 1;
}
