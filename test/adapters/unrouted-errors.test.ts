import type http from 'node:http';
import { Depends, Layer, type Middleware } from 'callnext';
import { errorBoundary, toExpress, wrap } from 'callnext/express';
import express5 from 'express';
import { gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;

type Build = (layer: Layer, mount: (app: express5.Express) => void) => http.RequestListener;

const failing: Middleware = async (request, callNext) => {
  await callNext(request);
  throw Object.assign(new Error('failed'), { status: 503 });
};
async function* failsToCommit() {
  yield;
  throw Object.assign(new Error('failed'), { status: 503 });
}
const commit = Depends(failsToCommit, { scope: 'function' });
const nothing = new Layer();

/** Failures after Express has run out of routes. */
const failures: readonly [string, Layer, Depends<unknown>?][] = [
  ['a middleware', new Layer({ middleware: [failing] })],
  ['a dependency of a layer', new Layer({ dependencies: [commit] })],
  ['a guard', nothing, commit],
];

/** Requests that no route answers, or not alone. */
const requests: readonly [string, string, string][] = [
  ['a 404', 'GET', '/nowhere'],
  ['a 404 below a router', 'GET', '/inner/nowhere'],
  ['the answer to OPTIONS', 'OPTIONS', '/item'],
  ['an answer after which the handler goes on', 'GET', '/goes-on'],
];

const render: express5.ErrorRequestHandler = (error, req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(error.status).json({ error: error.message, path: req.path });
};

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('a failure after the last route of %s', (_name, express) => {
  const builds: readonly [string, Build][] = [
    ['toExpress', (layer, mount) => built(app => app.use(toExpress(layer)), mount)],
    [
      'errorBoundary',
      (layer, mount) =>
        built(
          app => app.use(toExpress(layer)),
          app => {
            mount(app);
            app.use(errorBoundary(layer) as express5.ErrorRequestHandler);
          },
        ),
    ],
    [
      'wrap',
      (layer, mount) =>
        wrap(
          built(() => undefined, mount),
          layer,
        ) as http.RequestListener,
    ],
  ];

  function built(first: (app: express5.Express) => void, mount: (app: express5.Express) => void) {
    const app = express().set('env', 'test').disable('x-powered-by');
    first(app);
    mount(app);
    return app.use(render);
  }

  function routes(guard: Depends<unknown> | undefined): (app: express5.Express) => void {
    return app => {
      if (guard) app.use(toExpress(guard) as express5.RequestHandler);
      app.use(
        '/inner',
        express.Router().get('/item', (_req, res) => void res.send('item')),
      );
      app.get('/item', (_req, res) => void res.send('item'));
      app.get('/goes-on', (_req, res, next) => {
        res.send('answer');
        next();
      });
    };
  }

  describe.each(builds)('with %s, reaches the error middleware of the app', (_how, build) => {
    it.each(failures.flatMap(failure => requests.map(request => [failure[0], request[0], failure, request])))(
      'from %s, in place of %s',
      async (_who, _what, [, layer, guard], [, method, path]) => {
        const listener = build(layer as Layer, routes(guard as Depends<unknown> | undefined));
        await listening(listener, async url => {
          const response = await fetch(url + path, { method: method as string });
          expect([response.status, await response.json()]).toEqual([503, { error: 'failed', path }]);
        });
      },
    );
  });

  it('gets there also when routes were added after the first request', async () => {
    const app = express().set('env', 'test');
    app.use(toExpress(new Layer({ middleware: [failing] })) as express5.RequestHandler);
    await listening(app as http.RequestListener, async url => {
      const before = await fetch(`${url}/nowhere`);
      expect(before.headers.get('content-type')).toMatch('text/html');
      app.get('/later', (_req, res) => void res.send('later'));
      app.use(render);
      for (const path of ['/nowhere', '/later'])
        expect(await (await fetch(url + path)).json()).toEqual({ error: 'failed', path });
    });
  });

  it('of a handler continues from its place: earlier error middleware is not asked', async () => {
    const app = express().set('env', 'test');
    app.use(toExpress(new Layer({ middleware: [failing] })) as express5.RequestHandler);
    app.use(((_error, _req, res, _next) => void res.send('too early')) as express5.ErrorRequestHandler);
    app.get('/item', (_req, res) => void res.send('item'));
    app.use(render);
    await listening(app as http.RequestListener, async url => {
      expect(await (await fetch(`${url}/item`)).json()).toEqual({ error: 'failed', path: '/item' });
    });
  });

  it('gets there when the handler failed after its answer, before the middleware', async () => {
    const failed = gate();
    const late: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      await response.text();
      await failed.opened;
      throw Object.assign(new Error('failed'), { status: 503 });
    };
    const app = express().set('env', 'test');
    app.use(
      toExpress(new Layer({ middleware: [late], onError: () => undefined })) as express5.RequestHandler,
    );
    app.get('/item', (_req, res, next) => {
      res.send('item');
      setImmediate(() => {
        next(new Error('late'));
        failed.open();
      });
    });
    app.use(render);
    await listening(app as http.RequestListener, async url => {
      expect(await (await fetch(`${url}/item`)).json()).toEqual({ error: 'failed', path: '/item' });
    });
  });
});
