import { AsyncLocalStorage } from 'node:async_hooks';
import http, { type RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import koaCors from '@koa/cors';
import { Depends, endpoint, Layer, type Middleware, Response, StreamingResponse } from 'callnext';
import { errorBoundary, fromExpress, inject, toExpress, wrap } from 'callnext/express';
import { fromKoa, type KoaNext, toKoa } from 'callnext/koa';
import { timeout } from 'callnext/middleware/timeout';
import { toNode } from 'callnext/node';
import compression from 'compression';
import corsOfExpress from 'cors';
import express from 'express';
import rateLimit from 'express-rate-limit';
import session from 'express-session';
import helmet from 'helmet';
import Koa from 'koa';
import compress from 'koa-compress';
import morgan from 'morgan';
import { ask, type Got } from '../support/ask.js';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express;
const Koa2 = require('koa2') as typeof Koa;

const text = 'a text that can be made smaller. '.repeat(40);

/** Logs each request, and the headers and body of its response. */
function watching(log: string[], name: string, ...headers: string[]): Middleware {
  return async function watch(request, callNext) {
    log.push(`${name} in`);
    const response = await callNext(request);
    log.push([`${name} out`, response.status, ...headers.map(each => response.headers.get(each))].join(' '));
    return response;
  };
}

/** Logs an inner exception and throws it again. */
function noting(log: string[]): Middleware {
  return async function note(request, callNext) {
    try {
      return await callNext(request);
    } catch (error) {
      log.push((error as Error).message);
      throw error;
    }
  };
}

describe.each([
  ['5', express],
  ['4', express4],
])('fromExpress() on Express %s', (_major, framework) => {
  const serve = <T>(
    middleware: Middleware[],
    use: (get: (path: string, headers?: Record<string, string>) => Promise<Got>) => Promise<T>,
    onError: (error: Error) => void = () => undefined,
  ): Promise<T> => {
    const app = framework();
    app.set('env', 'test');
    app.use(toExpress(new Layer({ middleware, onError })));
    app.get('/native', (_req, res) => void res.send(text));
    app.get(
      '/endpoint',
      toExpress(endpoint({}, () => new Response(text, { headers: { 'content-type': 'text/plain' } }))),
    );
    app.get('/stream', toExpress(endpoint({}, () => new StreamingResponse(['a', 'b']))));
    app.get('/fail', () => {
      throw new Error('native');
    });
    app.get(
      '/fail-endpoint',
      toExpress(
        endpoint({}, () => {
          throw new Error('endpoint');
        }),
      ),
    );
    return listening(app, (_url, port) => use((path, headers = {}) => ask(port, { path, headers })));
  };

  it.each(['/native', '/endpoint', '/stream'])(
    'shows the headers of helmet further out and not further in: %s',
    async path => {
      const log: string[] = [];
      const name = 'x-frame-options';
      await serve(
        [watching(log, 'outer', name), fromExpress(helmet()), watching(log, 'inner')],
        async get => {
          const got = await get(path);
          expect(got.headers[name]).toBe('SAMEORIGIN');
          expect(got.text).toBe(path === '/stream' ? 'ab' : text);
        },
      );
      expect(log).toEqual(['outer in', 'inner in', 'inner out 200', 'outer out 200 SAMEORIGIN']);
    },
  );

  it.each(['/native', '/endpoint'])('lets outer middleware change what it has set: %s', path =>
    serve(
      [
        async (request, callNext) => {
          const response = await callNext(request);
          response.headers.delete('x-frame-options');
          response.headers.set('referrer-policy', 'origin');
          return response;
        },
        fromExpress(helmet()),
      ],
      async get => {
        const { headers } = await get(path);
        expect([
          headers['x-frame-options'],
          headers['referrer-policy'],
          headers['x-dns-prefetch-control'],
        ]).toEqual([undefined, 'origin', 'off']);
      },
    ),
  );

  it('drops its headers when outer middleware answers with another response', () =>
    serve(
      [
        async (request, callNext) => {
          await callNext(request);
          return Response.json('mine');
        },
        fromExpress(helmet()),
      ],
      async get => {
        for (const path of ['/native', '/endpoint']) {
          const got = await get(path);
          expect([got.text, got.headers['x-frame-options']]).toEqual(['"mine"', undefined]);
        }
      },
    ));

  it('keeps its headers when inner middleware answers with another response', async () => {
    const log: string[] = [];
    const inner: Middleware = async (request, callNext) => {
      await callNext(request);
      return Response.json('mine', { headers: { 'referrer-policy': 'origin' } });
    };
    await serve(
      [watching(log, 'outer', 'x-frame-options', 'referrer-policy'), fromExpress(helmet()), inner],
      async get => {
        for (const path of ['/native', '/endpoint']) {
          const { text: body, headers } = await get(path);
          expect([body, headers['x-frame-options'], headers['referrer-policy']]).toEqual([
            '"mine"',
            'SAMEORIGIN',
            'origin',
          ]);
          expect(headers['content-length']).toBe('6');
        }
      },
    );
    expect(log.filter(line => line.includes(' out '))).toEqual([
      'outer out 200 SAMEORIGIN origin',
      'outer out 200 SAMEORIGIN origin',
    ]);
  });

  it.each(['/native', '/endpoint'])(
    'shows the body compressed further out and as text further in: %s',
    async path => {
      const log: string[] = [];
      const reading =
        (name: string): Middleware =>
        async (request, callNext) => {
          const response = await callNext(request);
          const bytes = Buffer.from(await response.arrayBuffer());
          const coding = response.headers.get('content-encoding');
          log.push(
            `${name} ${coding} ${(coding === 'gzip' ? gunzipSync(bytes) : bytes).toString() === text}`,
          );
          return response;
        };
      await serve([reading('outer'), fromExpress(compression()), reading('inner')], async get => {
        const got = await get(path, { 'accept-encoding': 'gzip' });
        expect(gunzipSync(got.body).toString()).toBe(text);
      });
      expect(log).toEqual(['inner null true', 'outer gzip true']);
    },
  );

  it('runs several, each in its place', async () => {
    const log: string[] = [];
    const connect = (name: string) =>
      fromExpress(
        Object.defineProperty(
          (_req: unknown, res: { setHeader(name: string, value: string): void }, next: () => void) => {
            log.push(name);
            res.setHeader(`x-${name}`, 'yes');
            next();
          },
          'name',
          { value: name },
        ) as never,
      );
    const middleware = [
      watching(log, '1', 'x-a', 'x-b'),
      connect('a'),
      watching(log, '2', 'x-a', 'x-b'),
      connect('b'),
      watching(log, '3', 'x-a', 'x-b'),
    ];
    await serve(middleware, async get => {
      for (const path of ['/endpoint', '/native']) {
        const { headers } = await get(path);
        expect([headers['x-a'], headers['x-b']]).toEqual(['yes', 'yes']);
      }
    });
    const into = ['1 in', 'a', '2 in', 'b', '3 in'];
    expect(log).toEqual([
      ...into,
      '3 out 200  ',
      '2 out 200 yes yes',
      '1 out 200 yes yes',
      ...into,
      // Native code answers on the same response that carries these headers.
      '3 out 200 yes yes',
      '2 out 200 yes yes',
      '1 out 200 yes yes',
    ]);
  });

  it('answers by itself so that nothing below runs', async () => {
    const log: string[] = [];
    const limited = rateLimit({ limit: 1, legacyHeaders: false, standardHeaders: 'draft-6' });
    await serve(
      [watching(log, 'outer', 'ratelimit-remaining'), fromExpress(limited as never), watching(log, 'inner')],
      async get => {
        expect((await get('/native')).status).toBe(200);
        const got = await get('/native');
        expect([got.status, got.text]).toEqual([429, 'Too many requests, please try again later.']);
      },
    );
    expect(log).toEqual([
      'outer in',
      'inner in',
      'inner out 200',
      'outer out 200 0',
      'outer in',
      'outer out 429 0',
    ]);
  });

  it('answers a preflight as the cors package does', () =>
    serve([fromExpress(corsOfExpress({ origin: 'https://a.example' }))], async get => {
      const got = await get('/native', { origin: 'https://a.example' });
      expect(got.headers['access-control-allow-origin']).toBe('https://a.example');
    }));

  it('logs after the response', async () => {
    const lines: string[] = [];
    const logged = gate();
    const stream = {
      write: (line: string) => {
        lines.push(line.trim());
        logged.open();
      },
    };
    await serve(
      [
        fromExpress(morgan(':method :url :status :res[x-late]', { stream })),
        async (request, callNext) => {
          const response = await callNext(request);
          response.headers.set('x-late', 'yes');
          return response;
        },
      ],
      async get => {
        await get('/native');
        await logged.opened;
      },
    );
    expect(lines).toEqual(['GET /native 200 yes']);
  });

  it('keeps a session of express-session', () => {
    const sessions = session({ secret: 'secret', resave: false, saveUninitialized: false });
    const app = framework();
    app.use(toExpress(new Layer({ middleware: [fromExpress(sessions)] })));
    app.get('/', (req, res) => {
      const current = (req as unknown as { session: object }).session as unknown as { visits?: number };
      current.visits = (current.visits ?? 0) + 1;
      res.json(current.visits);
    });
    return listening(app, async (_url, port) => {
      const first = await ask(port);
      const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
      expect([first.text, (await ask(port, { headers: { cookie } })).text]).toEqual(['1', '2']);
    });
  });

  it.each([
    [
      'passes to next',
      (_req: unknown, _res: unknown, next: (error: unknown) => void) =>
        next(Object.assign(new Error('no'), { status: 418 })),
    ],
    [
      'throws',
      () => {
        throw Object.assign(new Error('no'), { status: 418 });
      },
    ],
    [
      'rejects with',
      async () => {
        throw Object.assign(new Error('no'), { status: 418 });
      },
    ],
  ])('propagates an error that it %s as an exception', async (_name, middleware) => {
    const log: string[] = [];
    const app = framework();
    app.use(toExpress(new Layer({ middleware: [noting(log), fromExpress(middleware as never)] })));
    app.get('/', (_req, res) => void res.send('never'));
    app.use((error: Error & { status: number }, _req: unknown, res: express.Response, _next: unknown) => {
      res.status(error.status).send(`page: ${error.message}`);
    });
    await listening(app, async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.text]).toEqual([418, 'page: no']);
    });
    expect(log).toEqual(['no']);
  });

  it('lets errors from below pass it by', async () => {
    const log: string[] = [];
    const catching: Middleware = async (request, callNext) => {
      try {
        return await callNext(request);
      } catch (error) {
        log.push((error as Error).message);
        return Response.json('caught', { status: 503 });
      }
    };
    await serve([catching, fromExpress(helmet()), fromExpress(compression())], async get => {
      for (const path of ['/fail', '/fail-endpoint']) {
        const got = await get(path);
        expect([got.status, got.text]).toEqual([503, '"caught"']);
      }
    });
    expect(log).toEqual(['native', 'endpoint']);
  });

  it('sees a request that an outer middleware has changed', async () => {
    const seen: unknown[] = [];
    const change: Middleware = (request, callNext) =>
      callNext(
        new (request.constructor as new (...args: unknown[]) => typeof request)(request, {
          url: '/native?changed',
          headers: { 'x-a': 'b' },
        }),
      );
    const look = (
      req: { url: string; headers: Record<string, unknown> },
      _res: unknown,
      next: () => void,
    ) => {
      seen.push(req.url, req.headers['x-a']);
      next();
    };
    await serve([change, fromExpress(look as never)], async get => {
      expect((await get('/other')).text).toBe(text);
    });
    expect(seen).toEqual(['/native?changed', 'b']);
  });

  it('keeps an async store that it opens for what is below', async () => {
    const store = new AsyncLocalStorage<string>();
    const app = framework();
    const open = (_req: unknown, _res: unknown, next: () => void) => store.run('open', next);
    app.use(toExpress(new Layer({ middleware: [fromExpress(open as never)] })));
    app.get('/native', (_req, res) => void res.send(store.getStore()));
    app.get('/endpoint', toExpress(endpoint({}, () => store.getStore() ?? null)));
    await listening(app, async (_url, port) => {
      expect([
        (await ask(port, { path: '/native' })).text,
        (await ask(port, { path: '/endpoint' })).text,
      ]).toEqual(['open', '"open"']);
    });
  });

  it('works in nested layers, in a router and around a whole app', async () => {
    const log: string[] = [];
    const outer = new Layer({
      middleware: [watching(log, 'outer', 'x-frame-options'), fromExpress(compression())],
    });
    const inner = new Layer({
      middleware: [watching(log, 'inner', 'x-frame-options'), fromExpress(helmet())],
    });
    const routes = framework.Router();
    routes.use(toExpress(inner));
    routes.get('/native', (_req, res) => void res.send(text));
    routes.get(
      '/endpoint',
      toExpress(endpoint({}, () => new Response(text, { headers: { 'content-type': 'text/plain' } }))),
    );
    const app = framework();
    app.use('/in', routes);
    const limited = fromExpress(
      rateLimit({ limit: 3, standardHeaders: 'draft-6', legacyHeaders: false }) as never,
    );
    const around = wrap(app as never, new Layer({ middleware: [limited] }));
    app.use(toExpress(outer), routes);
    await listening(around as RequestListener, async (_url, port) => {
      for (const path of ['/native', '/endpoint']) {
        const got = await ask(port, { path, headers: { 'accept-encoding': 'gzip' } });
        expect(gunzipSync(got.body).toString()).toBe(text);
        expect(got.headers['x-frame-options']).toBe('SAMEORIGIN');
      }
      expect((await ask(port, { path: '/in/native' })).headers['x-frame-options']).toBe('SAMEORIGIN');
      expect((await ask(port, { path: '/native' })).status).toBe(429);
    });
    const one = ['outer in', 'inner in', 'inner out 200 SAMEORIGIN', 'outer out 200 SAMEORIGIN'];
    expect(log).toEqual([...one, ...one, 'inner in', 'inner out 200 SAMEORIGIN']);
  });

  it('lets what is below stream through compression, and cuts what fails', async () => {
    const told: string[] = [];
    async function* failing() {
      yield text;
      throw new Error('cut');
    }
    const app = framework();
    app.use(
      toExpress(
        new Layer({ middleware: [fromExpress(compression())], onError: error => told.push(error.message) }),
      ),
    );
    app.get(
      '/',
      toExpress(endpoint({}, () => new StreamingResponse(failing(), { mediaType: 'text/plain' }))),
    );
    await listening(app, async (_url, port) => {
      await expect(ask(port, { headers: { 'accept-encoding': 'gzip' } })).rejects.toThrow('aborted');
    });
    expect(told).toEqual(['cut']);
  });
});

/** Patches `res.end`, like compression, on-headers and many others. */
const covering = fromExpress(((
  _req: unknown,
  res: { end: (...args: unknown[]) => unknown },
  next: () => void,
) => {
  const { end } = res;
  res.end = (...args) => end.apply(res, args);
  next();
}) as never);
const passing = (): Middleware =>
  fromExpress(((_req: unknown, _res: unknown, next: () => void) => next()) as never);
const replacing: Middleware = async (request, callNext) => {
  await callNext(request);
  return new Response('short');
};

describe.each([
  ['5', express],
  ['4', express4],
])('several of fromExpress() on Express %s', (_major, framework) => {
  const serving = (middleware: Middleware[], onError: (error: Error) => void = () => undefined) => {
    const app = framework().set('env', 'test');
    app.use(toExpress(new Layer({ middleware, onError })));
    return app;
  };

  it.each([
    [[covering, replacing, covering]],
    [[fromExpress(compression()), replacing, fromExpress(compression({ threshold: 0 }))]],
    [[covering, replacing, covering, replacing, covering]],
    [[covering, timeout({ timeoutMs: 1000 }), covering, replacing, fromExpress(compression())]],
  ])('send another response with its own head, whatever stands around it', async middleware => {
    const app = serving(middleware);
    app.get('/endpoint', toExpress(endpoint({}, () => 'x')));
    app.get('/native', (_req, res) => void res.send('native'));
    await listening(app, async (_url, port) => {
      for (const path of ['/endpoint', '/native']) {
        const got = await ask(port, { path });
        expect([got.status, got.text]).toEqual([200, 'short']);
      }
    });
  });

  it('send another response with its own head in nested layers too', async () => {
    const cover = (_req: unknown, res: express.Response, next: () => void) => {
      const { end } = res;
      res.end = ((...args: Parameters<typeof end>) => end.apply(res, args)) as never;
      next();
    };
    const pass: Middleware = (request, callNext) => callNext(request);
    const app = framework();
    app.use(
      toExpress(pass),
      cover,
      toExpress(replacing),
      cover,
      toExpress(pass),
      toExpress(endpoint({}, () => 'x')),
    );
    await listening(app, async (_url, port) => expect((await ask(port)).text).toBe('short'));
  });

  it.each([
    ['before them', (limit: Middleware) => [limit, passing(), passing()]],
    ['between them', (limit: Middleware) => [passing(), limit, passing()]],
    ['behind them', (limit: Middleware) => [passing(), passing(), limit]],
    ['between those that cover', (limit: Middleware) => [covering, limit, covering]],
  ])('leave the dependencies of what was abandoned: %s', async (_name, arrange) => {
    const log = new EventLog();
    const goOn = gate();
    async function* getDb() {
      try {
        yield 'db';
      } catch (error) {
        log.add(`thrown in: ${(error as Error).message}`);
      } finally {
        log.add('exit');
      }
    }
    const slow = endpoint({ db: Depends(getDb) }, async () => {
      await goOn.opened;
      log.add('through');
      return 'late';
    });
    const app = serving(arrange(timeout({ timeoutMs: 20 })), error =>
      log.add(`reported ${error.message.slice(0, 30)}`),
    );
    app.get('/endpoint', toExpress(slow));
    app.get('/native', async (_req, res) => {
      await goOn.opened;
      res.send('late');
      log.add('native');
    });
    await listening(app, async (_url, port) => {
      for (const path of ['/endpoint', '/native']) {
        const got = await ask(port, { path });
        expect([got.status, got.text]).toEqual([504, '{"detail":"Gateway Timeout"}']);
      }
      goOn.open();
      await log.until('exit');
      await log.until('native');
    });
    expect(log.events.filter(event => event !== 'native')).toEqual([
      'through',
      'thrown in: Gateway Timeout',
      'exit',
      'reported The dependency `getDb` caught ',
    ]);
  });

  it.each([
    ['compression', fromExpress(compression()), 'page after'],
    ['a middleware that covers', covering, 'page after'],
    ['helmet', fromExpress(helmet()), 'page after'],
  ])('let a failure further out be answered: %s', async (_name, middleware, expected) => {
    const failing: Middleware = async (request, callNext) => {
      await callNext(request);
      throw new Error('after');
    };
    const app = serving([failing, middleware]);
    app.get('/', toExpress(endpoint({}, () => new Response('x'))));
    app.use(
      (error: Error, _req: unknown, res: express.Response, _next: unknown) =>
        void res.status(500).send(`page ${error.message}`),
    );
    await listening(app, async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.text]).toEqual([500, expected]);
    });
  });

  it.each([
    ['compression', () => [fromExpress(compression())]],
    ['one that covers, and one that does not', () => [covering, passing()]],
    ['one that does not, and one that covers', () => [passing(), covering]],
  ])('leave the dependencies of an endpoint whose client left: %s', async (_name, arrange) => {
    const log = new EventLog();
    const goOn = gate();
    const begun = gate();
    async function* getDb() {
      yield 'db';
      log.add('exit');
    }
    const slow = endpoint({ db: Depends(getDb) }, async ({ request }) => {
      begun.open();
      await new Promise(resolve => request.signal.addEventListener('abort', resolve));
      await goOn.opened;
      return 'late';
    });
    const seen: string[] = [];
    const app = serving([watching(seen, 'outer'), ...arrange()]);
    app.get('/', toExpress(slow));
    await listening(app, async (_url, port) => {
      const sent = http.get({ port, host: '127.0.0.1', agent: false });
      sent.on('error', () => undefined);
      await begun.opened;
      sent.destroy();
      goOn.open();
      await log.until('exit');
    });
    expect(seen).toEqual(['outer in', 'outer out 200']);
  });

  it('leave the dependencies under a timeout before one that covers and one that does not', async () => {
    const log = new EventLog();
    const goOn = gate();
    async function* getDb() {
      try {
        yield 'db';
      } finally {
        log.add('exit');
      }
    }
    const app = serving([timeout({ timeoutMs: 20 }), fromExpress(compression()), fromExpress(helmet())]);
    app.get('/', toExpress(endpoint({ db: Depends(getDb) }, () => goOn.opened)));
    await listening(app, async (_url, port) => {
      expect((await ask(port)).status).toBe(504);
      goOn.open();
      await log.until('exit');
    });
  });

  it.each([
    ['session', () => fromExpress(session({ secret: 's', resave: false, saveUninitialized: true }))],
    ['one that covers', () => covering],
    ['another compression', () => fromExpress(compression({ threshold: 0 }))],
  ])('keep what compression says about a body with that body: %s further in', async (_name, inner) => {
    const app = serving([fromExpress(compression({ threshold: 0 })), replacing, inner()]);
    app.get('/endpoint', toExpress(endpoint({}, () => new Response('x'.repeat(10)))));
    app.get('/native', (_req, res) => void res.send('native'));
    await listening(app, async (_url, port) => {
      for (const path of ['/endpoint', '/native']) {
        const got = await ask(port, { path, headers: { 'accept-encoding': 'gzip' } });
        const coded = got.headers['content-encoding'] === 'gzip';
        expect((coded ? gunzipSync(got.body) : got.body).toString()).toBe('short');
      }
    });
  });

  it('send an outer replacement with its own head after a timeout further in', async () => {
    const goOn = gate();
    const app = serving([
      replacing,
      fromExpress(compression({ threshold: 0 })),
      timeout({ timeoutMs: 20 }),
      passing(),
    ]);
    app.get('/', async (_req, res) => {
      await goOn.opened;
      res.send('slow');
    });
    await listening(app, async (_url, port) => {
      const got = await ask(port, { headers: { 'accept-encoding': 'gzip' } });
      goOn.open();
      expect([got.status, got.headers['content-type']]).toEqual([200, 'text/plain;charset=UTF-8']);
      const coded = got.headers['content-encoding'] === 'gzip';
      expect((coded ? gunzipSync(got.body) : got.body).toString()).toBe('short');
    });
  });

  it('keep what native code set between layer and endpoint when the layer responds anew', async () => {
    const rebuilding: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response(response.body, response);
    };
    const app = framework();
    app.use(toExpress(rebuilding), helmet(), (_req: unknown, res: express.Response, next: () => void) => {
      res.cookie('mid', '1');
      next();
    });
    app.get('/endpoint', toExpress(endpoint({}, () => 'x')));
    app.get('/native', (_req, res) => void res.send('x'));
    await listening(app, async (_url, port) => {
      for (const path of ['/endpoint', '/native']) {
        const { headers } = await ask(port, { path });
        expect([headers['x-frame-options'], headers['set-cookie']]).toEqual([
          'SAMEORIGIN',
          ['mid=1; Path=/'],
        ]);
      }
    });
  });

  it('let outer middleware remove what it sees when an inner layer responds anew', async () => {
    const strip: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      expect(response.headers.getSetCookie()).toEqual(['mid=1; Path=/']);
      response.headers.delete('set-cookie');
      response.headers.delete('x-mid');
      return response;
    };
    const rebuild: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response(response.body, response);
    };
    const mid = (_req: unknown, res: express.Response, next: () => void): void => {
      res.cookie('mid', '1').set('x-mid', '1');
      next();
    };
    const nested = framework();
    nested.use(
      toExpress(strip),
      mid,
      toExpress(rebuild),
      (_req: unknown, res: express.Response) => void res.send('n'),
    );
    const among = serving([strip, fromExpress(mid as never), rebuild]);
    among.use((_req: unknown, res: express.Response) => void res.send('n'));
    for (const app of [nested, among]) {
      const { headers } = await listening(app, (_url, port) => ask(port));
      expect([headers['set-cookie'], headers['x-mid']]).toEqual([undefined, undefined]);
    }
  });

  it('leave the answer of an outer layer to the outer layer', async () => {
    const goOn = gate();
    const seen: unknown[] = [];
    const race: Middleware = (request, callNext) => {
      callNext(request).catch(() => undefined);
      return new Response('mine', { status: 202 });
    };
    const inner: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      seen.push(response.status);
      response.headers.set('x-inner', '1');
      return response;
    };
    const pass: Middleware = (request, callNext) => callNext(request);
    const through = gate();
    const app = framework();
    app.use(toExpress(pass), toExpress(race), toExpress(inner));
    app.use(
      toExpress(
        endpoint({}, async ({ backgroundTasks }) => {
          backgroundTasks.addTask(() => through.open());
          await goOn.opened;
          return 'late';
        }),
      ),
    );
    await listening(app, async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.text, got.headers['x-inner']]).toEqual([202, 'mine', undefined]);
      goOn.open();
      await through.opened;
    });
    expect(seen).toEqual([200]);
  });

  it('belong to their own layer when another layer runs inside native code', async () => {
    const log: string[] = [];
    const inner = toExpress(new Layer({ middleware: [watching(log, 'inner')] }));
    const layered = fromExpress(((req: never, res: never, next: () => void) =>
      inner(req, res, next)) as never);
    const app = serving([watching(log, 'outer'), layered, watching(log, 'middle'), passing()]);
    app.get('/native', (_req, res) => void res.send('native'));
    app.get('/endpoint', toExpress(endpoint({}, () => 'endpoint')));
    await listening(app, async (_url, port) => {
      expect((await ask(port, { path: '/native' })).text).toBe('native');
      expect((await ask(port, { path: '/endpoint' })).text).toBe('"endpoint"');
    });
    const one = ['outer in', 'inner in', 'middle in', 'middle out 200', 'inner out 200', 'outer out 200'];
    expect(log).toEqual([...one, ...one]);
  });

  it.each([
    ['alone', []],
    ['around one that covers', [fromExpress(compression())]],
    [
      'around one that replaces',
      [
        async (request, callNext) => {
          await callNext(request);
          return new Response('e', {
            headers: [
              ['set-cookie', 'e=1'],
              ['vary', 'E'],
            ],
          });
        },
      ],
    ],
  ] as [string, Middleware[]][])(
    'add their cookies and vary names to those set further in: %s',
    async (_name, inside) => {
      const setting = fromExpress(((_req: unknown, res: express.Response, next: () => void) => {
        res.cookie('m', '1');
        res.vary('M');
        next();
      }) as never);
      const app = serving([setting, ...inside]);
      app.get(
        '/endpoint',
        toExpress(
          endpoint(
            {},
            () =>
              new Response('e', {
                headers: [
                  ['set-cookie', 'e=1'],
                  ['vary', 'E'],
                ],
              }),
          ),
        ),
      );
      await listening(app, async (_url, port) => {
        const { headers } = await ask(port, { path: '/endpoint' });
        expect(headers['set-cookie']).toEqual(expect.arrayContaining(['m=1; Path=/', 'e=1']));
        expect(headers['set-cookie']).toHaveLength(2);
        expect(headers.vary?.split(', ').sort()).toEqual(expect.arrayContaining(['E', 'M']));
      });
    },
  );

  it.each([[[]], [[replacing]], [[covering]]])('remove headers that were set before', async inside => {
    const app = framework();
    app.use((_req, res, next) => {
      res.set('x-secret', '1');
      next();
    });
    const removing = fromExpress(((_req: unknown, res: express.Response, next: () => void) => {
      res.removeHeader('x-secret');
      next();
    }) as never);
    app.use(toExpress(new Layer({ middleware: [removing, ...inside] })));
    app.get('/endpoint', toExpress(endpoint({}, () => 'e')));
    app.get('/native', (_req, res) => void res.send('n'));
    await listening(app, async (_url, port) => {
      for (const path of ['/endpoint', '/native'])
        expect((await ask(port, { path })).headers).not.toHaveProperty('x-secret');
    });
  });

  it('keep their headers on the error page of a handler that fails after its answer', async () => {
    const layer = new Layer({ middleware: [fromExpress(helmet())], onError: () => undefined });
    async function* transaction() {
      yield;
    }
    const app = framework().set('env', 'test');
    app.use(toExpress(layer));
    app.get('/', (req, res, next) => {
      void inject(req, Depends(transaction)).then(() => {
        res.set('x-own', '1').send('a');
        next(new Error('late'));
      });
    });
    app.use(errorBoundary(layer));
    app.use((error: Error, _req: unknown, res: express.Response, _next: unknown) => {
      res.status(500).send(`page: ${error.message}`);
    });
    await listening(app, async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.text, got.headers['x-frame-options'], got.headers['x-own']]).toEqual([
        500,
        'page: late',
        'SAMEORIGIN',
        undefined,
      ]);
    });
  });

  it('turn any rejected promise into an exception', async () => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: this is what the test is about
      then: (_resolve: unknown, reject: (error: Error) => void) => reject(new Error('thenable')),
    };
    const app = serving([fromExpress((() => thenable) as never)]);
    app.use(
      (error: Error, _req: unknown, res: express.Response, _next: unknown) => void res.send(error.message),
    );
    await listening(app, async (_url, port) => expect((await ask(port)).text).toBe('thenable'));
  });

  it('report a second call of next', async () => {
    const told: string[] = [];
    const twice = fromExpress(((_req: unknown, _res: unknown, next: () => void) => {
      next();
      setImmediate(next);
    }) as never);
    const known = gate();
    const app = serving([twice], error => {
      told.push((error as { code: string } & Error).code);
      known.open();
    });
    app.get('/', (_req, res) => void res.send('once'));
    await listening(app, async (_url, port) => {
      expect((await ask(port)).text).toBe('once');
      await known.opened;
    });
    expect(told).toEqual([expect.stringMatching(/^CALL_NEXT_(?:TWICE|LATE)$/)]);
  });

  it('see the query before a wrapped app begins', async () => {
    const queries: unknown[] = [];
    const look = fromExpress(((req: express.Request, res: express.Response, next: () => void) => {
      queries.push(req.query.a, typeof res.status, typeof req.app);
      next();
    }) as never);
    const app = framework();
    app.get('/', (req, res) => void res.send(req.query.a));
    await listening(
      wrap(app as never, new Layer({ middleware: [look] })) as RequestListener,
      async (_url, port) => {
        expect((await ask(port, { path: '/?a=b' })).text).toBe('b');
      },
    );
    expect(queries).toEqual(['b', 'function', 'function']);
  });
});

describe.each([
  ['3', Koa],
  ['2', Koa2],
])('fromKoa() on Koa %s', (_major, Framework) => {
  const serve = <T>(
    middleware: Middleware[],
    use: (get: (path: string, headers?: Record<string, string>) => Promise<Got>) => Promise<T>,
  ): Promise<T> => {
    const app = new Framework();
    app.silent = true;
    app.use(toKoa(new Layer({ middleware, onError: () => undefined })));
    const plain = endpoint({}, () => new Response(text, { headers: { 'content-type': 'text/plain' } }));
    const failing = endpoint({}, () => {
      throw new Error('endpoint');
    });
    app.use(async (ctx, next) => {
      if (ctx.path === '/native') ctx.body = text;
      else if (ctx.path === '/endpoint') await toKoa(plain)(ctx as never, next);
      else if (ctx.path === '/fail-endpoint') await toKoa(failing)(ctx as never, next);
      else if (ctx.path === '/fail') throw new Error('native');
      else if (ctx.path === '/raw') {
        ctx.respond = false;
        ctx.res.statusCode = 200;
        ctx.res.end('raw');
      }
    });
    return listening(app.callback(), (_url, port) =>
      use((path, headers = {}) => ask(port, { path, headers })),
    );
  };

  it.each(['/native', '/endpoint'])('shows the headers of @koa/cors further out: %s', async path => {
    const log: string[] = [];
    const name = 'access-control-allow-origin';
    await serve([watching(log, 'outer', name), fromKoa(koaCors({})), watching(log, 'inner')], async get => {
      const got = await get(path, { origin: 'https://a.example' });
      expect([got.text, got.headers[name]]).toEqual([text, '*']);
    });
    expect(log).toEqual(['outer in', 'inner in', 'inner out 200', 'outer out 200 *']);
  });

  it.each(['/native', '/endpoint'])('shows the body that koa-compress makes further out: %s', async path => {
    const log: string[] = [];
    await serve(
      [
        async (request, callNext) => {
          const response = await callNext(request);
          log.push(
            `${response.headers.get('content-encoding')} ${gunzipSync(await response.arrayBuffer()).toString() === text}`,
          );
          return response;
        },
        fromKoa(compress({ br: false }) as never),
      ],
      async get => {
        const got = await get(path, { 'accept-encoding': 'gzip' });
        expect(gunzipSync(got.body).toString()).toBe(text);
      },
    );
    expect(log).toEqual(['gzip true']);
  });

  it('runs before and after what is below, with its context', async () => {
    const log = new EventLog();
    const native = async (ctx: Koa.Context, next: KoaNext): Promise<void> => {
      log.add('native in');
      await next();
      log.add(`native out ${ctx.status} ${String(ctx.body).length}`);
      ctx.set('x-length', String(ctx.length));
      ctx.status = 202;
    };
    await serve(
      [watching(log.events, 'outer', 'x-length'), fromKoa(native as never), watching(log.events, 'inner')],
      async get => {
        for (const path of ['/native', '/endpoint']) {
          const got = await get(path);
          expect([got.status, got.text, got.headers['x-length']]).toEqual([202, text, String(text.length)]);
        }
      },
    );
    const one = [
      'outer in',
      'native in',
      'inner in',
      'inner out 200',
      `native out 200 ${text.length}`,
      `outer out 202 ${text.length}`,
    ];
    expect(log.events).toEqual([...one, ...one]);
  });

  it('catches what is thrown below by itself', async () => {
    const native = async (ctx: Koa.Context, next: KoaNext): Promise<void> => {
      try {
        await next();
      } catch (error) {
        ctx.status = 503;
        ctx.body = `caught ${(error as Error).message}`;
      }
    };
    await serve([fromKoa(native as never)], async get => {
      expect([(await get('/fail')).text, (await get('/fail-endpoint')).text]).toEqual([
        'caught native',
        'caught endpoint',
      ]);
    });
  });

  it('propagates what it throws as an exception, and answers by itself', async () => {
    const log: string[] = [];
    const native = async (ctx: Koa.Context): Promise<void> => {
      if (ctx.path === '/throw') ctx.throw(409, 'no');
      ctx.body = 'mine';
    };
    await serve([noting(log), fromKoa(native as never), watching(log, 'inner')], async get => {
      expect((await get('/throw')).status).toBe(409);
      expect((await get('/native')).text).toBe('mine');
    });
    expect(log).toEqual(['no']);
  });

  it('lets raw answers pass through it', async () => {
    const log: string[] = [];
    const native = async (_ctx: Koa.Context, next: KoaNext) => next();
    await serve([watching(log, 'outer'), fromKoa(native as never), watching(log, 'inner')], async get => {
      expect((await get('/raw')).text).toBe('raw');
    });
    expect(log).toEqual(['outer in', 'inner in', 'inner out 200', 'outer out 200']);
  });

  it.each([
    ['/endpoint', text],
    ['/native', text],
    ['/raw', 'raw'],
  ])('patches the response as connect middleware does: %s', async (path, expected) => {
    const cover = async (ctx: Koa.Context, next: KoaNext) => {
      const { end } = ctx.res;
      ctx.res.end = ((...args: Parameters<typeof end>) => Reflect.apply(end, ctx.res, args)) as never;
      await next();
    };
    const log: string[] = [];
    const middleware = [
      watching(log, 'outer'),
      fromKoa(cover as never),
      watching(log, 'middle'),
      fromKoa(cover as never),
    ];
    await serve(middleware, async get => expect((await get(path)).text).toBe(expected));
    expect(log).toEqual(['outer in', 'middle in', 'middle out 200', 'outer out 200']);
  });

  it('adds its cookies and vary names to those set further in', async () => {
    const setting = async (ctx: Koa.Context, next: KoaNext) => {
      ctx.cookies.set('m', '1');
      ctx.vary('M');
      await next();
    };
    const app = new Framework();
    app.use(toKoa(new Layer({ middleware: [fromKoa(setting as never)] })));
    app.use(
      toKoa(
        endpoint(
          {},
          () =>
            new Response('e', {
              headers: [
                ['set-cookie', 'e=1'],
                ['vary', 'E'],
              ],
            }),
        ),
      ),
    );
    await listening(app.callback(), async (_url, port) => {
      const { headers } = await ask(port);
      expect([headers['set-cookie'], headers.vary]).toEqual([['m=1; path=/; httponly', 'e=1'], 'M, E']);
    });
  });

  it('belongs to its own layer when another layer runs inside native code', async () => {
    const log: string[] = [];
    const inner = toKoa(new Layer({ middleware: [watching(log, 'inner')] }));
    const catching: Middleware = async (request, callNext) => {
      try {
        return await callNext(request);
      } catch (error) {
        return new Response(`caught ${(error as Error).message}`);
      }
    };
    const throwing = async (ctx: Koa.Context, next: KoaNext) => {
      await next();
      if (ctx.path === '/native') throw new Error('z');
    };
    await serve([fromKoa(inner as never), catching, fromKoa(throwing as never)], async get => {
      expect((await get('/native')).text).toBe('caught z');
      expect((await get('/endpoint')).text).toBe(text);
      expect((await get('/raw')).text).toBe('raw');
    });
    expect(log).toEqual([
      'inner in',
      'inner out 200',
      'inner in',
      'inner out 200',
      'inner in',
      'inner out 200',
    ]);
  });

  it('warns of no leak when many of them surround a stream', async () => {
    const warned = jest.spyOn(process, 'emitWarning');
    const many = Array.from({ length: 15 }, () =>
      fromKoa((async (_ctx: Koa.Context, next: KoaNext) => next()) as never),
    );
    const app = new Framework();
    app.use(toKoa(new Layer({ middleware: many })));
    app.use(ctx => {
      ctx.body = Readable.from(['a', 'b']);
    });
    await listening(app.callback(), async (_url, port) => expect((await ask(port)).text).toBe('ab'));
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  it('works in nested layers, several in one', async () => {
    const log: string[] = [];
    const set = (name: string) =>
      fromKoa((async (ctx: Koa.Context, next: KoaNext) => {
        await next();
        ctx.set(name, 'yes');
      }) as never);
    const app = new Framework();
    app.use(
      toKoa(new Layer({ middleware: [watching(log, 'outer', 'x-a', 'x-b', 'x-c'), set('x-a'), set('x-b')] })),
    );
    app.use(toKoa(new Layer({ middleware: [watching(log, 'inner', 'x-a', 'x-b', 'x-c'), set('x-c')] })));
    const answer = endpoint({}, () => 'answer');
    app.use(async (ctx, next) => {
      if (ctx.path === '/endpoint') return toKoa(answer)(ctx as never, next);
      ctx.body = 'native';
    });
    await listening(app.callback(), async (_url, port) => {
      for (const path of ['/native', '/endpoint']) {
        const { headers } = await ask(port, { path });
        expect([headers['x-a'], headers['x-b'], headers['x-c']]).toEqual(['yes', 'yes', 'yes']);
      }
    });
    const one = ['outer in', 'inner in', 'inner out 200   yes', 'outer out 200 yes yes yes'];
    expect(log).toEqual([...one, ...one]);
  });
});

it('fromExpress() runs connect middleware around a Node listener', async () => {
  const layer = new Layer({ middleware: [fromExpress(helmet()), fromExpress(compression())] });
  const listener = toNode(layer, (_req, res) => {
    res.setHeader('content-type', 'text/plain');
    res.end(text);
  });
  await listening(listener as RequestListener, async (_url, port) => {
    const got = await ask(port, { headers: { 'accept-encoding': 'gzip' } });
    expect([gunzipSync(got.body).toString(), got.headers['x-frame-options']]).toEqual([text, 'SAMEORIGIN']);
  });
});

it('rejects middleware of another framework', async () => {
  const errors: string[] = [];
  const onError = (error: Error) => errors.push(error.message);
  const koa = new Koa();
  koa.silent = true;
  koa.use(toKoa(new Layer({ middleware: [fromExpress(helmet())], onError })));
  const app = express().set('env', 'test');
  app.use(toExpress(new Layer({ middleware: [fromKoa(koaCors({}))], onError })));
  app.use((error: Error, _req: unknown, res: express.Response, _next: unknown) => {
    errors.push(error.message);
    res.status(500).end();
  });
  koa.on('error', onError);
  await listening(koa.callback(), async (_url, port) => expect((await ask(port)).status).toBe(500));
  await listening(app, async (_url, port) => expect((await ask(port)).status).toBe(500));
  expect(errors).toEqual([
    '`fromExpress()` only runs in requests of Express or Node, received an object of class `Object`. (GET /)',
    '`fromKoa()` only runs in requests of Koa, received an object of class `Object`. (GET /)',
  ]);
});

it.each([
  [
    () => fromExpress('helmet' as never),
    '`fromExpress()` takes an Express middleware (req, res, next), received string `helmet`.',
  ],
  [
    () =>
      fromExpress(((_error: unknown, _req: unknown, _res: unknown, _next: unknown) => undefined) as never),
    'takes an Express middleware (req, res, next)',
  ],
  [
    () => fromKoa(undefined as never),
    '`fromKoa()` takes a Koa middleware (ctx, next), received `undefined`.',
  ],
])('rejects a value that is not middleware when it is built: %s', (build, message) => {
  expect(build).toThrow(message);
});
