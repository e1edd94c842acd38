import type http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type Client, endpoint, Layer, type Middleware, Request } from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { rateLimit } from 'callnext/middleware/rate-limit';
import { toNode } from 'callnext/node';
import express5 from 'express';
import fc from 'fast-check';
import Koa3 from 'koa';
import mount from 'koa-mount';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { absoluteUrl } from '../../adapters/node/target.js';
import { frameworks, listening } from '../support/frameworks.js';
import { exchangeOnWire, record } from '../support/wire.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

interface Seen {
  readonly url: string;
  readonly client: Client | null;
  readonly query: [string, string][];
}

const look = endpoint({}, ({ request }) => ({
  url: request.url,
  client: request.client,
  query: [...request.queryParams],
}));

/** Sends raw request lines on its own connection. */
async function seen(listener: http.RequestListener, lines: string[]): Promise<Seen> {
  return listening(listener, async (_url, port) => {
    const head = [...lines, 'Connection: close', '', ''].join('\r\n');
    const { bytes } = await record(port, head);
    return JSON.parse(utf8(bytes.slice(bytes.indexOf('\r\n\r\n') + 4)));
  });
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

const forwarded = [
  'GET /a/b?x=1&x=2&y=%C3%A9+z HTTP/1.1',
  'Host: inner.example:8080',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: outer.example:444',
  'X-Forwarded-For: 203.0.113.7, 198.51.100.2',
];

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('the request on %s', (_name, express) => {
  const appWith = (trust: unknown): http.RequestListener => {
    const app = express().set('trust proxy', trust);
    const router = express.Router();
    router.get('/b', toExpress(look));
    app.use(toExpress(new Layer()));
    app.use('/a', router);
    return app as http.RequestListener;
  };

  it('is what the client sent when no proxy is trusted', async () => {
    const { url, client, query } = await seen(appWith(false), forwarded);
    expect(url).toBe('http://inner.example:8080/a/b?x=1&x=2&y=%C3%A9+z');
    expect(client).toEqual({ host: expect.stringMatching(/127\.0\.0\.1$/), port: expect.any(Number) });
    expect(client?.port).toBeGreaterThan(0);
    expect(query).toEqual([
      ['x', '1'],
      ['x', '2'],
      ['y', 'é z'],
    ]);
  });

  it.each([
    [true, '203.0.113.7'],
    [1, '198.51.100.2'],
    ['loopback', '198.51.100.2'],
  ])('is what the proxies report, with `trust proxy` of %p', async (trust, host) => {
    const { url, client } = await seen(appWith(trust), forwarded);
    expect([url, client]).toEqual(['https://outer.example:444/a/b?x=1&x=2&y=%C3%A9+z', { host, port: 0 }]);
  });

  it('matches what a wrapped app will report', async () => {
    const app = express().set('trust proxy', true);
    const urls: unknown[] = [];
    const layer = new Layer({
      middleware: [
        (request, callNext) => {
          urls.push(request.client?.host, request.url);
          return callNext(request);
        },
      ],
    });
    app.get('/a/b', toExpress(look));
    const { url } = await seen(wrap(app as never, layer) as http.RequestListener, forwarded);
    expect([...urls, url]).toEqual([
      '203.0.113.7',
      ...Array(2).fill('https://outer.example:444/a/b?x=1&x=2&y=%C3%A9+z'),
    ]);
  });
});

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('the request on %s', (_name, Koa) => {
  const appWith = (proxy: boolean): http.RequestListener => {
    const app = new Koa({ proxy });
    app.use(toKoa(new Layer()));
    app.use(mount('/a', toKoa(look)));
    return app.callback();
  };

  it('is what the client sent when no proxy is trusted', async () => {
    const { url, client } = await seen(appWith(false), forwarded);
    expect(url).toBe('http://inner.example:8080/a/b?x=1&x=2&y=%C3%A9+z');
    expect(client?.port).toBeGreaterThan(0);
  });

  it('is what the proxies report, with `app.proxy`', async () => {
    const { url, client } = await seen(appWith(true), forwarded);
    expect([url, client]).toEqual([
      'https://outer.example:444/a/b?x=1&x=2&y=%C3%A9+z',
      { host: '203.0.113.7', port: 0 },
    ]);
  });
});

const behind: [string, (target: Layer) => http.RequestListener][] = [
  ...[express5, express4].map((express, index) => {
    const listener = (layer: Layer): http.RequestListener =>
      express().set('trust proxy', true).use(toExpress(layer)).use(toExpress(look)) as http.RequestListener;
    return [`Express ${5 - index}`, listener] as [string, (layer: Layer) => http.RequestListener];
  }),
  ...[Koa3, Koa2].map((Koa, index) => {
    const listener = (layer: Layer): http.RequestListener =>
      new Koa({ proxy: true }).use(toKoa(layer)).use(toKoa(look)).callback();
    return [`Koa ${3 - index}`, listener] as [string, (layer: Layer) => http.RequestListener];
  }),
];

describe.each(behind)('the client behind a proxy that is trusted, on %s', (_name, listener) => {
  it.each<[string, string, number]>([
    ['203.0.113.7:50001', '203.0.113.7', 50_001],
    ['203.0.113.7:', '203.0.113.7', 0],
    ['203.0.113.7:99999', '203.0.113.7', 0],
    ['[2001:db8::1]:443', '2001:db8::1', 443],
    ['[2001:db8::1]', '2001:db8::1', 0],
    ['"[2001:db8::1]:443"', '2001:db8::1', 443],
    ['2001:db8::1', '2001:db8::1', 0],
    ['::1', '::1', 0],
    ['::ffff:203.0.113.7', '::ffff:203.0.113.7', 0],
    ['fe80::1%eth0', 'fe80::1%eth0', 0],
    ['203.0.113.7:1, 198.51.100.2:2', '203.0.113.7', 1],
    ['unknown', 'unknown', 0],
    ['_hidden:80', '_hidden', 80],
    ['for=192.0.2.60;proto=http', 'for=192.0.2.60;proto=http', 0],
    ['[', '[', 0],
    ['[]:80', '[]:80', 0],
    [':80', ':80', 0],
    ['a:b', 'a:b', 0],
    ['[::1]:80:90', '[::1]:80:90', 0],
  ])('has no port or brackets in its host when named as %s', async (named, host, port) => {
    const lines = ['GET / HTTP/1.1', 'Host: h.example', `X-Forwarded-For: ${named}`];
    expect((await seen(listener(new Layer()), lines)).client).toEqual({ host, port });
  });

  it.each([
    ['203.0.113.7:50001', '203.0.113.7:50002', '203.0.113.7'],
    ['[2001:db8::1]:50001', '[2001:db8::2]:50002', '2001:db8::3'],
  ])('is the same for rateLimit() on any connection: %s, %s, %s', async (...named) => {
    const limiter = new RateLimiterMemory({ points: 2, duration: 60 });
    const limited = listener(new Layer({ middleware: [rateLimit({ limiter })] }));
    const statuses = await listening(limited, async url => {
      const answers: number[] = [];
      for (const name of named) {
        answers.push((await fetch(url, { headers: { 'x-forwarded-for': name } })).status);
      }
      return answers;
    });
    expect(statuses).toEqual([200, 200, 429]);
  });
});

describe.each(frameworks)('targets on $name', ({ app }) => {
  const listener = (): http.RequestListener => app().use(new Layer()).at('/', look).listener();

  it.each<[string, string[], string]>([
    [
      'in absolute form',
      ['GET http://other.example/p?q=1 HTTP/1.1', 'Host: h.example'],
      'http://h.example/p?q=1',
    ],
    [
      'that begin as a host',
      ['GET //evil.example/p HTTP/1.1', 'Host: h.example'],
      'http://h.example//evil.example/p',
    ],
    ['without a Host', ['GET /p HTTP/1.0'], 'http://localhost/p'],
    ['with an invalid Host', ['GET /p HTTP/1.1', 'Host: a b'], 'http://localhost/p'],
    ['with an empty Host', ['GET /p HTTP/1.1', 'Host:'], 'http://localhost/p'],
    ['with an IPv6 Host', ['GET /p HTTP/1.1', 'Host: [::1]:8080'], 'http://[::1]:8080/p'],
  ])('%s', async (_what, lines, url) => {
    expect((await seen(listener(), lines)).url).toBe(url);
  });
});

it('a missing target and host never make an unreadable URL or one of another scheme', () => {
  const hosts = fc.oneof(
    fc.string(),
    fc.constantFrom('h.example', 'a/b', 'user@h', 'h?x', '[::1]', undefined),
  );
  const targets = fc.oneof(
    fc.webUrl(),
    fc.string(),
    fc.constantFrom('*', 'javascript:alert(1)', '//x', 'ftp://h/', 'h:443'),
  );
  fc.assert(
    fc.property(hosts, targets, (host, target) => {
      expect(new URL(absoluteUrl('http', host, target)).protocol).toMatch(/^https?:$/);
    }),
  );
});

it('a request of HTTP/2 has its authority', async () => {
  const server = http2.createServer(toNode(look) as never);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/p?x=1', ':authority': 'h.example:1' });
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  session.close();
  await new Promise(resolve => server.close(resolve));
  expect(JSON.parse(text).url).toBe('http://h.example:1/p?x=1');
});

describe.each(frameworks)('what a middleware changes on $name', ({ app }) => {
  it('is visible to native code: method, URL, headers and body', async () => {
    const change: Middleware = (request, callNext) =>
      callNext(
        new Request(request, {
          method: 'put',
          url: '/new?y=2',
          headers: { 'x-a': '1', 'content-type': 'text/x' },
          body: 'abc',
        }),
      );
    const native = app()
      .use(change)
      .native('/new', async (req, res) => {
        const parts: Buffer[] = [];
        for await (const part of req) parts.push(part);
        const { method, headers } = req;
        res.end(JSON.stringify([method, headers, Buffer.concat(parts).toString()]));
      });
    const answer = await listening(native.listener(), async url => (await fetch(`${url}/old?x=1`)).json());
    expect(answer).toEqual(['PUT', { 'x-a': '1', 'content-type': 'text/x', 'content-length': '3' }, 'abc']);
  });

  it('is visible to an endpoint, cookies and query included', async () => {
    const change: Middleware = (request, callNext) => {
      void request.cookies;
      void request.queryParams;
      return callNext(new Request(request, { url: '/?y=2', headers: { cookie: 'b=2' } }));
    };
    const target = endpoint({}, ({ request }) => [request.cookies, [...request.queryParams]]);
    const answer = await listening(app().use(change).at('/', target).listener(), async url =>
      (await fetch(`${url}/?x=1`, { headers: { cookie: 'a=1' } })).json(),
    );
    expect(answer).toEqual([{ b: '2' }, [['y', '2']]]);
  });
});

describe.each(frameworks)('cookies on $name', ({ app }) => {
  it.each<[string, unknown]>([
    ['a=1; b=2', { a: '1', b: '2' }],
    ['a=1; a=2', { a: '1' }],
    ['a="x y"; b=%C3%A9; c=%', { a: 'x y', b: 'é', c: '%' }],
    // Written and read like Python's `http.cookies`; without quotes, values stay as they are.
    ['token="dXNlcjox="; l="a\\054b"; city="Z\\374rich"', { token: 'dXNlcjox=', l: 'a,b', city: 'Zürich' }],
    ['q="a\\"b\\\\c"; o="\\400\\08\\1\\"; p="a%20b"', { q: 'a"b\\c', o: '400081\\', p: 'a%20b' }],
    ['l=a\\054b; h="a; i=b"; j=a"b"c; e=""', { l: 'a\\054b', h: '"a', i: 'b"', j: 'a"b"c', e: '' }],
    ['__proto__=1; constructor=2', { ['__proto__']: '1', constructor: '2' }],
    ['novalue; =x;;', { '': 'x' }],
  ])('of %j', async (cookie, expected) => {
    const target = endpoint({}, ({ request }) => Object.entries(request.cookies));
    const wire = await listening(app().use(new Layer()).at('/', target).listener(), (_url, port) =>
      exchangeOnWire(port, '/', 'GET', [`Cookie: ${cookie}`]),
    );
    expect(JSON.parse(utf8(wire.body))).toEqual(Object.entries(expected as object));
  });
});

it('a method unknown to Fetch is a 501 for code that needs a Fetch request', async () => {
  const target = endpoint({}, ({ request }) => request.native.url);
  const wire = await listening(express5().use(toExpress(target)) as http.RequestListener, (_url, port) =>
    exchangeOnWire(port, '/', 'TRACE'),
  );
  expect(wire.head).toMatch(/^HTTP\/1.1 501 /);
});
