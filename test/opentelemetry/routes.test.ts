import Router from '@koa/router';
import { endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { type CallnextInstrumentation, callnextInstrumentation } from 'callnext/opentelemetry';
import express5 from 'express';
import Koa from 'koa';
import { listening } from '../support/frameworks.js';
import { Spans } from './spans.js';

const express4 = require('express4') as typeof express5;

const read = endpoint({}, function read() {
  return 1;
});

function onExpress(express: typeof express5, layer: Layer): express5.Express {
  const app = express().use(toExpress(layer));
  const items = express.Router();
  items.get('/:id', toExpress(read));
  items.post('/:id', (_req, res) => void res.json(1));
  return app.use('/users/:user/items', items);
}

function onKoa(layer: Layer): ReturnType<Koa['callback']> {
  const router = new Router({ prefix: '/users/:user/items' });
  router.get('/:id', toKoa(read));
  router.post('/:id', ctx => {
    ctx.body = 1;
  });
  return new Koa().use(toKoa(layer)).use(router.routes()).callback();
}

const hosts = [
  ['Express 5', (layer: Layer) => onExpress(express5, layer)],
  ['Express 4', (layer: Layer) => onExpress(express4, layer)],
  ['Koa', (layer: Layer) => onKoa(layer)],
] as const;

describe.each(hosts)('the SERVER span on %s', (_name, host) => {
  let spans: Spans;
  let instrumentation: CallnextInstrumentation;
  beforeEach(() => {
    spans = new Spans();
    instrumentation = callnextInstrumentation({ endpoints: false });
  });
  afterEach(async () => {
    instrumentation.disable();
    await spans.shutdown();
  });

  it.each(['GET', 'POST'])('is named after the route of a router: %s', async method => {
    const layer = new Layer();
    await listening(host(layer) as never, async url => {
      await (await fetch(`${url}/users/ada/items/7`, { method })).text();
      await layer.close();
    });
    expect(spans.tree).toEqual([`SERVER ${method} /users/:user/items/:id 200`]);
    const [{ attributes } = { attributes: {} }] = spans.all;
    expect(attributes).toMatchObject({
      'http.route': '/users/:user/items/:id',
      'url.path': '/users/ada/items/7',
    });
  });

  it('has the name of the method where no route matches', async () => {
    const layer = new Layer();
    await listening(host(layer) as never, async url => {
      expect((await fetch(`${url}/nowhere`)).status).toBe(404);
      await layer.close();
    });
    expect(spans.tree).toEqual(['SERVER GET 404']);
  });
});
