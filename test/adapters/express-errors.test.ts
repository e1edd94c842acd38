import type http from 'node:http';
import {
  type CallnextError,
  Depends,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
  PlainTextResponse,
} from 'callnext';
import { errorBoundary, inject, toExpress, wrap } from 'callnext/express';
import { toNode } from 'callnext/node';
import express5 from 'express';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const express4 = require('express4') as typeof express5;

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('errors of %s propagate', (_name, express) => {
  let log: EventLog;
  let layer: Layer;
  beforeEach(() => {
    log = new EventLog();
    layer = new Layer({
      middleware: [watching],
      onError: (error, { phase }) => log.add(`reported ${phase}: ${error.message}`),
    });
  });

  const watching: Middleware = async (request, callNext) => {
    try {
      const response = await callNext(request);
      log.add(`after ${response.status}`);
      return response;
    } catch (error) {
      log.add(`caught ${(error as Error).message}`);
      throw error;
    }
  };

  async function* getDb() {
    log.add('enter');
    try {
      yield 'db';
      log.add('commit');
    } catch (error) {
      log.add(`rollback: ${(error as Error).message}`);
      throw error;
    }
  }

  const render: express5.ErrorRequestHandler = (error, _req, res, next) => {
    log.add(`rendered ${error.message}`);
    if (res.headersSent) return next(error);
    res.status(error.status ?? 500).json({ rendered: error.message });
  };

  function newApp(): express5.Express {
    const app = express();
    app.set('env', 'test');
    return app;
  }

  /** Mounts the layer, the routes, the boundary, and the app's error middleware, in this order. */
  function bounded(mount: (app: express5.Express) => void): http.RequestListener {
    const app = newApp();
    app.use(toExpress(layer) as express5.RequestHandler);
    mount(app);
    app.use(errorBoundary(layer) as express5.ErrorRequestHandler);
    app.use(render);
    return app;
  }

  function wrapped(mount: (app: express5.Express) => void): http.RequestListener {
    const app = newApp();
    mount(app);
    return wrap(app, layer) as http.RequestListener;
  }

  const get = (listener: http.RequestListener, path = '/', init: RequestInit = {}) =>
    listening(listener, async url => {
      const response = await fetch(url + path, init);
      return { status: response.status, headers: response.headers, body: await response.text() };
    });

  describe('by an error boundary', () => {
    it.each<[string, express5.RequestHandler]>([
      [
        'throws',
        () => {
          throw new HTTPException(409, 'conflict');
        },
      ],
      ['passes to next', (_req, _res, next) => next(new HTTPException(409, 'conflict'))],
    ])('callNext rejects with what a handler %s', async (_what, handler) => {
      const { status, body } = await get(bounded(app => app.get('/', handler)));
      expect([status, body]).toEqual([409, '{"detail":"conflict"}']);
      expect(log.events).toEqual(['after 409']);
    });

    it('an unhandled error reaches the error middleware after the boundary once', async () => {
      const listener = bounded(app =>
        app.get('/', () => {
          throw new Error('broken');
        }),
      );
      expect(await get(listener)).toMatchObject({ status: 500, body: '{"rendered":"broken"}' });
      expect(log.events).toEqual(['caught broken', 'rendered broken']);
    });

    it('an exception handler answers', async () => {
      layer.addExceptionHandler(
        RangeError,
        (_request, error) => new PlainTextResponse(error.message, { status: 416 }),
      );
      const listener = bounded(app =>
        app.get('/', () => {
          throw new RangeError('too far');
        }),
      );
      expect(await get(listener)).toMatchObject({ status: 416, body: 'too far' });
      expect(log.events).toEqual(['after 416']);
    });

    it('a failure is thrown into injected dependencies before the middleware sees it', async () => {
      const listener = bounded(app =>
        app.get('/', (req, _res, next) => {
          inject(req, Depends(getDb)).then(() => next(new Error('broken')));
        }),
      );
      await get(listener);
      expect(log.events).toEqual(['enter', 'rollback: broken', 'caught broken', 'rendered broken']);
    });

    it('an error replaces the answer while the middleware works on it', async () => {
      const failed = gate();
      const working = gate();
      layer.addMiddleware(async (request, callNext) => {
        const response = await callNext(request);
        log.add('at work');
        working.open();
        await failed.opened;
        return response;
      });
      const listener = bounded(app =>
        app.get('/', (req, res, next) => {
          inject(req, Depends(getDb)).then(() => {
            res.json({ complete: true });
            void working.opened.then(() => {
              next(new HTTPException(503, 'too late'));
              failed.open();
            });
          });
        }),
      );
      expect(await get(listener)).toMatchObject({ status: 503, body: '{"detail":"too late"}' });
      expect(log.events).toEqual(['enter', 'after 200', 'at work', 'rollback: too late']);
    });

    it('a handler that streams and injects gets a clean answer to its error during the hold', async () => {
      const listener = bounded(app =>
        app.get('/', (req, res, next) => {
          inject(req, Depends(getDb)).then(() => {
            res.set('X-Old', '1').write('half of it');
            next(new HTTPException(503, 'no more'));
          });
        }),
      );
      expect(await get(listener)).toMatchObject({ status: 503, body: '{"detail":"no more"}' });
      expect(log.events).toEqual(['enter', 'rollback: no more', 'after 503']);
    });

    it('a streaming handler that fails without dependencies cuts the connection, as Node does', async () => {
      const listener = bounded(app =>
        app.get('/', (_req, res) => {
          res.write('half of it');
          throw new Error('no more');
        }),
      );
      const wire = await listening(listener, (_url, port) => exchangeOnWire(port, '/'));
      expect([wire.head.split('\r\n')[0], wire.cut]).toEqual(['HTTP/1.1 200 OK', true]);
    });

    it('an error after the release cuts the connection, as natively, and rolls back', async () => {
      const listener = bounded(app =>
        app.get('/', (req, res, next) => {
          inject(req, Depends(getDb)).then(() => {
            res.write('half of it');
            res.once('released', () => next(new Error('broken')));
            setImmediate(() => setImmediate(() => res.emit('released')));
          });
        }),
      );
      const wire = await listening(listener, async (_url, port) => {
        const seen = await exchangeOnWire(port, '/');
        await log.until('rollback: broken');
        return seen;
      });
      expect([wire.head.split('\r\n')[0], wire.cut]).toEqual(['HTTP/1.1 200 OK', true]);
      expect(log.events).toEqual([
        'enter',
        'after 200',
        'reported request: broken',
        'rendered broken',
        'rollback: broken',
      ]);
    });

    it('passes on errors of requests outside its layer', async () => {
      const inner = new Layer({ middleware: [watching] });
      const router = express.Router();
      router.use(toExpress(inner) as express5.RequestHandler);
      router.get('/in', () => {
        throw new HTTPException(409);
      });
      const app = newApp();
      app.use(toExpress(layer) as express5.RequestHandler);
      app.use('/router', router);
      app.use('/router', errorBoundary(inner) as express5.ErrorRequestHandler);
      app.use('/router', () => {
        throw new HTTPException(410);
      });
      app.use(errorBoundary(inner) as express5.ErrorRequestHandler);
      expect((await get(app, '/router/in')).status).toBe(409);
      expect(log.events).toEqual(['after 409', 'after 409']);
      log.events.length = 0;
      expect((await get(app, '/router/out')).status).toBe(410);
      expect(log.events).toContain('after 410');
    });

    it('asks the inner layer first when it stands between two', async () => {
      const inner = new Layer({ middleware: [watching] });
      const listener = bounded(app => {
        app.use(toExpress(inner) as express5.RequestHandler);
        app.get('/', () => {
          throw new Error('broken');
        });
      });
      expect(await get(listener)).toMatchObject({ status: 500, body: '{"rendered":"broken"}' });
      expect(log.events).toEqual(['caught broken', 'caught broken', 'rendered broken']);
    });

    it('lets an error middleware before it answer', async () => {
      const listener = bounded(app => {
        app.get('/', () => {
          throw new Error('broken');
        });
        app.use(render);
      });
      expect((await get(listener)).status).toBe(500);
      expect(log.events).toEqual(['rendered broken', 'after 500']);
    });

    it('requires a layer', () => {
      expect(() => errorBoundary((() => undefined) as never)).toThrow(
        expect.objectContaining({ code: 'ERROR_BOUNDARY' }) as CallnextError,
      );
    });
  });

  describe('of a guard or an endpoint', () => {
    const forbidden = Object.assign(new Error('forbidden'), { status: 403 });
    const fail = (): never => {
      throw forbidden;
    };
    const passes: Middleware = (request, callNext) => callNext(request);
    const places: [string, (router: express5.Router) => void][] = [
      ['an endpoint', router => void router.get('/', toExpress(endpoint({}, fail)) as never)],
      ['a guard', router => void router.use(toExpress(Depends(fail)) as never)],
      [
        'a native handler in a layer of the router',
        router => {
          router.use(toExpress(new Layer({ middleware: [passes] })) as never);
          router.get('/', fail);
        },
      ],
    ];

    it.each(places)('reach the error middleware of their router: %s', async (place, mount) => {
      const mounted = (mountAll: (app: express5.Express) => void): http.RequestListener => {
        const app = newApp().use(toExpress(layer) as express5.RequestHandler);
        mountAll(app);
        return app;
      };
      for (const make of [mounted, bounded, wrapped]) {
        log.events.length = 0;
        const listener = make(app => {
          const router = express.Router();
          mount(router);
          router.get('/', (_req, res) => void res.send('not reached'));
          router.use(((error, _req, res, _next) => {
            log.add(`router rendered ${error === forbidden}`);
            res.status(error.status).json({ router: error.message });
          }) as express5.ErrorRequestHandler);
          app.use('/', router);
          app.use(render);
        });
        const { status, body } = await get(listener);
        expect([status, body]).toEqual([403, '{"router":"forbidden"}']);
        // The layers come before the app, except for errors of native code.
        const isNative = place.startsWith('a native');
        expect(log.events).toEqual(
          isNative ? ['router rendered true', 'after 403'] : ['caught forbidden', 'router rendered true'],
        );
      }
    });
  });

  describe('by wrap', () => {
    it('covers a whole app: its headers, its 404 and its own errors', async () => {
      const listener = wrapped(app => {
        app.get('/', (_req, res) => {
          res.json({ ok: true });
        });
        app.get('/fails', () => {
          throw new HTTPException(409, 'conflict');
        });
      });
      const { status, headers } = await get(listener);
      expect([status, headers.get('x-powered-by')]).toEqual([200, 'Express']);
      expect((await get(listener, '/nowhere')).status).toBe(404);
      expect((await get(listener, '/fails')).body).toBe('{"detail":"conflict"}');
      expect(log.events).toEqual(['after 200', 'after 404', 'after 409']);
    });

    it('leaves an unhandled error to the page of Express', async () => {
      const listener = wrapped(app =>
        app.get('/', () => {
          throw new Error('broken');
        }),
      );
      const { status, body } = await get(listener);
      expect([status, /<pre>Error: broken/.test(body)]).toEqual([500, true]);
      expect(log.events).toEqual(['caught broken']);
    });

    it('gives an error of its own middleware to the app, and nothing else of the app runs', async () => {
      layer.addMiddleware(() => {
        throw new Error('before');
      });
      const empty = await get(wrapped(() => undefined));
      expect([empty.status, empty.body]).toEqual([500, expect.stringContaining('before')]);
      const { status, body } = await get(
        wrapped(app => {
          app.use((_req, _res, next) => {
            log.add('native');
            next();
          });
          app.get('/', (_req, res) => void res.send('native'));
          app.use(((error, req, res, _next) => {
            res.status(500).json({ caught: error.message, path: req.path });
          }) as express5.ErrorRequestHandler);
        }),
      );
      expect([status, body]).toEqual([500, '{"caught":"before","path":"/"}']);
      expect(log.events).toEqual([]);
    });

    it('gives it to the app at the URL of the request when a mounted handler has answered', async () => {
      layer.addMiddleware(async (request, callNext) => {
        await callNext(request);
        throw new Error('after');
      });
      const listener = wrapped(app => {
        const router = express.Router();
        const deep = express.Router();
        deep.get('/', (_req, res) => void res.send('native'));
        router.use('/v1', deep);
        app.use('/api', router);
        app.use('/api', ((error, req, res, next) => {
          res.set('x-mounted', `${req.baseUrl} ${req.url}`);
          next(error);
        }) as express5.ErrorRequestHandler);
        app.use(((_error, req, res, _next) => {
          res.json([req.baseUrl, req.url, res.get('x-mounted')]);
        }) as express5.ErrorRequestHandler);
      });
      expect((await get(listener, '/api/v1?a=1')).body).toBe('["","/api/v1?a=1","/api /v1?a=1"]');
    });

    it('gives it to the app that it wraps, also below another layer', async () => {
      layer.addMiddleware(() => {
        throw Object.assign(new Error('inner'), { status: 403 });
      });
      const app = newApp().use(render);
      const listener = toNode(watching, wrap(app, layer)) as http.RequestListener;
      const { status, body } = await get(listener);
      expect([status, body]).toEqual([403, '{"rendered":"inner"}']);
      expect(log.events).toEqual(['caught inner', 'rendered inner']);
    });

    it('knows the URL as the app trusts it before the app has begun', async () => {
      layer.addMiddleware(async (request, callNext) => {
        log.add(request.url.replace(/:\d+/, ''));
        return callNext(request);
      });
      const listener = wrapped(app => {
        app.set('trust proxy', true);
        app.get('/', (req, res) => {
          res.send(`${req.protocol} ${req.originalUrl}`);
        });
      });
      const { body } = await get(listener, '/?a=1', { headers: { 'x-forwarded-proto': 'https' } });
      expect(body).toBe('https /?a=1');
      expect(log.events[0]).toBe('https://127.0.0.1/?a=1');
    });

    it('shows a changed target to the app', async () => {
      layer.addMiddleware((request, callNext) =>
        callNext(
          new (request.constructor as never as typeof import('callnext').Request)(request, {
            url: '/new?b=2',
          }),
        ),
      );
      const listener = wrapped(app =>
        app.get('/new', (req, res) => {
          res.json(req.query);
        }),
      );
      expect((await get(listener, '/old')).body).toBe('{"b":"2"}');
    });

    it('nests in another layer and contains layers of its own', async () => {
      const app = newApp();
      app.use(toExpress(watching) as express5.RequestHandler);
      app.get('/', () => {
        throw new HTTPException(409);
      });
      const listener = toNode(watching, wrap(app, layer)) as http.RequestListener;
      expect((await get(listener)).status).toBe(409);
      expect(log.events).toEqual(['after 409', 'after 409', 'after 409']);
    });

    it('rejects a value that is not an app', () => {
      expect(() => wrap((() => undefined) as never, layer)).toThrow(
        expect.objectContaining({ code: 'WRAP_APP' }) as CallnextError,
      );
      expect(() => wrap(express() as never, 7 as never)).toThrow(
        expect.objectContaining({ code: 'ADAPTER_TARGET' }) as CallnextError,
      );
    });
  });

  describe('and the routing of Express stays the same', () => {
    const mounts: [string, (mount: (app: express5.Express) => void) => http.RequestListener][] = [
      [
        'without a layer',
        mount => {
          const app = newApp();
          mount(app);
          return app;
        },
      ],
      ['below a layer with a boundary', bounded],
      ['in a wrapped app', wrapped],
    ];
    it.each(mounts)('%s', async (_how, build) => {
      const listener = build(app => {
        app.param('id', (req, _res, next, id) => {
          Reflect.set(req, 'loaded', `item ${id}`);
          next();
        });
        app.get('/items/:id', (_req, _res, next) => next('route'));
        app.get('/items/:id', (req, res) => {
          res.send(Reflect.get(req, 'loaded'));
        });
        const router = express.Router();
        router.use((_req, _res, next) => next('router'));
        router.get('/never', (_req, res) => {
          res.send('wrong');
        });
        app.use('/skipped', router);
        app.use('/skipped', (req, res) => {
          res.send(`${req.baseUrl} ${req.url} ${req.originalUrl}`);
        });
        const mounted = express();
        const deep = express.Router();
        deep.get('/leaf', (req, res) => {
          res.send(`${req.baseUrl} ${req.path} ${(req.app as express5.Express).mountpath}`);
        });
        mounted.use('/deep', deep);
        mounted.get('/fails', () => {
          throw Object.assign(new Error('in the mounted app'), { status: 418 });
        });
        mounted.use(((error, _req, res, _next) => {
          res.status(error.status).send(`own page: ${error.message}`);
        }) as express5.ErrorRequestHandler);
        app.use('/mounted', mounted);
      });
      const bodies: string[] = [];
      for (const path of ['/items/7', '/skipped/never', '/mounted/deep/leaf', '/mounted/fails', '/nowhere']) {
        const { status, body } = await get(listener, path);
        bodies.push(`${status} ${body.replace(/<[^>]+>|\n/g, '')}`);
      }
      expect(bodies).toEqual([
        '200 item 7',
        '200 /skipped /never /skipped/never',
        '200 /mounted/deep /leaf /mounted',
        '418 own page: in the mounted app',
        '404 ErrorCannot GET /nowhere',
      ]);
    });
  });
});
