// Starts a Redis server of its own for a script. Debian: `apt-get install redis-server`.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { freePort, listening } from './own-server.mjs';

/** Runs `use` with the port of a server on loopback. Exits with a message if Redis is not installed. */
export async function withRedis(script, use) {
  if (spawnSync('redis-server', ['--version']).error) {
    console.error(`${script} needs Redis, which is not installed: \`apt-get install redis-server\`.`);
    process.exit(1);
  }
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  try {
    const ping = () => execFileSync('redis-cli', ['-p', String(port), 'ping'], { stdio: 'ignore' });
    await listening('Redis', ping);
    await use(port);
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
}
