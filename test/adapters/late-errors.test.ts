// Tests a handler that holds dependencies and fails after its answer, below packages whose patched methods
// that answer has used up.
import type http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Depends, Layer, type Middleware } from 'callnext';
import { errorBoundary, inject as injectExpress, toExpress, wrap } from 'callnext/express';
import { inject as injectKoa, errorBoundary as koaBoundary, toKoa } from 'callnext/koa';
import compression from 'compression';
import express5 from 'express';
import session from 'express-session';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { askTwice, type Kept } from '../support/keep-alive.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;
type App = express5.Express;

const ask = (listener: http.RequestListener): Promise<Kept> =>
  listening(listener, (_url, port) => askTwice(port, '/item', { 'accept-encoding': 'gzip' }));

const chunk = Buffer.alloc(1_000_000, 'x');
const endless = (): Readable =>
  new Readable({
    read() {
      setImmediate(() => this.push(chunk));
    },
  });

let log: EventLog;
beforeEach(() => {
  log = new EventLog();
});
const onError = (error: Error): void => log.add(`reported ${error.message}`);

async function* getDb(): AsyncGenerator<string, void, undefined> {
  try {
    yield 'db';
    log.add('commit');
  } catch (error) {
    log.add(`rollback: ${(error as Error).message}`);
    throw error;
  }
}
const db = Depends(getDb);

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('an error after the answer of a handler that holds a dependency, on %s', (_name, express) => {
  const packages: [name: string, mount: (app: App) => void][] = [
    [
      'a new session',
      app => void app.use(session({ secret: 'secret', resave: false, saveUninitialized: false })),
    ],
    [
      'a session that is saved',
      app => void app.use(session({ secret: 'secret', resave: false, saveUninitialized: true })),
    ],
    ['compression', app => void app.use(compression({ threshold: 0 }))],
  ];
  const mountings = ['toExpress', 'errorBoundary', 'wrap'] as const;

  function build(
    mounting: (typeof mountings)[number],
    mount: (app: App) => void,
    layer: Layer,
    fail: () => unknown,
  ): http.RequestListener {
    const app = express();
    app.set('env', 'test');
    app.get('/second', (_req, res) => void res.json('second'));
    if (mounting !== 'wrap') app.use(toExpress(layer) as express5.RequestHandler);
    mount(app);
    app.get('/item', async (req, res, next) => {
      try {
        await injectExpress(req, db);
        res.status(201).json({ item: 1 });
        await fail();
      } catch (error) {
        next(error);
      }
    });
    if (mounting === 'errorBoundary') app.use(errorBoundary(layer) as express5.ErrorRequestHandler);
    app.use(((error, _req, res, _next) => {
      res.status(503).json({ failed: error.message });
    }) as express5.ErrorRequestHandler);
    return (mounting === 'wrap' ? wrap(app, layer) : app) as http.RequestListener;
  }

  describe.each(packages)('below which is %s', (_package, mount) => {
    it.each(mountings)('is answered by the app, with %s', async mounting => {
      const layer = new Layer({ onError });
      const { status, text, isReused, headers } = await ask(
        build(mounting, mount, layer, () => {
          throw new Error('late');
        }),
      );
      await layer.close();
      expect({ status, text, isReused }).toEqual({ status: 503, text: '{"failed":"late"}', isReused: true });
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers['set-cookie']).toBeUndefined();
      expect(log.events).toEqual(['rollback: late']);
    });

    it.each(mountings)('is answered while a middleware works on the answer, with %s', async mounting => {
      const begun = gate();
      const failed = gate();
      const working: Middleware = async (request, callNext) => {
        const response = await callNext(request);
        begun.open();
        await failed.opened;
        return response;
      };
      const layer = new Layer({ onError, middleware: [working] });
      const { status, text, isReused, headers } = await ask(
        build(mounting, mount, layer, async () => {
          await begun.opened;
          setImmediate(failed.open);
          throw new Error('late');
        }),
      );
      await layer.close();
      expect({ status, text, isReused }).toEqual({ status: 503, text: '{"failed":"late"}', isReused: true });
      expect(headers['content-encoding']).toBeUndefined();
      expect(log.events).toEqual(['rollback: late']);
    });
  });
});

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('an error after the answer of a handler that holds a dependency, on %s', (_name, Koa) => {
  const renders: Koa3.Middleware = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      ctx.status = 503;
      ctx.body = { failed: (error as Error).message };
    }
  };
  /** Ends the response once, like express-session. */
  const endsOnce: Koa3.Middleware = (ctx, next) => {
    const { end } = ctx.res;
    let hasEnded = false;
    ctx.res.end = ((...args: Parameters<typeof end>) => {
      if (hasEnded) return ctx.res;
      hasEnded = true;
      return Reflect.apply(end, ctx.res, args);
    }) as typeof end;
    return next();
  };
  const fails: Koa3.Middleware = async ctx => {
    await injectKoa(ctx, db);
    ctx.respond = false;
    ctx.res.statusCode = 201;
    ctx.res.setHeader('x-item', '1');
    ctx.res.end('item');
    throw new Error('late');
  };

  function listener(...middleware: Koa3.Middleware[]): http.RequestListener {
    const app = new Koa();
    app.silent = true;
    app.on('error', error => log.add(`app reported ${error.message}`));
    app.use(async (ctx, next) => {
      if (ctx.path === '/second') ctx.body = 'second';
      else await next();
    });
    for (const each of middleware) app.use(each);
    return app.callback();
  }

  it.each<[string, (layer: Layer) => Koa3.Middleware[]]>([
    ['an error middleware above the layer', layer => [renders, toKoa(layer), endsOnce, fails]],
    ['one below it, with a boundary', layer => [toKoa(layer), renders, koaBoundary(layer), endsOnce, fails]],
    [
      'one below what ends once, with a boundary',
      layer => [toKoa(layer), endsOnce, renders, koaBoundary(layer), fails],
    ],
  ])('is answered past what ends only once, by %s', async (_where, chain) => {
    const layer = new Layer({ onError });
    const { status, text, isReused, headers } = await ask(listener(...chain(layer)));
    await layer.close();
    expect({ status, text, isReused }).toEqual({ status: 503, text: '{"failed":"late"}', isReused: true });
    expect(headers['x-item']).toBeUndefined();
    expect(log.events).toEqual(['rollback: late']);
  });

  it('does not count if it only says that the client left, and a boundary sees it', async () => {
    const layer = new Layer({ onError });
    const streams: Koa3.Middleware = async ctx => {
      await injectKoa(ctx, db);
      ctx.respond = false;
      try {
        await pipeline(endless(), ctx.res);
      } finally {
        log.add('handled');
      }
    };
    const quietly: Koa3.Middleware = (_ctx, next) => next().catch(() => undefined);
    await listening(listener(toKoa(layer), quietly, koaBoundary(layer), streams), async url => {
      const controller = new AbortController();
      const response = await fetch(`${url}/item`, { signal: controller.signal });
      await response.body?.getReader().read();
      controller.abort();
      await log.until('handled');
      await layer.close();
    });
    // Koa itself reports the reset to its app, with and without a layer.
    expect(log.events.filter(event => !event.startsWith('app reported'))).toEqual(['handled', 'commit']);
  });
});
