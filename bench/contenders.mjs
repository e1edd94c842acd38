// The same work in several ways: a small JSON body, and the code around it. Each entry returns a request
// listener or a server.

import { createAdaptorServer } from '@hono/node-server';
import { createMiddleware } from '@universal-middleware/express';
import { Depends, dependency, endpoint, Layer } from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import onHeaders from 'on-headers';
import { furtherMiddleware } from './comparisons.mjs';

const body = { message: 'Hello, world', items: [1, 2, 3] };

const seconds = start => String((performance.now() - start) / 1000);

const timing = async (request, callNext) => {
  const start = performance.now();
  const response = await callNext(request);
  response.headers.set('X-Process-Time', seconds(start));
  return response;
};

const noFrames = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('X-Frame-Options', 'DENY');
  return response;
};

const passing = () => (request, callNext) => callNext(request);

const timingByHand = (_req, res, next) => {
  const start = performance.now();
  onHeaders(res, () => res.setHeader('X-Process-Time', seconds(start)));
  next();
};

/**
 * The least that lets a middleware change a response: `end` waits for it. A response written in parts, an
 * error, a disconnect and everything else that a layer handles is lost.
 */
const heldByHand = middleware => (req, res, next) => {
  const { end } = res;
  const ended = new Promise(resolve => {
    res.end = (...given) => {
      resolve(given);
      return res;
    };
  });
  const headers = { set: (name, value) => res.setHeader(name, value) };
  const callNext = async () => {
    next();
    await ended;
    return { headers };
  };
  middleware(req, callNext).then(async () => Reflect.apply(end, res, await ended), next);
};

const timingInKoa = async (ctx, next) => {
  const start = performance.now();
  await next();
  ctx.set('X-Process-Time', seconds(start));
};

// The lifecycle: two header middlewares, settings, a connection that depends on them and closes after the
// response, and a background task.
const settings = { url: 'memory:' };
const log = { opened: 0, closed: 0, tasks: 0 };

class Connection {
  constructor({ url }) {
    this.url = url;
    log.opened += 1;
  }

  async items() {
    return body;
  }

  async close() {
    log.closed += 1;
  }
}

const audit = async () => {
  log.tasks += 1;
};

async function getSettings() {
  return settings;
}

async function* getConnection({ settings: given }) {
  const connection = new Connection(given);
  try {
    yield connection;
  } finally {
    await connection.close();
  }
}

const connected = Depends(dependency({ settings: Depends(getSettings) }, getConnection));

const lifecycle = endpoint({ connection: connected }, async ({ connection, backgroundTasks }) => {
  backgroundTasks.addTask(audit);
  return connection.items();
});

/** The lifecycle around a handler, written without a library. */
async function withConnection(res, work) {
  const connection = new Connection(await getSettings());
  let hasFailed = false;
  res.once('close', async () => {
    try {
      await connection.close();
      if (!hasFailed) await audit();
    } catch (error) {
      console.error(error);
    }
  });
  try {
    return await work(connection);
  } catch (error) {
    hasFailed = true;
    throw error;
  }
}

const layer = (...middleware) => new Layer({ middleware });

export const contenders = {
  'node:http': () => (_req, res) => {
    const json = JSON.stringify(body);
    res.writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(json),
    });
    res.end(json);
  },

  express: () => expressApp(),
  'express, no-op middleware': () => expressApp((_req, _res, next) => next()),
  'express, on-headers': () => expressApp(timingByHand),
  'express, held by hand': () => expressApp(heldByHand(timing)),
  'express, callnext': () => expressApp(toExpress(layer(timing))),
  'express, callnext by wrap': () => wrap(expressApp(), layer(timing)),
  'express, universal-middleware': () =>
    expressApp(
      createMiddleware(() => () => {
        const start = performance.now();
        return response => {
          response.headers.set('X-Process-Time', seconds(start));
          return response;
        };
      })(),
    ),
  fastify: async () => {
    const app = Fastify();
    app.addHook('onRequest', (request, _reply, done) => {
      request.start = performance.now();
      done();
    });
    app.addHook('onSend', (request, reply, _payload, done) => {
      reply.header('X-Process-Time', seconds(request.start));
      done();
    });
    app.get('/', (_request, reply) => reply.send(body));
    await app.ready();
    return app.server;
  },
  'hono, node-server': () => {
    const app = new Hono();
    app.use(async (c, next) => {
      const start = performance.now();
      await next();
      c.res.headers.set('X-Process-Time', seconds(start));
    });
    app.get('/', c => c.json(body));
    return createAdaptorServer({ fetch: app.fetch });
  },

  ...Object.fromEntries(
    [furtherMiddleware.few, furtherMiddleware.many].map(count => [
      `express, ${count} middleware`,
      () => expressApp(toExpress(layer(...Array.from({ length: count }, passing)))),
    ]),
  ),

  'express, lifecycle by hand': () => {
    const app = express();
    app.use(timingByHand);
    app.use((_req, res, next) => {
      res.setHeader('X-Frame-Options', 'DENY');
      next();
    });
    app.get('/', (_req, res) => withConnection(res, async connection => res.json(await connection.items())));
    return app;
  },
  'express, lifecycle': () => {
    const app = express();
    app.use(toExpress(layer(timing, noFrames)));
    app.get('/', toExpress(lifecycle));
    return app;
  },

  'koa, timing by hand': () => koaApp(timingInKoa),
  'koa, callnext': () => koaApp(toKoa(layer(timing))),
  'koa, lifecycle by hand': () => {
    const app = new Koa();
    app.use(timingInKoa);
    app.use(async (ctx, next) => {
      await next();
      ctx.set('X-Frame-Options', 'DENY');
    });
    app.use(ctx =>
      withConnection(ctx.res, async connection => {
        ctx.body = await connection.items();
      }),
    );
    return app.callback();
  },
  'koa, lifecycle': () => {
    const app = new Koa();
    app.use(toKoa(layer(timing, noFrames)));
    app.use(toKoa(lifecycle));
    return app.callback();
  },
};

function expressApp(middleware) {
  const app = express();
  if (middleware) app.use(middleware);
  app.get('/', (_req, res) => res.json(body));
  return app;
}

function koaApp(middleware) {
  const app = new Koa();
  app.use(middleware);
  app.use(ctx => {
    ctx.body = body;
  });
  return app.callback();
}
