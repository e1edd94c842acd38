import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type Koa3 from 'koa';
import compose from 'koa-compose';
import mount from 'koa-mount';
import type { Asked, Feature } from './features.js';

type Ctx = Koa3.Context;
type App = Koa3;
type Handler = (ctx: Ctx, next: Koa3.Next) => unknown;
type Row = [
  title: string,
  build: (app: App, log: (entry: unknown) => void) => unknown,
  more?: Partial<Feature<App>>,
];

const site = path.join(__dirname, '../fixtures/site');
const index = path.join(site, 'index.html');
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
const asks = (...given: Asked[]): { asks: readonly Asked[] } => ({ asks: given });
const past = { isPastLayer: true };

const use =
  (...handlers: Handler[]) =>
  (app: App): void => {
    for (const handler of handlers) app.use(handler as Koa3.Middleware);
  };
/** Answers with a body. */
const body = (make: (ctx: Ctx) => unknown) =>
  use(ctx => {
    ctx.body = make(ctx);
  });
/** Answers with what a request shows. */
const seen = (read: (ctx: Ctx) => unknown) =>
  use(ctx => {
    ctx.body = { seen: read(ctx) ?? null };
  });
const app =
  (settings: Partial<App>, build: (app: App) => void) =>
  (given: App): void => {
    Object.assign(given, settings);
    build(given);
  };
const text = (ctx: Ctx): void => {
  ctx.body = 'text';
};

const ofApplication: Row[] = [
  ['hello world', body(() => 'Hello World'), asks('GET /', 'HEAD /', 'POST /', 'OPTIONS /')],
  [
    'cascading',
    use(
      async (ctx, next) => {
        await next();
        ctx.set('X-Response-Time', String(ctx.response.get('X-Inner')));
      },
      async (ctx, next) => {
        ctx.set('X-Inner', '1');
        await next();
      },
      text,
    ),
  ],
  [
    'app.proxy',
    app(
      { proxy: true },
      seen(ctx => [ctx.ip, ctx.ips, ctx.protocol, ctx.secure, ctx.host]),
    ),
    asks([
      'GET /',
      'X-Forwarded-For: 203.0.113.7, 10.0.0.1',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: shop.test',
    ]),
  ],
  [
    'app.proxyIpHeader, app.maxIpsCount',
    app(
      { proxy: true, proxyIpHeader: 'X-Real-IP', maxIpsCount: 1 },
      seen(ctx => [ctx.ip, ctx.ips]),
    ),
    asks(['GET /', 'X-Real-IP: 203.0.113.7, 10.0.0.1']),
  ],
  [
    'app.subdomainOffset',
    app(
      { subdomainOffset: 1 },
      seen(ctx => ctx.subdomains),
    ),
    asks(['GET /', 'Host: tobi.ferrets.localhost']),
  ],
  [
    'app.keys, signed cookies',
    app(
      { keys: ['new', 'old'] },
      body(ctx => {
        ctx.cookies.set('name', 'tobi', { signed: true });
        return String(ctx.cookies.get('name'));
      }),
    ),
    asks('GET /', ['GET /', 'Cookie: name=tobi; name.sig=x']),
  ],
  [
    'app.context',
    given => {
      given.context.db = () => ({ id: 1 });
      body(ctx => ctx.db())(given);
    },
  ],
  [
    'app.request, app.response',
    given => {
      Object.defineProperty(given.request, 'tenant', {
        get() {
          return this.get('x-tenant');
        },
      });
      Object.assign(given.response, {
        ok(this: Ctx, data: unknown) {
          this.body = { data };
        },
      });
      use(ctx =>
        (ctx.response as unknown as { ok(data: unknown): void }).ok(
          (ctx.request as unknown as { tenant: string }).tenant,
        ),
      )(given);
    },
    asks(['GET /', 'X-Tenant: acme']),
  ],
  [
    'app.currentContext',
    given => {
      Object.assign(given, { ctxStorage: undefined });
      body(ctx => typeof ctx.app.currentContext)(given);
    },
  ],
  [
    "app.on('error')",
    (given, log) => {
      given.on('error', (error: Error, ctx: Ctx) => log(`${error.message} ${ctx.path}`));
      use(() => {
        throw new Error('broken');
      })(given);
    },
    past,
  ],
  [
    'no listener for errors',
    use(() => {
      throw Object.assign(new Error('broken'), { stack: 'Error: broken' });
    }),
    past,
  ],
  [
    'app.emit',
    (given, log) => {
      given.on('own', log);
      use(ctx => {
        ctx.app.emit('own', 'told');
        text(ctx);
      })(given);
    },
  ],
  [
    'koa-mount of an app',
    (given, log) => {
      const inner: App = new (given.constructor as new () => App)();
      inner.use(async (ctx, next) => {
        await next();
        log(ctx.path);
      });
      inner.use(text);
      given.use(mount('/in', inner));
    },
    asks('GET /in', 'GET /in/x', 'GET /out'),
  ],
  ['a 404 of Koa', use((_ctx, next) => next()), asks('GET /', 'HEAD /', 'POST /')],
];

const ofContext: Row[] = [
  [
    'ctx.req, ctx.res, ctx.request, ctx.response',
    seen(ctx => [
      ctx.req === ctx.request.req,
      ctx.res === ctx.response.res,
      ctx.request.ctx === ctx,
      ctx.response.request === ctx.request,
    ]),
  ],
  [
    'ctx.state',
    use(
      async (ctx, next) => {
        ctx.state.user = 'tobi';
        await next();
      },
      ctx => {
        ctx.body = ctx.state;
      },
    ),
  ],
  [
    'ctx.cookies',
    body(ctx => {
      ctx.cookies.set('a', 'b', {
        httpOnly: false,
        path: '/admin',
        domain: 'example.test',
        sameSite: 'lax',
        overwrite: true,
        expires: new Date(0),
      });
      ctx.cookies.set('gone', null);
      return String(ctx.cookies.get('c'));
    }),
    asks(['GET /', 'Cookie: c=d']),
  ],
  ['ctx.throw', use(ctx => ctx.throw(400)), past],
  [
    'ctx.throw with a message and properties',
    (given, log) => {
      given.on('error', (error: Error & { user?: string }) => log(error.user));
      use(ctx => ctx.throw(401, 'access_denied', { user: 'tobi', headers: { 'WWW-Authenticate': 'Basic' } }))(
        given,
      );
    },
    past,
  ],
  ['ctx.throw of a 500', use(ctx => ctx.throw(500, 'secret')), past],
  ['ctx.assert', use(ctx => ctx.assert(ctx.get('x-user'), 401, 'User not found. Please login!')), past],
  [
    'ctx.assert that holds',
    use(ctx => {
      (ctx.assert as (value: unknown, status: number) => void)(ctx.get('x-user'), 401);
      text(ctx);
    }),
    asks(['GET /', 'X-User: tobi']),
  ],
  [
    'ctx.respond = false',
    use(ctx => {
      ctx.respond = false;
      ctx.res.writeHead(201, { 'Content-Type': 'text/plain' });
      ctx.res.end('raw');
    }),
  ],
  [
    'ctx.res.end',
    use(ctx => {
      ctx.res.statusCode = 200;
      ctx.res.setHeader('Content-Type', 'text/plain');
      ctx.res.end('raw');
    }),
  ],
  [
    'ctx.res.write over time',
    use(async ctx => {
      ctx.respond = false;
      ctx.res.writeHead(200, { 'Content-Type': 'text/plain' });
      ctx.res.write('a');
      await turn();
      ctx.res.end('b');
    }),
  ],
  [
    'ctx.inspect, ctx.toJSON',
    body(ctx => {
      const { request, response, app: given } = ctx.toJSON();
      return { request, response, app: given, inspected: ctx.inspect() !== undefined };
    }),
  ],
  ['ctx.onerror', use(ctx => ctx.onerror(Object.assign(new Error('told'), { status: 418, expose: true })))],
];

const ofRequest: Row[] = [
  [
    'request.header, request.length, request.type, request.charset',
    seen(ctx => [ctx.header.host, ctx.request.length, ctx.request.type, ctx.request.charset]),
    asks(['POST /', 'Content-Type: text/html; charset=latin1', '', 'abc']),
  ],
  [
    'request.method=, request.url=',
    use(
      (ctx, next) => {
        ctx.method = 'PUT';
        ctx.url = '/changed?b=2';
        return next();
      },
      ctx => {
        ctx.body = [ctx.method, ctx.path, ctx.query, ctx.originalUrl];
      },
    ),
    asks('GET /given?a=1'),
  ],
  [
    'request.path=, request.query=, request.search=',
    use(
      (ctx, next) => {
        ctx.path = '/p';
        ctx.query = { a: ['1', '2'] };
        return next();
      },
      ctx => {
        ctx.body = [ctx.url, ctx.search, ctx.querystring];
      },
    ),
  ],
  [
    'request.origin, request.href, request.URL',
    seen(ctx => [ctx.origin, ctx.href, ctx.URL.pathname]),
    asks('GET /a%20b?c=d', 'GET http://other.test/x'),
  ],
  [
    'request.host, request.hostname, request.subdomains',
    seen(ctx => [ctx.host, ctx.hostname, ctx.subdomains]),
    asks(['GET /', 'Host: tobi.ferrets.example.com:3000']),
  ],
  [
    'request.query',
    seen(ctx => [ctx.query, ctx.querystring]),
    asks('GET /?color=blue&size=small&size=large'),
  ],
  [
    'request.fresh, request.stale',
    use(ctx => {
      ctx.status = 200;
      ctx.set('ETag', '"123"');
      if (ctx.fresh) ctx.status = 304;
      else ctx.body = `stale: ${ctx.stale}`;
    }),
    asks(['GET /', 'If-None-Match: "123"'], 'GET /'),
  ],
  [
    'request.protocol, request.secure, request.ip, request.ips',
    seen(ctx => [ctx.protocol, ctx.secure, ctx.ip, ctx.ips]),
  ],
  [
    'request.is',
    seen(ctx => [ctx.is('json', 'html'), ctx.is('text/*')]),
    asks(['POST /', 'Content-Type: text/html', '', 'x']),
  ],
  [
    'request.accepts',
    seen(ctx => [
      ctx.accepts('html', 'json'),
      ctx.accepts('png'),
      ctx.acceptsEncodings('gzip', 'identity'),
      ctx.acceptsCharsets('utf-8'),
      ctx.acceptsLanguages(['es', 'en']),
    ]),
    asks(['GET /', 'Accept: application/json', 'Accept-Encoding: gzip', 'Accept-Language: en;q=0.8, es']),
  ],
  [
    'accepts, by a switch',
    use(ctx => {
      switch (ctx.accepts('json', 'html', 'text')) {
        case 'json':
          ctx.body = {};
          break;
        case 'html':
          ctx.body = '<p>';
          break;
        default:
          ctx.throw(406);
      }
    }),
    asks('GET /', ['GET /', 'Accept: text/html']),
  ],
  [
    'request.idempotent, request.socket, request.get',
    seen(ctx => [
      ctx.request.idempotent,
      ctx.socket === ctx.req.socket,
      ctx.get('X-None'),
      ctx.get('Referrer'),
    ]),
    asks(['GET /', 'Referer: /x']),
  ],
  [
    'a body that is read as a stream',
    use(async ctx => {
      let size = 0;
      for await (const part of ctx.req) size += part.length;
      ctx.body = { size };
    }),
    asks(['POST /', '', 'x'.repeat(70_000)]),
  ],
  ['a body that nobody reads', use(text), asks(['POST /', '', 'x'.repeat(70_000)])],
  [
    'Expect: 100-continue',
    use(async ctx => {
      let size = 0;
      for await (const part of ctx.req) size += part.length;
      ctx.body = { size };
    }),
    asks(['POST /', 'Expect: 100-continue', '', 'abc']),
  ],
];

const ofResponse: Row[] = [
  ['response.body: a string', body(() => 'text')],
  ['response.body: HTML', body(() => '<p>text</p>'), asks('GET /', 'HEAD /')],
  ['response.body: an empty string', body(() => '')],
  ['response.body: a buffer', body(() => Buffer.from([0, 255])), asks('GET /', 'HEAD /')],
  ['response.body: a stream', body(() => createReadStream(index)), asks('GET /', 'HEAD /')],
  [
    'response.body: a stream of a type',
    use(ctx => {
      ctx.type = 'html';
      ctx.body = createReadStream(index);
    }),
  ],
  [
    'response.body: a PassThrough that is written later',
    use(ctx => {
      const stream = new PassThrough();
      ctx.type = 'txt';
      ctx.body = stream;
      setImmediate(() => stream.end('later'));
    }),
  ],
  ['response.body: an object', body(() => ({ a: 1 })), asks('GET /', 'HEAD /')],
  ['response.body: an array', body(() => [1, 'a'])],
  [
    'response.body: a number, a boolean',
    use(ctx => {
      ctx.body = ctx.path === '/number' ? 7 : true;
    }),
    asks('GET /number', 'GET /boolean'),
  ],
  ['response.body: null', body(() => null), asks('GET /', 'HEAD /')],
  ['response.body: undefined', body(() => undefined)],
  [
    'response.body: null after a type',
    use(ctx => {
      ctx.type = 'json';
      ctx.body = { a: 1 };
      ctx.body = null;
    }),
  ],
  [
    'response.body: null and a status',
    use(ctx => {
      ctx.body = null;
      ctx.status = 200;
    }),
    { isNull: 'an explicit `null` is no body' },
  ],
  [
    'response.body: a Blob',
    body(() => new Blob(['<p>blob</p>'], { type: 'text/html' })),
    asks('GET /', 'HEAD /'),
  ],
  [
    'response.body: a ReadableStream',
    use(ctx => {
      ctx.type = 'txt';
      ctx.body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('web'));
          controller.close();
        },
      });
    }),
    { ...asks('GET /', 'HEAD /'), major: 3 },
  ],
  [
    'response.body: a Response',
    body(
      () => new Response('fetched', { status: 201, headers: { 'content-type': 'text/plain', 'x-a': '1' } }),
    ),
    { ...asks('GET /', 'HEAD /'), major: 3 },
  ],
  ['response.body: a Response without a body', body(() => new Response(null, { status: 204 })), { major: 3 }],
  [
    'response.body that is changed further out',
    use(async (ctx, next) => {
      await next();
      ctx.body = `${ctx.body}!`;
    }, text),
  ],
  [
    'response.body: a stream in place of another',
    use(ctx => {
      ctx.body = Readable.from(['first']);
      ctx.type = 'txt';
      ctx.body = Readable.from(['second']);
    }),
  ],
  [
    'response.status',
    use(ctx => {
      ctx.status = Number(ctx.path.slice(1));
    }),
    asks('GET /200', 'GET /202', 'GET /204', 'GET /205', 'GET /304', 'GET /404', 'GET /500'),
  ],
  [
    'response.status with a body',
    use(ctx => {
      ctx.status = Number(ctx.path.slice(1));
      ctx.body = 'text';
    }),
    asks('GET /201', 'GET /204', 'GET /205', 'GET /304', 'GET /404', 'GET /503'),
  ],
  [
    'response.message',
    use(ctx => {
      ctx.status = 200;
      ctx.message = 'Quite fine';
      text(ctx);
    }),
  ],
  [
    'response.length',
    use(ctx => {
      ctx.type = 'txt';
      ctx.body = Readable.from(['abc', 'def']);
      ctx.length = 6;
      ctx.set('X-Length', String(ctx.length));
    }),
  ],
  [
    'response.get, has, set, append, remove',
    use(ctx => {
      ctx.set({ 'X-A': '1', 'X-B': '2' });
      ctx.append('Link', '<a>');
      ctx.append('Link', '<b>');
      ctx.remove('X-B');
      ctx.body = `${ctx.has('x-a')} ${ctx.response.get('X-A')} ${ctx.has('x-b')}`;
    }),
  ],
  [
    'response.type',
    use(ctx => {
      ctx.type = ctx.path.slice(1);
      ctx.body = '<x>';
      ctx.set('X-Type', ctx.response.type);
    }),
    asks('GET /html', 'GET /.png', 'GET /json', 'GET /text/plain; charset=latin1'.replace(' ch', 'ch')),
  ],
  [
    'response.is',
    use(
      async (ctx, next) => {
        await next();
        if (ctx.response.is('html')) ctx.body = String(ctx.body).replace(/\s+/g, ' ');
      },
      ctx => {
        ctx.body = '<p>a\n\n b</p>';
      },
    ),
  ],
  [
    'response.redirect',
    use(ctx => {
      if (ctx.path === '/status') ctx.status = 301;
      ctx.redirect('/login?a=<b>');
      if (ctx.path === '/body') ctx.body = 'Redirecting to shopping cart';
    }),
    asks('GET /', ['GET /', 'Accept: text/html'], 'GET /status', 'GET /body', 'HEAD /'),
  ],
  [
    'response.back',
    use(ctx => ctx.back('/fallback')),
    { ...asks(['GET /', 'Referer: /from'], 'GET /'), major: 3 },
  ],
  [
    "redirect('back')",
    use(ctx => (ctx.redirect as (url: string, alt: string) => void)('back', '/fallback')),
    { ...asks(['GET /', 'Referer: /from'], 'GET /'), major: 2 },
  ],
  [
    'response.attachment',
    use(ctx => {
      ctx.attachment('lögo.png');
      ctx.body = createReadStream(index);
    }),
  ],
  [
    'response.headerSent',
    use(ctx => {
      ctx.body = `${ctx.headerSent} ${ctx.writable}`;
    }),
  ],
  [
    'response.lastModified, response.etag',
    use(ctx => {
      ctx.response.lastModified = new Date(0);
      ctx.response.etag = 'md5';
      text(ctx);
    }),
  ],
  [
    'response.vary',
    use(ctx => {
      ctx.vary('Origin');
      ctx.vary(['Accept', 'origin'] as never);
      text(ctx);
    }),
  ],
  [
    'response.flushHeaders',
    use(ctx => {
      ctx.type = 'txt';
      ctx.status = 200;
      ctx.flushHeaders();
      ctx.body = 'later';
    }),
  ],
  [
    'trailers',
    use(ctx => {
      ctx.respond = false;
      ctx.res.writeHead(200, { Trailer: 'X-Sum' });
      ctx.res.write('body');
      ctx.res.addTrailers({ 'X-Sum': '4' });
      ctx.res.end();
    }),
  ],
  [
    'early hints',
    use(ctx => {
      ctx.res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      text(ctx);
    }),
  ],
  [
    'Connection: close',
    use(ctx => {
      ctx.set('Connection', 'close');
      text(ctx);
    }),
  ],
];

const ofGuides: Row[] = [
  [
    'middleware with options and a name',
    (given, log) => {
      const logger = (format: string) =>
        async function logs(ctx: Ctx, next: Koa3.Next): Promise<void> {
          log(format.replace(':method', ctx.method).replace(':url', ctx.url));
          await next();
        };
      given.use(logger(':method ":url"'));
      given.use(text);
    },
  ],
  [
    'compose',
    use(
      compose([
        (ctx: Ctx, next: Koa3.Next) => (ctx.path === '/random' ? text(ctx) : next()),
        (ctx: Ctx, next: Koa3.Next) => {
          if (ctx.path !== '/backwards') return next();
          ctx.body = 'sdrawkcab';
        },
      ] as never) as never,
    ),
    asks('GET /random', 'GET /backwards', 'GET /none'),
  ],
  [
    'response middleware that goes on',
    (given, log) => {
      for (const name of ['one', 'two', 'three'])
        given.use(async (ctx, next) => {
          log(`>> ${name}`);
          if (name === 'two') ctx.body = 'two';
          await next();
          log(`<< ${name}`);
        });
    },
  ],
  [
    'response middleware that does not',
    (given, log) => {
      given.use(async (_ctx, next) => {
        log('>> one');
        await next();
        log('<< one');
      });
      given.use(text);
      given.use(() => log('never'));
    },
  ],
  [
    'async operations',
    use(async ctx => {
      const files = await Promise.all(
        ['index.html', 'about.html'].map(name => readFile(path.join(site, name), 'utf8')),
      );
      ctx.type = 'markdown';
      ctx.body = files.join('');
    }),
  ],
  [
    'server-sent events',
    use(ctx => {
      ctx.type = 'text/event-stream';
      const stream = new PassThrough();
      ctx.body = stream;
      (async () => {
        for (const id of [1, 2]) {
          stream.write(`data: ${id}\n\n`);
          await turn();
        }
        stream.end();
      })();
    }),
    { isRechunked: 'from Node 24 on, a pipe writes what is there at once as one chunk' },
  ],
  [
    'error handling: try and catch',
    use(
      async (ctx, next) => {
        try {
          await next();
        } catch (error) {
          ctx.status = (error as { status?: number }).status || 500;
          ctx.body = { message: (error as Error).message };
        }
      },
      ctx => ctx.throw(422, 'bad'),
    ),
  ],
  [
    'error handling: a status that is added',
    (given, log) => {
      given.on('error', (error: { status: number }) => log(error.status));
      use(
        async (_ctx, next) => {
          try {
            await next();
          } catch (error) {
            throw Object.assign(error as Error, { status: 409, expose: true });
          }
        },
        () => {
          throw new Error('conflict');
        },
      )(given);
    },
    past,
  ],
  [
    'error handling: an error with headers',
    use(ctx => {
      ctx.set('X-Lost', '1');
      throw Object.assign(new Error('wait'), { status: 429, expose: true, headers: { 'Retry-After': '5' } });
    }),
    past,
  ],
  [
    'error handling: a value that is no error',
    use(() => {
      throw 'a text';
    }),
    past,
  ],
  [
    'error handling: a missing file',
    use(ctx => {
      ctx.type = 'html';
      ctx.body = createReadStream(path.join(site, 'none'));
    }),
    {
      major: 3,
      instead: [
        'HTTP/1.1 500 Internal Server Error',
        'Koa 3 cuts the connection where the stream fails first',
      ],
    },
  ],
  [
    'error handling: a missing file on Koa 2',
    use(ctx => {
      ctx.type = 'html';
      ctx.body = createReadStream(path.join(site, 'none'));
    }),
    {
      major: 2,
      instead: ['HTTP/1.1 404 Not Found', 'a stream that is made of it has begun before it fails'],
    },
  ],
  [
    'error handling: ENOENT is a 404',
    use(() => {
      throw Object.assign(new Error('no file'), { code: 'ENOENT' });
    }),
    past,
  ],
  [
    'error handling: emitted by the app',
    (given, log) => {
      given.on('error', (error: Error) => log(error.message));
      use(ctx => {
        ctx.app.emit('error', new Error('told'), ctx);
        text(ctx);
      })(given);
    },
  ],
  [
    'a middleware that calls next twice',
    use(async (_ctx, next) => {
      await next();
      await next();
    }, text),
    past,
  ],
  [
    'a method that is not known',
    use(ctx => {
      if (ctx.method !== 'GET') ctx.throw(405, { headers: { Allow: 'GET' } } as never);
      text(ctx);
    }),
    { ...asks('PUT /'), ...past },
  ],
  [
    'a stream that is piped to the raw response',
    use(ctx => {
      ctx.respond = false;
      ctx.res.setHeader('Content-Type', 'text/html');
      ctx.res.statusCode = 200;
      createReadStream(index).pipe(ctx.res);
    }),
  ],
];

/** Koa's guide, error handling and reference (docs/ of koajs/koa), as features. */
export function featuresOf(major: number): Feature<App>[] {
  return [...ofApplication, ...ofContext, ...ofRequest, ...ofResponse, ...ofGuides]
    .map(([title, build, more = {}]): Feature<App> => ({ asks: ['GET /'], ...more, title, build }))
    .filter(feature => feature.major === undefined || feature.major === major);
}
