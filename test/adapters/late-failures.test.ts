import { setTimeout as sleep } from 'node:timers/promises';
import { Depends, Layer, type Middleware } from 'callnext';
import { errorBoundary, inject, toExpress, wrap } from 'callnext/express';
import compression from 'compression';
import express5 from 'express';
import session from 'express-session';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { askTwice, type Kept } from '../support/keep-alive.js';

const express4 = require('express4') as typeof express5;
type App = express5.Express;
type Handler = express5.RequestHandler;

const below: [name: string, mount: (app: App) => void][] = [
  ['a new session', app => sessions(app, () => undefined)],
  ['a session that is saved', app => sessions(app, req => Reflect.set(req.session, 'user', 'ann'))],
  ['compression', app => void app.use(compression({ threshold: 0 }))],
];

function sessions(app: App, use: (req: express5.Request) => void): void {
  app.use(session({ secret: 'secret', resave: false, saveUninitialized: false }));
  app.use((req, _res, next) => {
    use(req);
    next();
  });
}

const renderError: express5.ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(503).json({ failed: error.message });
};

async function* failing(): AsyncGenerator<string, void, undefined> {
  yield 'db';
  throw new Error('commit failed');
}

/** Fails when what is below has answered. */
const throwing: Middleware = async (request, callNext) => {
  await callNext(request);
  throw new Error('after');
};
const quiet = (middleware: Middleware[] = []): Layer => new Layer({ onError: () => undefined, middleware });

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('a failure after an answer that is held, on %s', (_name, express) => {
  function newApp(): App {
    const app = express();
    app.set('env', 'test');
    app.get('/second', (_req, res) => void res.json('second'));
    return app;
  }

  function ask(app: App, layer?: Layer): Promise<Kept> {
    const listener = layer ? wrap(app, layer) : app;
    return listening(listener as never, (_url, port) =>
      askTwice(port, '/item', { 'accept-encoding': 'gzip' }),
    );
  }

  const commits: Handler = async (req, res, next) => {
    try {
      await inject(req, Depends(failing, { scope: 'function' }));
      res.json({ item: 1 });
    } catch (error) {
      next(error);
    }
  };

  it.each(below)('gets the page of the app past %s', async (_below, mount) => {
    const app = newApp();
    app.use(toExpress(quiet()) as Handler);
    mount(app);
    app.get('/item', commits);
    app.use(renderError);
    const { headers, ...got } = await ask(app);
    expect(got).toEqual({ status: 503, text: '{"failed":"commit failed"}', isReused: true });
    expect(headers).toMatchObject({ 'content-length': '26' });
    expect(headers['content-encoding']).toBeUndefined();
  });

  it.each(below)('gets it past %s by a boundary, after a middleware that throws', async (_below, mount) => {
    const app = newApp();
    const layer = quiet([throwing]);
    app.use(toExpress(layer) as Handler);
    mount(app);
    app.get('/item', (_req, res) => void res.json({ item: 1 }));
    app.use(errorBoundary(layer) as express5.ErrorRequestHandler);
    app.use(renderError);
    const { headers, ...got } = await ask(app);
    expect(got).toEqual({ status: 503, text: '{"failed":"after"}', isReused: true });
    expect(headers['set-cookie']).toBeUndefined();
  });

  it.each(below)('gets the bare page of a wrapped app past %s', async (_below, mount) => {
    const app = newApp();
    mount(app);
    app.get('/item', commits);
    app.use(renderError);
    const { headers, ...got } = await ask(app, quiet());
    expect(got).toEqual({ status: 500, text: 'Internal Server Error', isReused: true });
    expect(headers['content-encoding']).toBeUndefined();
  });

  describe('while the handler streams on', () => {
    /** Writes as long as the page is not out, and ends after it. */
    function streaming(isOut: () => boolean, log: EventLog): Handler {
      return async (_req, res) => {
        res.on('error', error => log.add(String(error)));
        res.setHeader('x-item', '1');
        res.write('one');
        while (!isOut()) {
          if (!res.headersSent) res.setHeader('x-item', '2');
          res.write('more');
          await sleep(1);
        }
        res.end('last', () => log.add('told of its end'));
        log.add('ended');
      };
    }

    it('is told from a page that is rendered later, and neither takes part of the other', async () => {
      const log = new EventLog();
      let isOut = false;
      const app = newApp();
      app.use(toExpress(quiet([throwing])) as Handler);
      app.get(
        '/item',
        streaming(() => isOut, log),
      );
      app.use((async (error, _req, res, _next) => {
        await sleep(5);
        res.status(503).set('x-page', '1');
        res.write(`failed: ${error.message}`);
        await sleep(5);
        res.end('!');
        isOut = true;
      }) as express5.ErrorRequestHandler);
      const { headers, ...got } = await ask(app);
      expect(got).toEqual({ status: 503, text: 'failed: after!', isReused: true });
      expect([headers['x-item'], headers['x-page']]).toEqual([undefined, '1']);
      await log.until('told of its end');
      expect(log.events).toEqual(['ended', 'told of its end']);
    });

    it('is unpiped, and its source destroyed', async () => {
      const { Readable } = await import('node:stream');
      const closed = gate();
      const app = newApp();
      app.use(toExpress(quiet([throwing])) as Handler);
      app.get('/item', (_req, res) => {
        const source = new Readable({ read: () => undefined });
        source.once('close', () => closed.open());
        source.push('one');
        source.pipe(res);
      });
      app.use(renderError);
      expect(await ask(app)).toMatchObject({ status: 503, text: '{"failed":"after"}', isReused: true });
      await closed.opened;
    });
  });
});
