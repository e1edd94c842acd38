// Two requests, to count our code that runs for each, on connections that have already served others.
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import express from 'express';
import Koa from 'koa';
import { compiled, takeSteps } from './instrument.mjs';
import { promisesOf } from './promises.mjs';

const load = name => import(pathToFileURL(path.join(compiled, name)));
const { Depends, endpoint, Layer } = await load('core/index.js');
const { toExpress } = await load('adapters/express/index.js');
const { toKoa } = await load('adapters/koa/index.js');

const timing = async (request, callNext) => {
  const start = performance.now();
  const response = await callNext(request);
  response.headers.set('x-process-time', String(performance.now() - start));
  return response;
};

/** Express 5: `res.json` below one middleware. */
export function walkExpress() {
  const app = express();
  app.use(toExpress(new Layer({ middleware: [timing] })));
  app.get('/', (_req, res) => res.json({ message: 'Hello, world' }));
  return walk(app);
}

/** Koa 3: an endpoint below one middleware, with a dependency that yields and a task. */
export function walkKoa() {
  const connection = Depends(async function* connect() {
    yield 'connection';
  });
  const answer = endpoint({ connection }, async ({ backgroundTasks }) => {
    backgroundTasks.addTask(async () => undefined);
    return { message: 'Hello, world' };
  });
  const app = new Koa();
  app.use(toKoa(new Layer({ middleware: [timing] })));
  app.use(toKoa(answer));
  return walk(app.callback());
}

async function walk(listener) {
  const server = http.createServer(listener);
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    await ask(server, agent);
    await ask(server, agent);
    takeSteps();
    await ask(server, agent);
    const { steps, objects, files } = takeSteps();
    // Counted in another request, because the hook records a stack for each promise.
    const promises = await promisesOf([compiled, timing.name], () => ask(server, agent));
    return { steps, objects, files: [...files], promises };
  } finally {
    agent.destroy();
    server.close();
  }
}

async function ask(server, agent) {
  const request = http.get({ agent, host: '127.0.0.1', port: server.address().port });
  await new Promise((resolve, reject) => {
    request.once('error', reject);
    request.once('response', response => response.resume().once('close', resolve));
  });
  // Exits and tasks follow the response.
  for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => setImmediate(resolve));
}
