// Compares examples/migration with FastAPI itself, path by path. Debian: `apt-get install python3-fastapi
// python3-uvicorn python3-itsdangerous`.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { createApp, steps } from '../dist/examples/migration/app.js';
import { visit } from '../dist/examples/migration/visit.js';

const python = ['/usr/bin/python3', 'python3'].find(
  command => spawnSync(command, ['-c', 'import fastapi, uvicorn, itsdangerous']).status === 0,
);
if (python === undefined) {
  console.error(
    'test:starlette needs FastAPI, which is not installed: ' +
      '`apt-get install python3-fastapi python3-uvicorn python3-itsdangerous`.',
  );
  process.exit(1);
}
const SECRET_KEY = 'a secret that both services know';
const port = await freePort();
const fastapi = spawn(
  python,
  ['-m', 'uvicorn', 'main:app', '--port', String(port), '--log-level', 'warning'],
  {
    cwd: path.join(import.meta.dirname, '../examples/migration'),
    env: { ...process.env, SECRET_KEY, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  },
);
try {
  const url = `http://127.0.0.1:${port}`;
  await answers(url);
  const before = await visit(createApp(url, SECRET_KEY, []));
  for (let count = 1; count <= steps.length; count += 1)
    assert.deepEqual(await visit(createApp(url, SECRET_KEY, steps.slice(0, count))), before);
  console.log(
    `A FastAPI service moved in ${steps.length} steps: its users saw the same before, between and after.`,
  );
} finally {
  fastapi.kill();
}

function freePort() {
  return new Promise(resolve => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address();
      server.close(() => resolve(free));
    });
  });
}

async function answers(url) {
  for (let tries = 0; tries < 100; tries += 1) {
    if (fastapi.exitCode !== null) throw new Error(`uvicorn ended with ${fastapi.exitCode}.`);
    const response = await fetch(`${url}/cart`).catch(() => undefined);
    if (response) return;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  throw new Error('uvicorn does not answer.');
}
