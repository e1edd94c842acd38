import type http2 from 'node:http2';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Depends, endpoint, HTTPException, Layer, type Middleware } from 'callnext';
import { errorBoundary, inject, toExpress, wrap } from 'callnext/express';
import { fromKoa, toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import compression from 'compression';
import express5 from 'express';
import session from 'express-session';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { type Http2Listener, listeningHttp2 } from '../support/http2.js';
import { askTwice, type Kept } from '../support/keep-alive.js';
import { exchangeOnWire } from '../support/wire.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;
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

function noting(log: EventLog): () => AsyncGenerator<string, void, undefined> {
  return async function* getDb() {
    try {
      yield 'db';
      log.add('commit');
    } catch (error) {
      log.add('rollback');
      throw error;
    }
  };
}

function refusing(): never {
  throw new HTTPException(401);
}

/** Throws after everything below has answered. */
const throwing: Middleware = async (request, callNext) => {
  await callNext(request);
  throw new Error('after');
};
const quiet = (middleware: Middleware[] = []): Layer => new Layer({ onError: () => undefined, middleware });

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('a failure after a held answer, on %s', (_name, express) => {
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

  it.each(below)(
    'gets it past %s through a boundary, after a middleware that throws',
    async (_below, mount) => {
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
    },
  );

  it.each(below)('gets the page of a wrapped app past %s', async (_below, mount) => {
    const app = newApp();
    mount(app);
    app.get('/item', commits);
    app.use(renderError);
    const { headers, ...got } = await ask(app, quiet());
    expect(got).toEqual({ status: 503, text: '{"failed":"commit failed"}', isReused: true });
    expect(headers).toMatchObject({ 'content-length': '26' });
    expect(headers['content-encoding']).toBeUndefined();
  });

  describe('while the handler streams on', () => {
    /** Writes until the page is sent, and ends after it. */
    function streaming(isOut: () => boolean, log: EventLog, wrote: () => void): Handler {
      return async (_req, res) => {
        res.on('error', error => log.add(String(error)));
        res.setHeader('x-item', '1');
        res.write('one');
        while (!isOut()) {
          if (!res.headersSent) res.setHeader('x-item', '2').writeHead(201);
          res.write('more');
          wrote();
          await turn();
        }
        res.end('last', () => log.add('saw its end'));
        log.add('ended');
      };
    }

    it('stays separate from a page that is rendered later', async () => {
      const log = new EventLog();
      let isOut = false;
      let written = gate();
      const named: Middleware = (request, callNext) => {
        request.errorHeaders.set('x-request-id', '7');
        return callNext(request);
      };
      const app = newApp();
      app.use(toExpress(quiet([named, throwing])) as Handler);
      app.get(
        '/item',
        streaming(
          () => isOut,
          log,
          () => written.open(),
        ),
      );
      const handlerWrites = (): Promise<void> => {
        written = gate();
        return written.opened;
      };
      app.use((async (error, _req, res, _next) => {
        await handlerWrites();
        res.status(503).set('x-page', '1');
        res.write(`failed: ${error.message}`);
        await handlerWrites();
        res.end('!');
        isOut = true;
      }) as express5.ErrorRequestHandler);
      const { headers, ...got } = await ask(app);
      expect(got).toEqual({ status: 503, text: 'failed: after!', isReused: true });
      expect(headers).toMatchObject({ 'x-page': '1', 'x-request-id': '7' });
      expect(headers['x-item']).toBeUndefined();
      await log.until('saw its end');
      expect(log.events).toEqual(['ended', 'saw its end']);
    });

    it('unpipes the handler and destroys its source', async () => {
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

  it.each(below)('gets a page past %s that is not mixed with a later answer', async (_below, mount) => {
    const log = new EventLog();
    const late: Middleware = async (request, callNext) => {
      void callNext(request);
      throw new Error('too slow');
    };
    const app = newApp();
    app.use(toExpress(quiet([late])) as Handler);
    mount(app);
    app.get('/item', async (req, res) => {
      res.on('error', error => log.add(String(error)));
      await inject(req, Depends(noting(log)));
      await log.until('page begun');
      res.setHeader('x-item', '1');
      res.write('item');
      log.add('item written');
      await log.until('page ended');
      res.write('item');
      res.end();
      log.add('item ended');
    });
    app.use((async (error, _req, res, _next) => {
      res.status(503).write(`failed: ${error.message}`);
      log.add('page begun');
      await log.until('item written');
      res.end('!');
      log.add('page ended');
    }) as express5.ErrorRequestHandler);
    const { headers, ...got } = await ask(app);
    expect(got).toEqual({ status: 503, text: 'failed: too slow!', isReused: true });
    expect(headers['x-item']).toBeUndefined();
    await log.until('rollback');
    expect(log.events).toEqual(['page begun', 'item written', 'page ended', 'item ended', 'rollback']);
  });

  describe('whose page begins and never ends', () => {
    beforeEach(() => {
      const doNotFake = ['nextTick', 'setImmediate', 'queueMicrotask', 'setInterval', 'Date', 'performance'];
      jest.useFakeTimers({ doNotFake: doNotFake as never });
    });
    afterEach(() => void jest.useRealTimers());

    it('is cut off after 5 s and reported to onError', async () => {
      const told: unknown[] = [];
      const begun = gate();
      const app = newApp();
      app.use(
        toExpress(new Layer({ onError: error => told.push(error), middleware: [throwing] })) as Handler,
      );
      app.get('/item', (_req, res) => void res.json({ item: 1 }));
      app.use(((_error, _req, res, _next) => {
        res.write('begun');
        begun.open();
      }) as express5.ErrorRequestHandler);
      const failed = ask(app).catch(error => error.code);
      await begun.opened;
      await jest.advanceTimersByTimeAsync(4_999);
      expect(told).toEqual([]);
      await jest.advanceTimersByTimeAsync(1);
      expect(await failed).toBe('ECONNRESET');
      expect(told).toMatchObject([{ code: 'ERROR_PAGE_UNENDED' }]);
    });

    it('is cut off beside a streaming handler after losing its async context', async () => {
      const told: unknown[] = [];
      const lost = gate();
      let queued: (() => void) | undefined;
      const app = newApp();
      app.use(
        toExpress(new Layer({ onError: error => told.push(error), middleware: [throwing] })) as Handler,
      );
      app.get('/item', (_req, res) => void res.write('one'));
      app.use(((_error, _req, res, _next) => {
        queued = () => void res.status(503).json('lost');
        lost.open();
      }) as express5.ErrorRequestHandler);
      const failed = ask(app).catch(error => error.code);
      await lost.opened;
      queued?.();
      await jest.advanceTimersByTimeAsync(5_000);
      expect(await failed).toBe('ECONNRESET');
      expect(told).toMatchObject([{ code: 'ERROR_PAGE_UNENDED' }]);
    });
  });

  it.each<[string, Handler]>([
    ['a head of its own', (_req, res) => void res.writeHead(201, 'Made', ['x-item', '1']).end('item')],
    ['no body', (_req, res) => void res.status(204).set('x-item', '1').end()],
    [
      'cookies and a reason',
      (_req, res) => {
        res.statusMessage = 'Made';
        res.cookie('x-item', '1').set('x-item', '1').json(1);
      },
    ],
    [
      'trailers',
      (_req, res) => {
        res.setHeader('trailer', 'x-item');
        res.write('item');
        res.addTrailers({ 'x-item': '1' });
        res.end();
      },
    ],
    [
      'a length, and no coding',
      (_req, res) => {
        res.removeHeader('transfer-encoding');
        res.removeHeader('content-length');
        res.setHeader('x-item', '1');
        res.end('item');
      },
    ],
    [
      'its connection closed',
      (req, res) => {
        res.setHeader('x-item', '1');
        res.end('item');
        req.socket.destroySoon();
      },
    ],
  ])('leaves nothing of an answer with %s', async (_with, handler) => {
    const app = newApp();
    app.use((_req, res, next) => {
      res.cookie('above', '1');
      next();
    });
    app.use(toExpress(quiet([throwing])) as Handler);
    app.get('/item', handler);
    app.use(((_error, _req, res, _next) => void res.end('failed')) as express5.ErrorRequestHandler);
    const bytes = await listening(app as never, async (_url, port) => {
      const { head, body } = await exchangeOnWire(port, '/item');
      return [head, body];
    });
    const powered = 'X-Powered-By: Express\r\n';
    const cookie = 'Set-Cookie: above=1; Path=/\r\n';
    expect(bytes).toEqual([
      `HTTP/1.1 200 OK\r\n${powered}${cookie}Connection: close\r\nContent-Length: 6`,
      'failed',
    ]);
  });

  it('passes an inner layer and what stands between the two', async () => {
    const app = newApp();
    app.use(toExpress(quiet([throwing])) as Handler);
    app.use(compression({ threshold: 0 }));
    app.use(toExpress(quiet([(request, callNext) => callNext(request)])) as Handler);
    sessions(app, req => Reflect.set(req.session, 'user', 'ann'));
    app.get('/item', (_req, res) => void res.json({ item: 1 }));
    app.use(renderError);
    const { headers, ...got } = await ask(app);
    expect(got).toEqual({ status: 503, text: '{"failed":"after"}', isReused: true });
    expect([headers['content-encoding'], headers['set-cookie']]).toEqual([undefined, undefined]);
  });

  it('of an inner layer alone passes through what surrounds it', async () => {
    const app = newApp();
    app.use(toExpress(quiet([(request, callNext) => callNext(request)])) as Handler);
    app.use(compression({ threshold: 0 }));
    app.use(toExpress(quiet([throwing])) as Handler);
    sessions(app, req => Reflect.set(req.session, 'user', 'ann'));
    app.get('/item', (_req, res) => void res.json({ item: 1 }));
    app.use(renderError);
    const { headers, ...got } = await ask(app);
    expect(got).toEqual({ status: 503, text: '{"failed":"after"}', isReused: true });
    expect([headers['content-encoding'], headers['set-cookie']]).toEqual(['gzip', undefined]);
  });

  it.each([
    ['a route', (_req, res) => void res.status(404).json('nothing'), 404, '"nothing"'],
    ['an endpoint', toExpress(endpoint({}, () => 'done')) as Handler, 200, '"done"'],
    [
      'an endpoint that fails',
      toExpress(
        endpoint({}, () => {
          throw new Error('again');
        }),
      ) as Handler,
      500,
      'Internal Server Error',
    ],
    ['a route that is guarded', toExpress(Depends(refusing)) as Handler, 401, '{"detail":"Unauthorized"}'],
  ] as [string, Handler, number, string][])(
    'gets the answer of %s when error middleware continues to it',
    async (_to, handler, status, text) => {
      const app = newApp();
      app.use(toExpress(quiet([throwing])) as Handler);
      app.get('/item', (_req, res) => void res.json({ item: 1 }));
      app.use(((_error, _req, _res, next) => next()) as express5.ErrorRequestHandler);
      app.use(toExpress(quiet([(request, callNext) => callNext(request)])) as Handler);
      app.use(handler);
      app.use((_req, res) => void res.json('not to be reached'));
      expect(await ask(app)).toMatchObject({ status, text, isReused: true });
    },
  );

  it('to make its head is answered past what stands above an endpoint without a layer', async () => {
    const app = newApp();
    sessions(app, req => Reflect.set(req.session, 'user', 'ann'));
    app.use(compression({ threshold: 0 }));
    jest.spyOn(console, 'error').mockReturnValue(undefined);
    const refused = endpoint({}, () => ({ item: 1 }));
    app.use((_req, res, next) => {
      const { writeHead } = res;
      let isFirst = true;
      res.writeHead = ((...args: unknown[]) => {
        if (isFirst) {
          isFirst = false;
          throw new Error('refused');
        }
        return Reflect.apply(writeHead, res, args);
      }) as never;
      next();
    });
    app.get('/item', toExpress(refused) as Handler);
    app.use(renderError);
    expect(await ask(app)).toMatchObject({ status: 503, text: '{"failed":"refused"}', isReused: true });
    jest.restoreAllMocks();
  });
});

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('a failure after a held answer, on %s', (_name, Koa) => {
  function ask(mount: (app: Koa3) => void): Promise<Kept> {
    const app = new Koa();
    app.silent = true;
    app.on('error', () => undefined);
    app.use(async (ctx, next) => {
      if (ctx.path === '/second') ctx.body = 'second';
      else await next();
    });
    mount(app);
    return listening(app.callback(), (_url, port) => askTwice(port, '/item', { 'accept-encoding': 'gzip' }));
  }

  const renders: Koa3.Middleware = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      ctx.status = 503;
      ctx.body = { failed: (error as Error).message };
    }
  };
  const raw: Koa3.Middleware = ctx => {
    ctx.respond = false;
    ctx.res.setHeader('x-raw', '1');
    ctx.res.end('raw');
  };
  const zipped: Koa3.Middleware = ctx => {
    ctx.status = 201;
    ctx.set({ 'x-item': '1', 'content-encoding': 'gzip', etag: '"1"' });
    ctx.body = Readable.from(['not really']);
  };

  it.each([
    ['on the native response', raw],
    ['on the context, as a coded stream', zipped],
  ])('gets the page of an error middleware around it, given %s', async (_where, handler) => {
    const { headers, ...got } = await ask(app =>
      app
        .use(renders)
        .use(toKoa(quiet([throwing])))
        .use(handler),
    );
    expect(got).toEqual({ status: 503, text: '{"failed":"after"}', isReused: true });
    expect(Object.keys(headers).sort()).toEqual(plain);
  });

  it.each([
    ['on the native response', raw],
    ['on the context, as a coded stream', zipped],
  ])('gets the page of Koa, given %s', async (_where, handler) => {
    const { headers, ...got } = await ask(app => app.use(toKoa(quiet([throwing]))).use(handler));
    expect(got).toEqual({ status: 500, text: 'Internal Server Error', isReused: true });
    expect(Object.keys(headers).sort()).toEqual(plain);
  });

  it('sends only the reason of an error when nothing replaces the body', async () => {
    const { headers, ...got } = await ask(app =>
      app
        .use(async (ctx, next) => {
          await next().catch(() => {
            ctx.status = 502;
          });
        })
        .use(toKoa(quiet([throwing])))
        .use(zipped),
    );
    expect(got).toEqual({ status: 502, text: 'Bad Gateway', isReused: true });
    expect(Object.keys(headers).sort()).toEqual(plain);
  });

  it.each([
    ['on the native response', raw],
    ['on the context, as a coded stream', zipped],
  ])('leaves nothing for an error middleware between two layers, given %s', async (_where, handler) => {
    const { headers, ...got } = await ask(app =>
      app
        .use(toKoa(quiet([(request, callNext) => callNext(request)])))
        .use(renders)
        .use(toKoa(quiet([throwing])))
        .use(handler),
    );
    expect(got).toEqual({ status: 503, text: '{"failed":"after"}', isReused: true });
    expect(Object.keys(headers).sort()).toEqual(plain);
  });

  it.each([
    ['on the native response', raw],
    ['on the context, as a coded stream', zipped],
  ])('leaves nothing for an error middleware among those of a layer, given %s', async (_where, handler) => {
    const { headers, ...got } = await ask(app =>
      app.use(toKoa(quiet([fromKoa(renders as never), throwing]))).use(handler),
    );
    expect(got).toEqual({ status: 503, text: '{"failed":"after"}', isReused: true });
    expect(Object.keys(headers).sort()).toEqual(plain);
  });

  it('keeps a native answer that goes on when only an inner layer failed', async () => {
    const failed = gate();
    const watching: Middleware = (request, callNext) => callNext(request).finally(failed.open);
    const { headers, ...got } = await ask(app =>
      app
        .use(toKoa(quiet([watching])))
        .use(renders)
        .use(toKoa(quiet([throwing])))
        .use(ctx => {
          ctx.respond = false;
          ctx.res.write('one ');
          failed.opened.then(() => ctx.res.end('two'));
        }),
    );
    expect(got).toEqual({ status: 404, text: 'one two', isReused: true });
    expect(headers['content-encoding']).toBeUndefined();
  });

  it('keeps what was set before the error when nothing was answered', async () => {
    const { headers, status } = await ask(app =>
      app
        .use(renders)
        .use(toKoa(quiet()))
        .use(ctx => {
          ctx.set('x-item', '1');
          throw new Error('early');
        }),
    );
    expect([status, headers['x-item']]).toEqual([503, '1']);
  });
});

describe('a failure after a held answer, on HTTP/2', () => {
  function ask(listener: Http2Listener): Promise<[status: unknown, coding: unknown, body: string]> {
    return listeningHttp2('h2c', listener, async connect => {
      const stream = connect().request({ ':path': '/item' });
      const parts: Buffer[] = [];
      stream.on('data', part => parts.push(part));
      const head = new Promise<http2.IncomingHttpHeaders>(resolve => stream.once('response', resolve));
      await new Promise(resolve => stream.once('close', resolve));
      const { ':status': status, 'content-encoding': coding } = await head;
      return [status, coding, Buffer.concat(parts).toString()];
    });
  }

  /** Ends once, like express-session, and declares the body's coding. */
  function endOnce(res: http2.Http2ServerResponse): void {
    const { end } = res;
    let isOver = false;
    res.setHeader('content-encoding', 'gzip');
    res.end = ((...args: unknown[]) => {
      if (!isOver) Reflect.apply(end, res, args);
      isOver = true;
      return res;
    }) as never;
  }

  it('is answered past what has ended once', async () => {
    const listener = toNode(quiet([throwing]), (_req, res) => {
      endOnce(res as never);
      res.end('item');
    });
    expect(await ask(listener as never)).toEqual([500, undefined, 'Internal Server Error']);
  });

  it('is answered while the handler keeps writing', async () => {
    let isClosed = false;
    const listener = toNode(quiet([throwing]), async (_req, res) => {
      res.on('close', () => {
        isClosed = true;
      });
      endOnce(res as never);
      while (!isClosed) {
        res.write('item');
        await turn();
      }
      res.end();
    });
    expect(await ask(listener as never)).toEqual([500, undefined, 'Internal Server Error']);
  });

  it.each([
    ['Koa 3', Koa3],
    ['Koa 2', Koa2],
  ])('is answered by %s', async (_name, Koa) => {
    const app = new Koa();
    app.silent = true;
    app.use(toKoa(quiet([throwing]))).use(ctx => {
      ctx.set('content-encoding', 'gzip');
      ctx.body = 'item';
    });
    expect(await ask(app.callback() as never)).toEqual([500, undefined, 'Internal Server Error']);
  });
});

const plain = ['connection', 'content-length', 'content-type', 'date', 'keep-alive'];
