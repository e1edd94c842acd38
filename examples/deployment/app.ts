import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Depends, Layer } from 'callnext';
import { backgroundTasks, inject, toExpress } from 'callnext/express';
import express from 'express';

export const journal: string[] = [];

async function* getPool() {
  const pool = { isOpen: true }; // yours: a pool of connections
  yield pool;
  pool.isOpen = false;
  journal.push('pool closed');
}
const pool = Depends(getPool, { scope: 'app' });

async function sendMail() {
  await delay(50);
  journal.push('mail sent');
}

// Listed, so that `layer.start()` enters the pool.
export const layer = new Layer({ dependencies: [pool], timeout: 30_000 });

let isReady = true;

export const app = express();
app.set('trust proxy', 1); // one proxy stands before this app
// Above the layer.
app.get('/ready', (_req, res) => void res.sendStatus(isReady ? 200 : 503));
app.use(toExpress(layer));
app.get('/me', (req, res) => void res.json({ ip: req.ip, secure: req.secure }));
app.post('/orders', async (req, res) => {
  const { isOpen } = await inject(req, pool);
  backgroundTasks(req).addTask(sendMail);
  await delay(50);
  res.status(201).json({ isOpen });
});

export const server = http.createServer(app);
// Longer than the idle timeout of the proxy, which must close first.
server.keepAliveTimeout = 65_000;

/** Resolves with the names of what did not end in time. */
export async function shutDown(noticeMs: number): Promise<string[]> {
  isReady = false; // the load balancer stops sending requests
  await delay(noticeMs); // until it has noticed
  server.close(); // accepts no new connection, and closes idle ones
  const { responses, exits, tasks } = await layer.close({ timeoutMs: 10_000 });
  server.closeAllConnections(); // event streams, for instance
  return [...responses, ...exits, ...tasks];
}
