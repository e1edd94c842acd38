// npm run demo:tasks: kills a worker in the middle of a task, and shows that
// the mail is sent all the same, once. Takes about half a minute.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const { DATABASE_URL } = process.env;
const folder = mkdtempSync(path.join(tmpdir(), 'callnext-orders-'));
const begun = Date.now();
const mails = new Map<string, string>();
const requests: http.IncomingMessage[] = [];
const waiting: (() => void)[] = [];

/** A mail service that knows idempotency keys, and is slow at first. */
const mailer = http.createServer(async (req, res) => {
  let body = '';
  for await (const chunk of req) body += chunk;
  const key = String(req.headers['idempotency-key']);
  say(`mailer: request for task ${key.slice(0, 8)}`);
  if (!mails.has(key)) mails.set(key, body);
  requests.push(req);
  waiting.shift()?.();
  if (requests.length > 1) res.end();
});

mailer.listen(0, '127.0.0.1');
await once(mailer, 'listening');
const { port } = mailer.address() as AddressInfo;
const env = {
  ...process.env,
  MAIL_URL: `http://127.0.0.1:${port}`,
  ORDERS_DATA: path.join(folder, 'data'),
  ORDERS_QUEUE: `orders-${process.pid}`,
  PORT: '0',
};
let children: ChildProcess[] = [];

try {
  let server = await start('server');
  let worker = DATABASE_URL ? await start('worker') : server;
  const answer = await fetch(server.url, {
    method: 'POST',
    body: JSON.stringify({ item: 'chair', customer: 'ada@example.com' }),
    headers: { 'content-type': 'application/json' },
  });
  say(`order: ${answer.status} ${await answer.text()}`);
  await asked(1);
  say('the worker is killed in the middle of the task');
  worker.child.kill('SIGKILL');
  await once(worker.child, 'exit');
  worker = await start(DATABASE_URL ? 'worker' : 'server');
  if (!DATABASE_URL) server = worker;
  await asked(2);
  say(`mails sent: ${mails.size}, in ${requests.length} attempts`);
  for (const each of new Set([server, worker])) {
    each.child.kill('SIGTERM');
    await once(each.child, 'exit');
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  mailer.closeAllConnections();
  mailer.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = mails.size === 1 ? 0 : 1;

async function start(
  name: 'server' | 'worker',
): Promise<{ child: ChildProcess; url: string }> {
  const file = path.join(import.meta.dirname, `${name}.js`);
  const child = spawn(process.execPath, [file], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children = [...children, child];
  const lines = createInterface({ input: child.stdout as never });
  lines.on('line', say);
  const [first] = (await once(lines, 'line')) as [string];
  return { child, url: first.split(' ').at(-1) ?? '' };
}

/** Resolves once the mail service has received this many requests. */
async function asked(times: number): Promise<void> {
  while (requests.length < times)
    await new Promise<void>(resolve => {
      waiting.push(resolve);
    });
}

function say(text: string): void {
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  console.log(`${seconds.padStart(5)} s  ${text}`);
}
