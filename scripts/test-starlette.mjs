// Shares one session between `sessions()` and Starlette's own SessionMiddleware. Debian: `apt-get install
// python3-starlette python3-itsdangerous`.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { sessions } from 'callnext/middleware/sessions';
import express from 'express';
import Koa from 'koa';

const python = ['/usr/bin/python3', 'python3'].find(
  command => spawnSync(command, ['-c', 'import starlette, itsdangerous']).status === 0,
);
if (python === undefined) {
  console.error(
    'test:starlette needs Starlette, which is not installed: ' +
      '`apt-get install python3-starlette python3-itsdangerous`.',
  );
  process.exit(1);
}
const secretKey = 'a secret, é文';
const program = path.join(import.meta.dirname, 'starlette-sessions.py');
const starlette = spawn(python, [program, secretKey], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface(starlette.stdout)[Symbol.asyncIterator]();

async function askStarlette(cookie) {
  starlette.stdin.write(`${JSON.stringify(cookie)}\n`);
  return JSON.parse((await lines.next()).value);
}

async function askNode(url, cookie) {
  const response = await fetch(url, { headers: { cookie } });
  const [line] = response.headers.getSetCookie();
  return { session: await response.json(), cookie: line.split(';')[0] };
}

const visit = endpoint({}, ({ request }) => {
  const before = structuredClone({ ...request.session });
  request.session.visits = [...(request.session.visits ?? []), 'node é文'];
  return before;
});
const layer = new Layer({ middleware: [sessions({ secretKey })] });
const apps = {
  Express: express().use(toExpress(layer)).use(toExpress(visit)),
  Koa: new Koa().use(toKoa(layer)).use(toKoa(visit)).callback(),
};
try {
  for (const [name, app] of Object.entries(apps)) {
    const server = http.createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${server.address().port}/`;
    const visits = [];
    let cookie = '';
    for (let round = 0; round < 3; round += 1) {
      for (const [who, ask] of [
        ['python', askStarlette],
        ['node', each => askNode(url, each)],
      ]) {
        const got = await ask(cookie);
        assert.deepEqual(got.session, visits.length === 0 ? {} : { visits });
        visits.push(`${who} é文`);
        cookie = got.cookie;
      }
    }
    server.closeAllConnections();
    server.close();
    console.log(`Starlette and ${name} have kept one session in turn, ${visits.length} times.`);
  }
} finally {
  starlette.kill();
}
