// One contender, by name; prints its url.
import { createServer } from 'node:http';
import { Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express from 'express';
import Koa from 'koa';
import onHeaders from 'on-headers';

const body = { message: 'Hello, world', items: [1, 2, 3] };

const timing = async (request, callNext) => {
  const start = performance.now();
  const response = await callNext(request);
  response.headers.set('X-Process-Time', String((performance.now() - start) / 1000));
  return response;
};

const contenders = {
  'express-noop': () => expressApp((_req, _res, next) => next()),
  'express-on-headers': () =>
    expressApp((_req, res, next) => {
      const start = performance.now();
      onHeaders(res, () => res.setHeader('X-Process-Time', String((performance.now() - start) / 1000)));
      next();
    }),
  'express-callnext': () => expressApp(toExpress(new Layer({ middleware: [timing] }))),
  'koa-native': () =>
    koaApp(async (ctx, next) => {
      const start = performance.now();
      await next();
      ctx.set('X-Process-Time', String((performance.now() - start) / 1000));
    }),
  'koa-callnext': () => koaApp(toKoa(new Layer({ middleware: [timing] }))),
};

function expressApp(middleware) {
  const app = express();
  app.use(middleware);
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

const server = createServer(contenders[process.argv[2]]());
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
