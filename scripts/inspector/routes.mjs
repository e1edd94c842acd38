// Routes beside those of the demonstration: a stream that a test holds open, and a failure that quotes HTML.
import Router from '@koa/router';
import { endpoint, StreamingResponse } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';

/** Ends the stream that is open. */
export const stream = { end: () => undefined };

async function* chunks(signal) {
  yield 'first\n';
  await new Promise(resolve => {
    stream.end = resolve;
    signal.addEventListener('abort', resolve, { once: true });
  });
}

const routes = {
  '/stream': endpoint({}, function read({ request }) {
    return new StreamingResponse(chunks(request.signal));
  }),
  '/hostile/:name': endpoint({}, function hostile() {
    throw new Error('<img src=x onerror=alert(1)>');
  }),
  '/fast': endpoint({}, function fast({ backgroundTasks }) {
    backgroundTasks.addTask(function after() {
      return;
    });
    return 'ok';
  }),
};

export function addRoutes(framework, app) {
  const router = new Router();
  for (const [path, target] of Object.entries(routes)) {
    if (framework === 'express') app.get(path, toExpress(target));
    else router.get(path, toKoa(target));
  }
  if (framework === 'koa') app.use(router.routes());
}
