import type { RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';
import {
  Depends,
  endpoint,
  Layer,
  type Middleware,
  PlainTextResponse,
  Response,
  StreamingResponse,
} from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import compression from 'compression';
import express5 from 'express';
import onHeaders from 'on-headers';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire, unchunked } from '../support/wire.js';

const express4 = require('express4') as typeof express5;
const large = 'a long line of text\n'.repeat(50_000);

const timing: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('x-timing', '1');
  return response;
};
const slow: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
  return response;
};

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('toExpress on %s', (_name, express) => {
  function newApp(): express5.Express {
    const app = express();
    app.set('env', 'test');
    return app;
  }

  const get = (app: express5.Express, path = '/', init: RequestInit = {}) =>
    listening(app, async url => {
      const response = await fetch(url + path, init);
      return { status: response.status, headers: response.headers, body: await response.text() };
    });

  describe('errors of native handlers', () => {
    const failing = (_req: express5.Request, _res: express5.Response): never => {
      throw new Error('native failure');
    };
    const caught: Middleware = async (request, callNext) => {
      try {
        return await callNext(request);
      } catch (error) {
        return new PlainTextResponse(`caught ${(error as Error).message}`, { status: 503 });
      }
    };

    it('propagate to the middleware, from nested routers and mounted apps too', async () => {
      const app = newApp();
      app.use(toExpress(caught));
      app.use('/router', express.Router().get('/', failing));
      const mounted = newApp().get('/', failing) as express5.Express;
      app.use('/mounted', mounted);
      for (const path of ['/router', '/mounted']) {
        expect(await get(app, path)).toMatchObject({ status: 503, body: 'caught native failure' });
      }
    });

    it('propagate from a route that is added after the first request', async () => {
      const app = newApp();
      app.use(toExpress(caught));
      expect((await get(app, '/late')).status).toBe(404);
      app.get('/late', failing);
      expect(await get(app, '/late')).toMatchObject({ status: 503, body: 'caught native failure' });
    });

    it("resolve callNext with the answer of the app's own error middleware", async () => {
      const app = newApp();
      const log = new EventLog();
      app.use(
        toExpress(async (request, callNext) => {
          const response = await callNext(request);
          log.add(`resolved ${response.status}`);
          response.headers.set('x-timing', '1');
          return response;
        }),
      );
      app.get('/', failing);
      app.use(
        (error: Error, _req: express5.Request, res: express5.Response, _next: express5.NextFunction) => {
          res.status(418).send(`page: ${error.message}`);
        },
      );
      const { status, body, headers } = await get(app);
      expect({ status, body, timing: headers.get('x-timing') }).toEqual({
        status: 418,
        body: 'page: native failure',
        timing: '1',
      });
      expect(log.events).toEqual(['resolved 418']);
    });

    it('stay in the app without the tap', async () => {
      const app = newApp();
      app.use(toExpress(caught as never, { errorTap: false }));
      app.get('/', failing);
      const { status, body } = await get(app);
      expect(status).toBe(500);
      expect(body).toContain('native failure');
    });

    it('leave the framework its page when nobody handles them', async () => {
      const app = newApp();
      const bare = newApp();
      app.use(toExpress(timing));
      for (const each of [app, bare]) {
        each.get('/', (_req, _res, next) => next(Object.assign(new Error('gone'), { status: 410 })));
      }
      const [ours, native] = [await get(app), await get(bare)];
      expect({ status: ours.status, headers: [...ours.headers.keys()] }).toEqual({
        status: native.status,
        headers: [...native.headers.keys()],
      });
    });

    it('after an answer do not cost the client that answer', async () => {
      const app = newApp();
      app.use(toExpress(slow));
      app.get('/throws', (_req, res) => {
        res.json({ complete: true });
        throw new Error('too late');
      });
      app.get('/twice', (_req, res) => {
        res.send('first');
        res.send('second');
      });
      expect(await get(app, '/throws')).toMatchObject({ status: 200, body: '{"complete":true}' });
      expect(await get(app, '/twice')).toMatchObject({ status: 200, body: 'first' });
    });

    it('are only reported after the middleware has answered in their place', async () => {
      const app = newApp();
      const reports: string[] = [];
      const log = new EventLog();
      const timeout: Middleware = (request, callNext) =>
        Promise.race([
          callNext(request),
          log.until('running').then(() => new PlainTextResponse('late', { status: 504 })),
        ]);
      const layer = new Layer({
        middleware: [timeout],
        onError: error => {
          reports.push(error.message);
          log.add('reported');
        },
      });
      app.use(toExpress(layer));
      let goOn!: () => void;
      const answered = new Promise<void>(resolve => {
        goOn = resolve;
      });
      app.get('/', (_req, res, next) => {
        log.add('running');
        answered.then(() => {
          res.status(201).set('x-late', '1').json({ late: true });
          next(new Error('even later'));
        });
      });
      await listening(app, async url => {
        const response = await fetch(url);
        expect([response.status, await response.text(), response.headers.get('x-late')]).toEqual([
          504,
          'late',
          null,
        ]);
        goOn();
        await log.until('reported');
      });
      expect(reports).toEqual(['even later']);
    });
  });

  it('keeps the flow of the router: next route, next router, params, mounts', async () => {
    const app = newApp();
    app.use(toExpress(timing));
    const router = express.Router({ mergeParams: true });
    router.use(toExpress(timing));
    router.get('/skip', (_req, _res, next) => next('router'));
    router.get('/:item', (_req, _res, next) => next('route'));
    router.get('/:item', (req, res) => {
      res.json({ params: req.params, baseUrl: req.baseUrl, url: req.url, originalUrl: req.originalUrl });
    });
    app.param('shop', (req, _res, next) => {
      Reflect.set(req, 'seen', true);
      next();
    });
    app.use('/shops/:shop', router);
    app.get('/shops/:shop/skip', (_req, res) => {
      res.send('skipped');
    });
    const found = await get(app, '/shops/7/chair?x=1');
    expect(JSON.parse(found.body)).toEqual({
      params: { shop: '7', item: 'chair' },
      baseUrl: '/shops/7',
      url: '/chair?x=1',
      originalUrl: '/shops/7/chair?x=1',
    });
    expect(found.headers.get('x-timing')).toBe('1');
    expect((await get(app, '/shops/7/skip')).body).toBe('skipped');
    expect((await get(app, '/nowhere')).status).toBe(404);
  });

  it('gives an endpoint, and the middleware after it, the parameters of its route', async () => {
    const app = newApp();
    let after: unknown;
    app.use(
      toExpress(async (request, callNext) => {
        const response = await callNext(request);
        after = { ...request.pathParams, url: request.url };
        return response;
      }),
    );
    const router = express
      .Router()
      .get('/items/:id', toExpress(endpoint({}, ({ request }) => ({ ...request.pathParams }))));
    app.use('/shop', router);
    await listening(app, async url => {
      const response = await fetch(`${url}/shop/items/1?a=b`, { headers: { connection: 'close' } });
      expect(await response.json()).toEqual({ id: '1' });
      expect(after).toEqual({ id: '1', url: `${url}/shop/items/1?a=b` });
    });
  });

  it('answers `request.json()` from what express.json() has parsed', async () => {
    const app = newApp();
    app.use(express.json());
    app.post('/', toExpress(endpoint({}, async ({ request }) => request.json())));
    app.post(
      '/text',
      toExpress(
        endpoint({}, async ({ request }) => request.text().catch((error: { code: string }) => error.code)),
      ),
    );
    const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };
    expect((await get(app, '/', init)).body).toBe('{"a":1}');
    expect((await get(app, '/text', init)).body).toBe('"BODY_PARSED"');
  });

  it('throws an error of a body into the dependencies of the layer', async () => {
    const app = newApp();
    const log = new EventLog();
    async function* getDb() {
      try {
        yield 1;
      } catch (error) {
        log.add(`rolled back by ${(error as Error).message}`);
        throw error;
      }
    }
    app.use(toExpress(new Layer({ dependencies: [Depends(getDb)], onError: () => undefined })));
    app.get('/', (_req, res) => {
      const source = Readable.from(
        (async function* () {
          yield 'first';
          throw new Error('source failed');
        })(),
      );
      pipeline(source, res).catch(() => undefined);
    });
    await listening(app, async url => {
      await expect(fetch(url).then(response => response.text())).rejects.toThrow();
      await log.until('rolled back by source failed');
    });
  });

  describe('beside other middleware that patches the response', () => {
    const accept = ['Accept-Encoding: gzip'];
    const inflated = (body: string): string => gunzipSync(Buffer.from(unchunked(body), 'latin1')).toString();

    it.each([
      ['outside', [0, 1]],
      ['inside', [1, 0]],
      ['between two layers', [1, 0, 1]],
    ])('works with compression %s, for a stream longer than the buffers', async (_place, order) => {
      const parts = [compression(), toExpress(slow)] as const;
      const app = newApp();
      for (const index of order) app.use(parts[index] as express5.RequestHandler);
      app.use(toExpress(timing));
      app.get('/', (_req, res) => {
        res.type('text').set('x-native', '1');
        Readable.from([large, large]).pipe(res);
      });
      const sent = await listening(app, (_url, port) => exchangeOnWire(port, '/', 'GET', accept));
      expect(sent.cut).toBe(false);
      expect(sent.head).toMatch(/content-encoding: gzip/i);
      expect(sent.head).toMatch(/x-timing: 1/i);
      expect(inflated(sent.body)).toBe(large + large);
    });

    it.each([
      ['outside', [0, 1]],
      ['inside', [1, 0]],
      ['between two layers', [1, 0, 1]],
    ])(
      'streams megabytes of an endpoint and of a transformed handler, with compression %s',
      async (_place, order) => {
        const transforming: Middleware = async (request, callNext) => {
          const response = await callNext(request);
          const transformed = new Response(response.body?.pipeThrough(new TransformStream()), response);
          // The passing body is encoded if compression runs inside.
          const coding = response.headers.get('content-encoding');
          if (coding) transformed.headers.set('content-encoding', coding);
          return transformed;
        };
        const parts = [compression(), toExpress(transforming)] as const;
        const app = newApp();
        for (const index of order) app.use(parts[index] as express5.RequestHandler);
        async function* lines() {
          for (let line = 0; line < 50; line += 1) yield large;
        }
        app.get(
          '/endpoint',
          toExpress(endpoint({}, () => new StreamingResponse(lines(), { mediaType: 'text/plain' }))),
        );
        app.get('/drains', async (_req, res) => {
          res.type('text');
          for (let line = 0; line < 50; line += 1) {
            if (!res.write(large)) await new Promise(resolve => res.once('drain', resolve));
          }
          res.end();
        });
        for (const path of ['/endpoint', '/drains']) {
          const { body, headers } = await get(app, path, { headers: { 'accept-encoding': 'gzip' } });
          expect([body.length, headers.get('content-encoding')]).toEqual([large.length * 50, 'gzip']);
        }
      },
    );

    it('compresses once when an outer layer answers in place of an inner one', async () => {
      const app = newApp();
      app.use(
        toExpress(async (request, callNext) => {
          await callNext(request);
          return new PlainTextResponse('outer');
        }),
      );
      app.use(compression({ threshold: 0 }));
      app.use(toExpress(timing));
      app.get('/', (_req, res) => {
        res.send(large);
      });
      const { body, headers } = await get(app, '/', { headers: { 'accept-encoding': 'gzip' } });
      expect([body, headers.get('content-encoding')]).toEqual(['outer', null]);
    });

    it('compresses what an endpoint answers below compression, inside the layer', async () => {
      const app = newApp();
      let seen: string | null = null;
      app.use(
        toExpress(async (request, callNext) => {
          const response = await callNext(request);
          seen = response.headers.get('content-encoding');
          return response;
        }),
      );
      app.use(compression());
      app.get('/', toExpress(endpoint({}, () => new PlainTextResponse(large))));
      const sent = await listening(app, (_url, port) => exchangeOnWire(port, '/', 'GET', accept));
      expect(seen).toBe('gzip');
      expect(inflated(sent.body)).toBe(large);
    });

    it('compresses a replaced body when compression is outside', async () => {
      const app = newApp();
      app.use(compression());
      app.use(
        toExpress(async (request, callNext) => {
          await callNext(request);
          return new PlainTextResponse(large);
        }),
      );
      app.get('/', (_req, res) => {
        res.send('old');
      });
      const sent = await listening(app, (_url, port) => exchangeOnWire(port, '/', 'GET', accept));
      expect(inflated(sent.body)).toBe(large);
    });

    it('flushes an event stream through compression, event by event', async () => {
      const app = newApp();
      const log = new EventLog();
      app.use(compression());
      app.use(toExpress(slow));
      app.get('/', (_req, res) => {
        res.type('text/event-stream');
        res.write('data: 1\n\n');
        (res as unknown as { flush(): void }).flush();
        log.until('first read').then(() => res.end('data: 2\n\n'));
      });
      await listening(app, async url => {
        const response = await fetch(url);
        const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
        expect((await reader?.read())?.value).toBe('data: 1\n\n');
        log.add('first read');
        expect((await reader?.read())?.value).toBe('data: 2\n\n');
      });
    });

    it('runs inner on-headers listeners before the middleware, and outer ones after it', async () => {
      const app = newApp();
      const log = new EventLog();
      app.use((_req, res, next) => {
        onHeaders(res, () => log.add(`outside sees ${res.getHeader('x-timing')}`));
        next();
      });
      app.use(toExpress(timing));
      app.use((_req, res, next) => {
        onHeaders(res, () => log.add(`inside sees ${res.getHeader('x-timing')}`));
        next();
      });
      app.get('/', (_req, res) => {
        res.json({});
      });
      await get(app);
      await get(app);
      expect(log.events).toEqual([
        'inside sees undefined',
        'outside sees 1',
        'inside sees undefined',
        'outside sees 1',
      ]);
    });

    it('lets a handler transform its own writes', async () => {
      const app = newApp();
      app.use(toExpress(timing));
      app.get('/', (_req, res) => {
        const gzip = createGzip();
        res.setHeader('content-encoding', 'gzip');
        gzip.pipe(res);
        gzip.end(large);
      });
      expect((await get(app)).body).toBe(large);
    });
  });

  it('answers a response that Node rejects with the error page and none of its headers', async () => {
    const app = newApp();
    const layer = new Layer({
      middleware: [
        async (request, callNext) => {
          const response = await callNext(request);
          response.headers.set('trailer', 'x-sum');
          return response;
        },
      ],
      onError: () => undefined,
    });
    app.use(toExpress(layer));
    app.get('/', (_req, res) => {
      res.set('x-drop', '1').cookie('drop', '1').send('a');
    });
    const { status, headers } = await get(app);
    expect([status, headers.get('x-drop'), headers.get('set-cookie'), headers.get('trailer')]).toEqual([
      500,
      null,
      null,
      null,
    ]);
  });

  it('works beside another copy of the package, with each around an app of its own', async () => {
    const app = newApp();
    app.use(toExpress(timing) as express5.RequestHandler);
    app.get('/', (_req, res) => void res.send('first'));
    expect(await get(app)).toMatchObject({ status: 200, body: 'first' });
    await jest.isolateModulesAsync(async () => {
      const other = require('callnext/express') as typeof import('callnext/express');
      expect(other.toExpress).not.toBe(toExpress);
      const second = newApp();
      second.use(other.toExpress(timing) as express5.RequestHandler);
      second.get('/', (_req, res) => void res.status(201).send('second'));
      const { status, headers, body } = await get(second);
      expect([status, headers.get('x-timing'), body]).toEqual([201, '1', 'second']);
    });
  });

  it('leaves nothing on a connection, even from requests it did not wait for', async () => {
    const app = newApp();
    const counts: number[] = [];
    const timeout: Middleware = (request, callNext) =>
      Promise.race([
        callNext(request),
        new Promise<PlainTextResponse>(resolve =>
          setImmediate(() => resolve(new PlainTextResponse('timeout', { status: 504 }))),
        ),
      ]);
    app.use(toExpress(timeout));
    app.get('/', (req, res) => {
      counts.push(req.socket.listenerCount('close'));
      res.once('close', () => res.json({ late: true }));
    });
    await listening(app, async url => {
      for (let turn = 0; turn < 20; turn += 1) expect((await fetch(url)).status).toBe(504);
    });
    expect(Math.max(...counts)).toBe(Math.min(...counts));
  });

  it('makes a producer wait while the head is held, and continue once', async () => {
    const app = newApp();
    const log = new EventLog();
    app.use(
      toExpress(async (request, callNext) => {
        const response = await callNext(request);
        await log.until('asked to wait');
        return response;
      }),
    );
    app.get('/', (_req, res) => {
      const chunk = Buffer.alloc(8 * 1024);
      let written = 1;
      while (res.write(chunk)) written += 1;
      log.add(`wrote ${written * chunk.length >= res.writableHighWaterMark}`);
      log.add('asked to wait');
      res.on('drain', () => {
        log.add('drain');
        res.end();
      });
    });
    const { body } = await get(app);
    expect(body.length % 8192).toBe(0);
    expect(log.events).toEqual(['wrote true', 'asked to wait', 'drain']);
  });

  it('shows native code what it would see without the layer', async () => {
    const app = newApp();
    const seen: unknown[] = [];
    app.use(toExpress(slow));
    app.get('/', (_req, res) => {
      seen.push(res.headersSent, res.writableEnded);
      res.write('a');
      seen.push(res.headersSent, res.writableEnded);
      expect(() => res.setHeader('x-late', '1')).toThrow(
        expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }),
      );
      expect(() => res.writeHead(200)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }));
      expect(() => res.write({} as string)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
      res.end('b', () => seen.push('ended'));
      seen.push(res.headersSent, res.writableEnded);
      res.on('finish', () => seen.push('finish'));
    });
    expect((await get(app)).body).toBe('ab');
    expect(seen).toEqual([false, false, true, false, true, true, 'ended', 'finish']);
  });

  it('adds nothing visible to the native request and response', async () => {
    const keysIn = async (mount: (app: express5.Express) => RequestListener): Promise<unknown> => {
      const seen: string[] = [];
      const app = newApp();
      const listener = mount(app);
      app.get('/', (req, res) => {
        for (const object of [req, res]) seen.push(Object.keys(object).sort().join(' '));
        res.end();
      });
      await listening(listener, url => fetch(url));
      return seen;
    };
    const plain = await keysIn(app => app);
    expect(await keysIn(app => app.use(toExpress(timing)))).toEqual(plain);
    expect(await keysIn(app => wrap(app as never, timing) as RequestListener)).toEqual(plain);
  });

  it('keeps what native code set before an endpoint, and lets the endpoint stream', async () => {
    const log = new EventLog();
    const chunks = async function* (): AsyncGenerator<string> {
      log.add('chunk');
      yield 'a';
    };
    const app = newApp();
    app.use(
      toExpress(async (request, callNext) => {
        const response = await callNext(request);
        log.add(`after ${response.headers.get('x-between')} ${response.headers.getSetCookie()}`);
        response.headers.delete('x-taken');
        return response;
      }),
    );
    app.use((_req, res, next) => {
      res.setHeader('X-Between', 'kept');
      res.setHeader('X-Taken', 'by the layer');
      res.cookie('native', '1');
      next();
    });
    app.get(
      '/',
      toExpress(endpoint({}, () => new StreamingResponse(chunks(), { headers: { 'set-cookie': 'own=1' } }))),
    );
    const { headers, body } = await get(app);
    expect(log.events).toEqual(['after kept own=1,native=1; Path=/', 'chunk']);
    expect(body).toBe('a');
    expect([headers.get('x-between'), headers.get('x-taken'), headers.getSetCookie()]).toEqual([
      'kept',
      null,
      ['own=1', 'native=1; Path=/'],
    ]);
  });
});
