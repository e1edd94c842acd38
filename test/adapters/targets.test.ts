// Tests raw request targets: the request has the path, query, host and scheme of the framework.
import { once } from 'node:events';
import type http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { endpoint, HTTPException, Layer, type Middleware, Request, Response } from 'callnext';
import { fromExpress, toExpress, wrap } from 'callnext/express';
import { fromKoa, toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import express5 from 'express';
import fc from 'fast-check';
import Koa3 from 'koa';
import mount from 'koa-mount';
import { gate } from '../support/events.js';
import { type Framework, frameworks, listening } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

/** A path and query, as seen by one side. */
interface View {
  readonly path: string;
  readonly query: string;
}

interface Both {
  readonly ours: View & { readonly url: string; readonly pairs: [string, string][] };
  readonly theirs: View;
}

/** Answers with the request's view next to that of the native code below. */
const beside: Middleware = async (request, callNext) => {
  const { path, url } = request;
  const query = url.split('?').slice(1).join('?');
  const ours = { path, url, query, pairs: [...request.queryParams] };
  return Response.json({ ours, theirs: await (await callNext(request)).json() });
};

function expressBelow(express: typeof express5): http.RequestListener {
  return express().use((req, res) => {
    const { path } = req;
    const { query } = Reflect.get(req, '_parsedUrl') as { query: string | null };
    res.json({ path, query: query ?? '' });
  }) as http.RequestListener;
}

function koaBelow(ctx: Koa3.Context): void {
  ctx.body = { path: ctx.path, query: ctx.querystring };
}

const sides: [string, () => http.RequestListener][] = [
  ['Express 5', () => express5().use(toExpress(beside)).use(expressBelow(express5)) as http.RequestListener],
  ['Express 4', () => express4().use(toExpress(beside)).use(expressBelow(express4)) as http.RequestListener],
  ['Express 5, wrapped', () => wrap(expressBelow(express5) as never, beside) as http.RequestListener],
  ['Koa 3', () => silent(new Koa3()).use(toKoa(beside)).use(koaBelow).callback()],
  ['Koa 2', () => silent(new Koa2()).use(toKoa(beside)).use(koaBelow).callback()],
  ['Node', () => toNode(beside, expressBelow(express5)) as http.RequestListener],
];

function silent(app: Koa3): Koa3 {
  app.silent = true;
  return app;
}

/** Sends a target unchanged, byte by byte. */
async function askRaw(port: number, target: string): Promise<{ status: number; text: string }> {
  const { bytes } = await record(
    port,
    `GET ${target} HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n`,
  );
  const text = bytes.slice(bytes.indexOf('\r\n\r\n') + 4);
  return { status: Number(bytes.slice(9, 12)), text: Buffer.from(text, 'latin1').toString() };
}

const targets: readonly string[] = [
  '/',
  '/a?b=1#c?d',
  '/a#b?c=1',
  '/?',
  '/a??b=1',
  '/a\\..\\b',
  '/a\\b#c',
  '//h/p',
  '///p?x=//',
  '/admin/%2e%2e?x=%2e',
  '/%?%',
  '/a{b}|c^d`"<>',
  'http://a@h/admin/1?q=1',
  'x://h/admin/1',
  'http:///admin/1',
  'http:////admin',
  'ftp://h/admin/1#x',
  'http://x:99999/admin/1?q=1',
  'http://1.2.3.4.5/admin/1',
  'http://h.example/{admin}',
  'http://h.example/\\admin',
  'http://h;x/admin',
  'http://%zz/admin',
  'http://@/admin',
  'javascript://h/admin',
  'HTTP://evil.example?x=1',
  'x://h',
  'x://h?q=1',
  'http://[/admin',
  'http://xn--/admin',
  '*',
  '*admin?x=1',
  `/${'a'.repeat(12_000)}?${'b=%20&'.repeat(500)}`,
];

const rows = targets.map(target => [target.slice(0, 40), target] as const);

const randomTarget = fc
  .tuple(
    fc.constantFrom(
      '/',
      '//',
      '/\\',
      '*',
      'http://',
      'https://',
      'x://',
      'javascript://',
      'file://',
      'ws://',
    ),
    fc.array(
      fc.constantFrom(
        ...['a', 'admin', 'h.example', 'u@', ':80', ':99999', '[', ']', '::1', '/', '//', '\\', '.', '..'],
        ...[
          '%2e',
          '%',
          '%5c',
          '?',
          '#',
          '&',
          '=',
          'x=1',
          ';',
          '*',
          '@',
          '{',
          '|',
          "'",
          '"',
          '~',
          '1.2.3.4.5',
        ],
      ),
      { maxLength: 12 },
    ),
  )
  .map(([start, rest]) => start + rest.join(''));

function expectAgreement(target: string, status: number, text: string): void {
  // Unroutable, or refused by Node.
  if (status !== 200) return expect(`${status} ${target}`).toMatch(/^40[04] /);
  const { ours, theirs } = JSON.parse(text) as Both;
  const url = `http://h.example${ours.path.startsWith('/') ? '' : '/'}${theirs.path}`;
  expect({ path: ours.path, query: ours.query, url: ours.url.split('?')[0] }).toEqual({ ...theirs, url });
  expect(ours.pairs).toEqual([...new URLSearchParams(`?${theirs.query}`)]);
}

describe.each(sides)('the path and the query on %s', (_name, listener) => {
  it.each(rows)('match its routing: %s', async (_shown, target) => {
    await listening(listener(), async (_url, port) => {
      const { status, text } = await askRaw(port, target);
      expectAgreement(target, status, text);
    });
  });

  it('match its routing for random targets', async () => {
    await listening(listener(), async (_url, port) => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(randomTarget, async target => {
          const { status, text } = await askRaw(port, target);
          expectAgreement(target, status, text);
          compared += status === 200 ? 1 : 0;
        }),
        { numRuns: 150 },
      );
      expect(compared).toBeGreaterThan(50);
    });
  });
});

describe.each<[string, () => http.RequestListener]>([
  ['Koa 3', () => silent(new Koa3()).use(toKoa(beside)).use(koaBelow).callback()],
  ['Node', () => toNode(beside, silent(new Koa3()).use(koaBelow).callback()) as http.RequestListener],
])('the path and the query of HTTP/2 on %s', (_name, listener) => {
  it.each([
    [{ ':path': '/a?b=1#c' }, '/a', 'http://h.example/a?b=1'],
    [{ ':path': '/\u00e9\\..?x=%' }, '/\u00e9\\..', 'http://h.example/\u00e9\\..?x=%'],
    [{ ':path': '*', ':method': 'OPTIONS' }, '*', 'http://h.example/*'],
    [{ ':path': 'http://a@evil/admin', ':scheme': 'x' }, '/admin', 'http://h.example/admin'],
    [{ ':path': 'admin', ':scheme': 'x' }, 'admin', 'http://h.example/admin'],
    [{ ':path': '/', host: 'evil.example' }, '/', 'http://h.example/'],
  ])('match its routing: %j', async (headers, path, url) => {
    const server = http2.createServer(listener() as never).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    let text = '';
    const stream = session.request({ ':authority': 'h.example', ...headers });
    try {
      for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    } finally {
      session.destroy();
      server.close();
    }
    const { ours, theirs } = JSON.parse(text) as Both;
    expect([ours.path, ours.url, theirs.path]).toEqual([path, url, path]);
  });
});

/** A guard by path, as in an app. */
const guard: Middleware = (request, callNext) => {
  if (/^\/admin(\/|$)/.test(request.path)) throw new HTTPException(403);
  return callNext(request);
};

describe.each(frameworks)('a guard by `request.path` on $name', ({ app }) => {
  it.each([
    '/admin/1',
    '/admin/%2e%2e',
    '/admin/..',
    '/x/..//admin/../../admin/1',
    'http://a@h/admin/1',
    'x://h/admin/1',
    'http:///admin/1',
    'ftp://h/admin/1',
    'http://x:99999/admin/1',
    'http://1.2.3.4.5/admin/1',
  ])('lets no %s through to the code below /admin', async target => {
    let reached = 0;
    const guarded = app()
      .use(new Layer({ middleware: [guard] }))
      .handler('/admin', answer => {
        reached += 1;
        answer.send('secret');
      });
    await listening(guarded.listener(), (_url, port) => askRaw(port, target));
    expect(reached).toBe(0);
  });
});

const place = endpoint({}, ({ request }) => [request.path, request.url, [...request.queryParams.keys()]]);

/** Sends a raw request, and returns what the endpoint says about its place. */
async function placeOf(listener: http.RequestListener, target: string): Promise<unknown> {
  return listening(listener, async (_url, port) => JSON.parse((await askRaw(port, target)).text));
}

const readsFirst: Middleware = (request, callNext) => {
  void [request.url, request.queryParams, request.native];
  return callNext(request);
};

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('the path on %s', (_name, express) => {
  const mounted = (...handlers: unknown[]): http.RequestListener => {
    const inner = express.Router().use('/b', toExpress(place));
    const outer = express
      .Router()
      .use(...(handlers as []))
      .use('/a', inner);
    return express().use(toExpress(readsFirst)).use('/m', outer) as http.RequestListener;
  };

  it.each([
    ['/m/a/b/c?x=1', '/m/a/b/c', '?x=1'],
    ['/m/a/b', '/m/a/b', ''],
    ['/m/a/b?x=1', '/m/a/b', '?x=1'],
    ['/m/a/b/', '/m/a/b/', ''],
    ['http://a@h/m/a/b/%2e?x=1', '/m/a/b/%2e', '?x=1'],
    ['x://h/m/a/b?x=1', '/m/a/b', '?x=1'],
  ])('is complete below mounts: %s', async (target, path, search) => {
    const url = `http://h.example${path}${search}`;
    expect(await placeOf(mounted(toExpress(new Layer())), target)).toEqual([path, url, search ? ['x'] : []]);
  });

  it('is the one native code has set, before a layer and between two', async () => {
    const rewrite: express5.RequestHandler = (req, _res, next) => {
      req.url = '/a/b/new?y=1';
      next();
    };
    const expected = ['/m/a/b/new', 'http://h.example/m/a/b/new?y=1', ['y']];
    expect(await placeOf(mounted(rewrite, toExpress(new Layer())), '/m/old')).toEqual(expected);
    expect(await placeOf(mounted(rewrite, toExpress(readsFirst)), '/m/old')).toEqual(expected);
    const among = new Layer({ middleware: [readsFirst, fromExpress(rewrite), guardOf('/m/a/b/new')] });
    expect(await placeOf(mounted(toExpress(among)), '/m/old')).toEqual(expected);
  });

  it('is the one a middleware has set, also for what is mounted below', async () => {
    const move: Middleware = (request, callNext) =>
      callNext(new Request(request, { url: '/m/a/b/new?y=1#gone' }));
    const expected = ['/m/a/b/new', 'http://h.example/m/a/b/new?y=1', ['y']];
    const outside = express()
      .use(toExpress(move))
      .use(mounted(toExpress(new Layer()))) as http.RequestListener;
    for (const target of ['/old', 'http://a@h/old', '/m/a/b']) {
      expect(await placeOf(outside, target)).toEqual(expected);
    }
    expect(await placeOf(mounted(toExpress(move)), '/m/old?x=1')).toEqual(expected);
  });

  it('stays unchanged below a mount whose name only begins alike', async () => {
    const move: Middleware = (request, callNext) => callNext(new Request(request, { url: '/ab' }));
    const app = express()
      .use('/a', toExpress(move))
      .use('/a', (req, res) => void res.json(req.url));
    expect(await placeOf(app as http.RequestListener, '/a/x')).toBe('/ab');
  });
});

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('the path on %s', (_name, Koa) => {
  const mounted = (...handlers: unknown[]): http.RequestListener => {
    const inner = new Koa().use(mount('/b', toKoa(place)));
    const outer = new Koa();
    for (const handler of handlers) outer.use(handler as Koa3.Middleware);
    outer.use(mount('/a', inner));
    return silent(new Koa()).use(toKoa(readsFirst)).use(mount('/m', outer)).callback();
  };

  it.each([
    ['/m/a/b/c?x=1', '/m/a/b/c', '?x=1'],
    ['/m/a/b', '/m/a/b', ''],
    ['/m/a/b?x=1', '/m/a/b', '?x=1'],
    ['http://a@h/m/a/b/%2e?x=1', '/m/a/b/%2e', '?x=1'],
  ])('is complete below mounts: %s', async (target, path, search) => {
    const url = `http://h.example${path}${search}`;
    expect(await placeOf(mounted(toKoa(new Layer())), target)).toEqual([path, url, search ? ['x'] : []]);
  });

  it('is the one native code has set, before a layer and between two', async () => {
    const rewrite: Koa3.Middleware = (ctx, next) => {
      ctx.url = '/new?y=1';
      return next();
    };
    const expected = ['/new', 'http://h.example/new?y=1', ['y']];
    const below = (...handlers: Koa3.Middleware[]): http.RequestListener => {
      const app = silent(new Koa());
      for (const handler of [...handlers, toKoa(place)]) app.use(handler as Koa3.Middleware);
      return app.callback();
    };
    expect(await placeOf(below(rewrite, toKoa(new Layer())), '/en/new')).toEqual(expected);
    expect(await placeOf(below(toKoa(readsFirst), rewrite, toKoa(new Layer())), '/en/new')).toEqual(expected);
    const among = new Layer({ middleware: [readsFirst, fromKoa(rewrite), guardOf('/new')] });
    expect(await placeOf(below(toKoa(among)), '/en/new')).toEqual(expected);
  });

  it('is the one a middleware has set, also for what is mounted below', async () => {
    const move: Middleware = (request, callNext) => callNext(new Request(request, { url: '/m/a/b/new?y=1' }));
    const expected = ['/m/a/b/new', 'http://h.example/m/a/b/new?y=1', ['y']];
    expect(await placeOf(mounted(toKoa(move)), '/m/old?x=1')).toEqual(expected);
    const outside = silent(new Koa())
      .use(toKoa(move))
      .use(mount('/m/a', new Koa().use(toKoa(place))));
    expect(await placeOf(outside.callback(), '/old')).toEqual(expected);
  });
});

/** Fails if the inner request lacks the path that native code has set. */
function guardOf(path: string): Middleware {
  return (request, callNext) => {
    expect(request.path).toBe(path);
    return callNext(request);
  };
}

describe.each(frameworks)('a changed request on $name', ({ app }: Framework) => {
  it('keeps the path as sent if another URL spells the same one', async () => {
    const paths: string[] = [];
    const change =
      (init: (request: Request) => Parameters<Parameters<Middleware>[1]>[0]): Middleware =>
      async (request, callNext) => {
        const response = await callNext(init(request));
        paths.push(request.path);
        return response;
      };
    const layer = new Layer({
      middleware: [
        change(request => new Request(request, { url: request.url })),
        change(request => new globalThis.Request(request.native, { headers: { 'x-a': '1' } }) as never),
        change(request => {
          const url = new URL(request.url);
          url.searchParams.set('y', '2');
          return new Request(request, { url });
        }),
      ],
    });
    const target = '/public/%2e%2e/admin';
    const urls: unknown[] = [];
    const listener = app()
      .use(layer)
      .handler('/', answer => {
        urls.push(answer.req.url);
        answer.send('ok');
      });
    await listening(listener.listener(), (_url, port) => askRaw(port, `${target}?x=1`));
    expect([...urls, ...paths]).toEqual([`${target}?x=1&y=2`, target, target, target]);
  });

  it('has the path of its URL and leaves the outer request its own', async () => {
    const seen: unknown[] = [];
    const move: Middleware = async (request, callNext) => {
      const changed = new Request(request, { url: '/a/../new%2e/%C3%A9?y' });
      const response = await callNext(new Request(changed, { headers: { 'x-a': '1' } }));
      seen.push(request.path, changed.path, changed.url);
      return response;
    };
    await placeOf(app().use(move).at('/', place).listener(), '/old').then(below => seen.push(below));
    expect(seen).toEqual([
      '/old',
      '/new%2e/%C3%A9',
      'http://h.example/new%2e/%C3%A9?y',
      ['/new%2e/%C3%A9', 'http://h.example/new%2e/%C3%A9?y', ['y']],
    ]);
  });
});

it("a request whose target has no path is named by its method in `close()`'s report", async () => {
  const [entered, left] = [gate(), gate()];
  const wait: Middleware = async (request, callNext) => {
    entered.open();
    await left.opened;
    return callNext(request);
  };
  const layer = new Layer({ middleware: [wait] });
  const app = silent(new Koa3()).use(toKoa(layer));
  await listening(app.callback(), async (_url, port) => {
    const answered = askRaw(port, 'x://h');
    await entered.opened;
    expect(await layer.close({ timeoutMs: 0 })).toMatchObject({ responses: ['GET'] });
    left.open();
    await answered;
  });
});
