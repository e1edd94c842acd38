import type express5 from 'express';
import {
  asks,
  type Express,
  failure,
  get,
  type Next,
  ntl,
  type Req,
  type Res,
  type Row,
  set,
  turn,
} from './support.js';

/** The guides on routing, writing and using middleware, error handling, and overriding the API. */
export const ofGuides = (express: Express): Row[] => [
  [
    'several handlers, and arrays of them',
    app => {
      const [a, b]: express5.RequestHandler[] = [
        (_req, res, next) => {
          res.append('X-Trace', 'a');
          next();
        },
        (_req, res, next) => {
          res.append('X-Trace', 'b');
          next();
        },
      ];
      app.get('/', [a, b] as never, (_req: Req, res: Res) => void res.send('D'));
    },
  ],
  [
    "next('route')",
    app => {
      app.get(
        '/user/:id',
        (req, _res, next) => (req.params.id === '0' ? next('route') : next()),
        (_req, res) => void res.send('regular'),
      );
      app.get('/user/:id', (_req, res) => void res.send('special'));
    },
    asks('GET /user/0', 'GET /user/5'),
  ],
  [
    "next('router')",
    app => {
      const router = express.Router();
      router.use((req, _res, next) => (req.headers['x-auth'] ? next() : next('router')));
      router.get('/', (_req, res) => void res.send('hello, user!'));
      app.use('/admin', router, (_req, res) => void res.sendStatus(401));
    },
    asks('GET /admin', ['GET /admin', 'X-Auth: 1']),
  ],
  [
    'middleware that logs',
    (app, log) => {
      app.use((req, _res, next) => {
        log(`${req.method} ${req.url}`);
        next();
      });
      app.get('/', (_req, res) => void res.send('x'));
    },
  ],
  [
    'middleware that waits for cookies',
    app => {
      app.use(async (req, _res, next) => {
        await turn();
        next(req.headers.cookie ? undefined : failure('no cookies', { status: 400 }));
      });
      app.get('/', (_req, res) => void res.send('x'));
      app.use(((error, _req, res, _next) =>
        res.status(error.status).send(error.message)) as express5.ErrorRequestHandler);
    },
    asks('GET /', ['GET /', 'Cookie: a=1']),
  ],
  [
    'middleware of a mount path',
    app => {
      app.use('/user/:id', (req, res, next) => {
        res.set('X-Type', req.method);
        next();
      });
      app.get('/user/:id', (_req, res) => void res.send('USER'));
    },
    asks('GET /user/1', 'GET /other'),
  ],
  [
    'middleware around the end',
    (app, log) => {
      app.use((_req, res, next) => {
        res.on('finish', () => log(`finished ${res.statusCode}`));
        next();
      });
      app.get('/', (_req, res) => void res.status(201).send('x'));
    },
  ],
  ['a 404 of the app', app => app.use((_req, res) => void res.status(404).send("Sorry can't find that!"))],
  ['a 404 of Express', () => undefined, asks('GET /none', 'HEAD /none', 'POST /none')],
  [
    'an error that is thrown',
    get(() => {
      throw failure('BROKEN');
    }),
    { isPastLayer: true },
  ],
  [
    'an error of a promise',
    get(async () => {
      await turn();
      throw failure('BROKEN', { statusCode: 503, headers: { 'Retry-After': '5' } });
    }),
    { isPastLayer: true, major: 5 },
  ],
  [
    'an error that is passed on',
    get((_req, _res, next) => next(failure('BROKEN', { status: 422 }))),
    { isPastLayer: true, ...set({ env: 'production' }) },
  ],
  ['an error that is no error', get((_req, _res, next) => next('a text')), { isPastLayer: true }],
  [
    'an error of a callback API',
    app =>
      app.get('/', ((_req: Req, res: Res, next: Next) => {
        import('node:fs').then(fs =>
          fs.readFile('/file-does-not-exist', (error, data) =>
            error ? next(failure((error as { code: string }).code)) : res.send(data),
          ),
        );
      }) as express5.RequestHandler),
    { isPastLayer: true },
  ],
  [
    'an error of a promise chain',
    get(
      (_req, res, next) =>
        void Promise.resolve()
          .then(() => {
            throw failure('BROKEN');
          })
          .catch(next)
          .then(() => void res),
    ),
    { isPastLayer: true },
  ],
  [
    'an error of a timer',
    get((_req, _res, next) => void setTimeout(() => next(failure('BROKEN')), 5)),
    { isPastLayer: true },
  ],
  [
    'an error with an invalid status',
    get((_req, _res, next) => next(failure('BROKEN', { status: 200 }))),
    { isPastLayer: true },
  ],
  [
    'an error logged in development',
    get((_req, _res, next) => next(failure('BROKEN'))),
    { isPastLayer: true, ...set({ env: 'development' }) },
  ],
  [
    'a chain of error handlers',
    (app, log) => {
      ntl(app).get('/', () => {
        throw failure('Oops');
      });
      app.use(((error, _req, _res, next) => {
        log(error.stack);
        next(error);
      }) as express5.ErrorRequestHandler);
      app.use(((error, req, res, next) =>
        req.xhr
          ? res.status(500).send({ error: 'Something failed!' })
          : next(error)) as express5.ErrorRequestHandler);
      app.use(((error, _req, res, _next) => {
        res.status(500);
        res.render('error', { message: error.message });
      }) as express5.ErrorRequestHandler);
    },
    asks('GET /', ['GET /', 'X-Requested-With: XMLHttpRequest']),
  ],
  [
    'an error handler that goes back to routes',
    app => {
      app.get('/', (_req, _res, next) => next(failure('x')));
      app.use(((_error, _req, _res, next) => next()) as express5.ErrorRequestHandler);
      app.use((_req, res) => void res.send('recovered'));
    },
  ],
  [
    'an error after the head',
    (app, log) => {
      app.get('/', (_req, res, next) => {
        res.type('txt').write('begun');
        setImmediate(() => next(failure('late')));
      });
      app.use(((error, _req, res, next) => {
        log(res.headersSent);
        next(error);
      }) as express5.ErrorRequestHandler);
    },
    {
      instead: [
        'HTTP/1.1 500 Internal Server Error',
        'the head is held while a middleware reads, so Express can still send its page',
      ],
    },
  ],
  [
    'an error of a router with its own handler',
    app => {
      const router = express.Router();
      router.get('/', () => {
        throw failure('inner');
      });
      router.use(((error, _req, res, _next) =>
        res.status(500).json(error.message)) as express5.ErrorRequestHandler);
      app.use('/api', router);
    },
    asks('GET /api'),
  ],
  [
    'an error of a nested app',
    app => {
      const inner = express();
      inner.get('/', () => {
        throw failure('inner', { status: 409 });
      });
      app.use('/in', inner);
      app.use(((error, _req, res, _next) =>
        res.status(error.status).send('outer')) as express5.ErrorRequestHandler);
    },
    asks('GET /in'),
  ],
  [
    'a method that is overridden',
    app => {
      app.response.sendStatus = function (this: Res, status: number, type: string, message: string) {
        return this.contentType(type).status(status).send(message);
      } as never;
      app.get(
        '/',
        (_req, res) =>
          void (res.sendStatus as unknown as (...all: unknown[]) => void)(
            404,
            'application/json',
            '{"error":"resource not found"}',
          ),
      );
    },
  ],
  [
    'a property that is overridden',
    app => {
      Object.defineProperty(app.request, 'ip', {
        configurable: true,
        get(this: Req) {
          return this.get('Client-IP');
        },
      });
      app.get('/', (req, res) => void res.json(req.ip));
    },
    asks(['GET /', 'Client-IP: 203.0.113.9']),
  ],
  [
    'a method that is added',
    app => {
      Object.assign(app.response, {
        sendError(this: Res, status: number, message: string) {
          return this.status(status).json({ error: message });
        },
      });
      app.get(
        '/',
        (_req, res) =>
          void (res as unknown as { sendError(status: number, message: string): void }).sendError(400, 'bad'),
      );
    },
  ],
  [
    'res.json that is overridden for a request',
    app => {
      app.use((_req, res, next) => {
        const { json } = res;
        res.json = body => Reflect.apply(json, res, [{ data: body }]);
        next();
      });
      app.get('/', (_req, res) => void res.json(1));
    },
  ],
  [
    'res.send that is overridden for a request',
    app => {
      app.use((_req, res, next) => {
        const { send } = res;
        res.send = body => Reflect.apply(send, res, [typeof body === 'string' ? body.toUpperCase() : body]);
        next();
      });
      app.get('/', (_req, res) => void res.send('text'));
    },
  ],
  [
    'res.end that is overridden for a request',
    (app, log) => {
      app.use((_req, res, next) => {
        const { end } = res;
        res.end = ((...all: unknown[]) => {
          log('end');
          return Reflect.apply(end, res, all);
        }) as never;
        next();
      });
      app.get('/', (_req, res) => void res.send('text'));
    },
  ],
  [
    'a handler that waits for a database',
    get(async (_req, res, next) => {
      try {
        await turn();
        res.json({ rows: [1, 2] });
      } catch (error) {
        next(error);
      }
    }),
  ],
  [
    'a handler that is asked slowly',
    get(async (req, res) => {
      for await (const _part of req);
      await turn();
      res.send('x');
    }),
  ],
  [
    'res.redirect of a parsed form',
    app => {
      app.post(
        '/login',
        express.urlencoded({ extended: false }),
        (req, res) => void res.redirect(303, `/home?user=${(req.body as { user: string }).user}`),
      );
      app.get('/home', (req, res) => void res.send(String(req.query.user)));
    },
    asks(
      ['POST /login', 'Content-Type: application/x-www-form-urlencoded', '', 'user=tobi'],
      'GET /home?user=tobi',
    ),
  ],
  [
    'content of several types in one app',
    app => {
      app.get('/', (_req, res) => void res.send('x'));
      app.get('/svg', (_req, res) => void res.type('svg').send('<svg/>'));
      app.get('/js', (_req, res) => void res.type('js').send('1'));
    },
    asks('GET /', 'GET /svg', 'GET /js'),
  ],
];
