// The server of bench/soak.mjs: an app whose requests fail in every place, and which counts its events.
import http from 'node:http';
import {
  BackgroundTask,
  Depends,
  endpoint,
  HTTPException,
  Layer,
  PlainTextResponse,
  StreamingResponse,
} from 'callnext';
import { inject as injectExpress, toExpress } from 'callnext/express';
import { inject as injectKoa, toKoa } from 'callnext/koa';

const counts = {
  before: 0,
  after: 0,
  entered: 0,
  exited: 0,
  accepted: 0,
  ran: 0,
  dropped: 0,
  told: 0,
  stray: 0,
};
const stray = error => {
  counts.stray += 1;
  console.error('stray:', error);
};
process.on('unhandledRejection', stray).on('uncaughtException', stray);

const layer = new Layer({
  onError: error => {
    counts.told += 1;
    if (error.code === 'TASK_DROPPED') counts.dropped += 1;
  },
  middleware: [counting, failing],
});
layer.addExceptionHandler(RangeError, (_request, error) => {
  counts.accepted += 1;
  return new PlainTextResponse(error.message, { status: 422, background: new BackgroundTask(task) });
});

async function counting(request, callNext) {
  counts.before += 1;
  try {
    return await callNext(request);
  } finally {
    counts.after += 1;
  }
}

async function failing(request, callNext) {
  const { pathname } = new URL(request.url);
  if (pathname === '/before') throw new HTTPException(418);
  const response = await callNext(request);
  if (pathname === '/after') throw new Error('after');
  if (pathname === '/replace') return new PlainTextResponse('replaced');
  return response;
}

function task(fails) {
  counts.ran += 1;
  if (fails) throw new Error('task');
}

const yielding = (scope, place) =>
  async function* ({ request, backgroundTasks }) {
    const { pathname } = new URL(request.url);
    if (pathname === `/enter/${place}`) throw new RangeError('enter');
    counts.entered += 1;
    counts.accepted += 2;
    backgroundTasks.addTask(task, pathname === `/task/${place}`);
    backgroundTasks.addTask(new BackgroundTask(task, [], { when: 'always' }));
    try {
      yield Buffer.alloc(1024);
    } finally {
      counts.exited += 1;
      // biome-ignore lint/correctness/noUnsafeFinally: simulates a careless exit.
      if (pathname === `/exit/${place}`) throw new RangeError(`exit of ${scope}`);
    }
  };

const dependencies = {
  background: Depends(yielding('background', 'c'), { scope: 'background' }),
  held: Depends(yielding('request', 'b'), { scope: 'request' }),
  called: Depends(yielding('function', 'a'), { scope: 'function' }),
};

const answer = endpoint(dependencies, async ({ request }) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/http') throw new HTTPException(404);
  if (pathname === '/handled') throw new RangeError('handled');
  if (pathname === '/error') throw new Error('unhandled');
  if (!pathname.startsWith('/stream')) return { ok: true };
  return new StreamingResponse(chunks(pathname));
});

async function* chunks(pathname) {
  for (let index = 0; index < 8; index += 1) {
    yield 'x'.repeat(16_384);
    if (pathname === '/stream/fails' && index === 2) throw new Error('producer');
    await new Promise(setImmediate);
  }
}

async function nativeApp() {
  if (process.argv[2] === 'koa') {
    const { default: Koa } = await import('koa');
    const app = new Koa();
    app.silent = true;
    app.use(toKoa(layer));
    app.use(async (ctx, next) => {
      if (!ctx.path.startsWith('/native')) return next();
      await injectKoa(ctx, dependencies.held);
      if (ctx.path === '/native/fails') throw new Error('native');
      ctx.body = 'native';
    });
    app.use(toKoa(answer));
    return app.callback();
  }
  const { default: express } = await import('express');
  const app = express();
  app.set('env', 'test');
  app.use(toExpress(layer));
  app.use('/native', async (req, res) => {
    await injectExpress(req, dependencies.held);
    if (req.path === '/fails') throw new Error('native');
    res.send('native');
  });
  app.use(toExpress(answer));
  return app;
}

const server = http.createServer(await nativeApp());
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

const settled = async () => {
  const connected = () =>
    new Promise(resolve => server.getConnections((_error, count) => resolve(count > 0)));
  while ((await connected()) || counts.before !== counts.after || counts.entered !== counts.exited) {
    await new Promise(setImmediate);
  }
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
};

process.on('message', async message => {
  if (message === 'measure') {
    await settled();
    for (let round = 0; round < 4; round += 1) {
      global.gc();
      await new Promise(setImmediate);
    }
    const { heapUsed } = process.memoryUsage();
    process.send({ heapUsed, handles: process.getActiveResourcesInfo().length, counts });
  } else {
    server.close();
    server.closeIdleConnections();
    process.send({ undone: await layer.close({ timeoutMs: 10_000 }), counts });
    process.disconnect();
  }
});
