import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { httpsRedirect } from 'callnext/middleware/https-redirect';
import { type TrustedHostOptions, trustedHost } from 'callnext/middleware/trusted-host';
import express from 'express';
import Koa from 'koa';
import { ask, askThrough, hosts } from '../support/ask.js';
import { listening } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const invalid = { status: 400, text: 'Invalid host header' };
const allowed = { status: 200, text: 'answer' };
const sentTo = (location: string) => ({ status: 307, text: '', location });

type Expected = { status: number; text: string; location?: string };
type Row = [host: string, allowedHosts: string[] | TrustedHostOptions, expected: Expected, path?: string];

const trusted: Row[] = [
  ['example.com', ['example.com'], allowed],
  ['example.com:8000', ['example.com'], allowed],
  ['EXAMPLE.com', ['example.COM'], allowed],
  ['other.com', ['example.com'], invalid],
  ['example.com.evil.net', ['example.com'], invalid],
  ['evilexample.com', ['example.com'], invalid],
  ['example.com', ['*.example.com'], invalid],
  ['a.example.com', ['*.example.com'], allowed],
  ['a.b.example.com:1', ['*.example.com'], allowed],
  ['evilexample.com', ['*.example.com'], invalid],
  ['.example.com', ['*.example.com'], invalid],
  ['anything.at-all.net', ['*'], allowed],
  ['anything.net', {}, allowed],
  ['b.com', ['a.com', 'b.com'], allowed],
  ['example.com', [], invalid],
  ['127.0.0.1:8000', ['127.0.0.1'], allowed],
  ['[::1]:8000', ['[::1]'], allowed],
  ['[::1]', ['[::1]'], allowed],
  ['[::2]', ['[::1]'], invalid],
  ['::1', ['[::1]'], invalid],
  ['localhost', ['localhost'], allowed],
  ['exa mple.com', ['example.com'], invalid],
  ['example.com/path', ['example.com'], invalid],
  ['evil.net#example.com', ['example.com'], invalid],
  ['user@example.com', ['example.com'], invalid],
  ['example.com, evil.net', ['example.com'], invalid],
  ['example.com:99999', ['example.com'], invalid],
  ['example.com:', ['example.com'], allowed],
  ['example.com:port', ['example.com'], invalid],
  ['example.com.', ['example.com'], invalid],
  ['?', ['localhost'], invalid],
  ['example.com', ['www.example.com'], sentTo('http://www.example.com/a?b=1&c=%20'), '/a?b=1&c=%20'],
  ['example.com:8000', ['www.example.com'], sentTo('http://www.example.com:8000/')],
  ['other.com', ['www.example.com'], invalid],
  ['example.com', { allowedHosts: ['www.example.com'], wwwRedirect: false }, invalid],
  ['example.com', ['www.example.com', 'example.com'], allowed],
  ['my_host.local', ['my_host.local'], allowed],
];

describe.each(hosts)('trustedHost() on $name', host => {
  it.each(trusted)(
    'answers %j with %j allowed',
    async (name, given, { location, ...expected }, path = '/') => {
      const options = Array.isArray(given) ? { allowedHosts: given } : given;
      const got = await askThrough(host, [trustedHost(options)], {}, { path, headers: { host: name } });
      expect({ status: got.status, text: got.text }).toEqual(expected);
      expect(got.headers.location).toBe(location);
    },
  );
});

const secured: [host: string, path: string, expected: Expected][] = [
  ['example.com', '/', sentTo('https://example.com/')],
  ['example.com', '/a/b?c=d%20e', sentTo('https://example.com/a/b?c=d%20e')],
  ['example.com:80', '/', sentTo('https://example.com/')],
  ['example.com:0080', '/', sentTo('https://example.com/')],
  ['example.com:443', '/', sentTo('https://example.com/')],
  ['example.com:8000', '/x', sentTo('https://example.com:8000/x')],
  ['EXAMPLE.com', '/', sentTo('https://example.com/')],
  ['[::1]:8000', '/', sentTo('https://[::1]:8000/')],
  ['[::1]:80', '/', sentTo('https://[::1]/')],
  ['127.0.0.1', '/a/../b', sentTo('https://127.0.0.1/a/../b')],
  ['example.com/evil', '/', invalid],
  ['evil@example.com', '/', invalid],
  ['exa mple.com', '/', invalid],
];

describe.each(hosts)('httpsRedirect() on $name', host => {
  it.each(secured)('answers %j %j', async (name, path, { location, ...expected }) => {
    const got = await askThrough(host, [httpsRedirect()], {}, { path, headers: { host: name } });
    expect({ status: got.status, text: got.text }).toEqual(expected);
    expect(got.headers.location).toBe(location);
  });

  it('keeps the method', async () => {
    const asked = { method: 'POST', headers: { host: 'example.com' }, body: 'a=1' };
    const got = await askThrough(host, [httpsRedirect()], {}, asked);
    expect([got.status, got.headers.location]).toEqual([307, 'https://example.com/']);
  });
});

/** Both frameworks behind a proxy that terminates TLS. */
const behindProxy: [string, (isTrusted: boolean, layer: Layer) => RequestListener][] = [
  [
    'Express',
    (isTrusted, layer) => {
      const app = express();
      app.set('trust proxy', isTrusted);
      return app.use(toExpress(layer)).get('/', (_req, res) => void res.send('answer'));
    },
  ],
  [
    'Koa',
    (isTrusted, layer) => {
      const app = new Koa({ proxy: isTrusted });
      app.use(toKoa(layer)).use(ctx => {
        ctx.body = 'answer';
      });
      return app.callback();
    },
  ],
];

describe.each(behindProxy)('behind a proxy on %s', (_name, listenerOf) => {
  const forwarded = { host: 'inner:3000', 'x-forwarded-host': 'example.com', 'x-forwarded-proto': 'https' };
  const through = (isTrusted: boolean, layer: Layer, headers: Record<string, string> = forwarded) =>
    listening(listenerOf(isTrusted, layer), (_url, port) => ask(port, { headers }));
  const redirecting = () => new Layer({ middleware: [httpsRedirect()] });
  const trusting = (...allowedHosts: string[]) => new Layer({ middleware: [trustedHost({ allowedHosts })] });

  it('uses the protocol that a trusted proxy reports', async () => {
    expect(await through(true, redirecting())).toMatchObject(allowed);
  });

  it('ignores the protocol that an untrusted client reports', async () => {
    expect((await through(false, redirecting())).headers.location).toBe('https://inner:3000/');
  });

  it('redirects to the host that a trusted proxy reports', async () => {
    const got = await through(true, redirecting(), { ...forwarded, 'x-forwarded-proto': 'http' });
    expect(got.headers.location).toBe('https://example.com/');
  });

  it('checks the host that a trusted proxy reports', async () => {
    expect(await through(true, trusting('example.com'))).toMatchObject(allowed);
    expect(await through(true, trusting('inner'))).toMatchObject(invalid);
    expect(await through(false, trusting('example.com'))).toMatchObject(invalid);
    expect(await through(false, trusting('inner'))).toMatchObject(allowed);
  });

  it('refuses an invalid host header, whatever the proxy reports', async () => {
    expect(await through(true, trusting('example.com'), { ...forwarded, host: 'a/b' })).toMatchObject(
      invalid,
    );
  });

  it('refuses an absolute target that names another host', async () => {
    const layer = trusting('inner');
    const { bytes } = await listening(listenerOf(false, layer), (_url, port) =>
      record(port, 'GET http://evil.net/ HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n\r\n'),
    );
    expect(bytes).toMatch(/^HTTP\/1\.1 400 [\s\S]*Invalid host header$/);
  });

  it.each([
    'GET http://u@evil.net/x HTTP/1.1\r\nHost: inner',
    'GET http://u@inner/x HTTP/1.1\r\nHost: inner',
    'GET x://evil.net/x HTTP/1.1\r\nHost: inner',
    'GET https://evil.net/x HTTP/1.1\r\nHost: inner',
    'GET http://inner:81/x HTTP/1.1\r\nHost: inner',
    'GET http://inner/x HTTP/1.1\r\nHost: inner\r\nHost: inner',
    'GET / HTTP/1.1\r\nHost: inner\r\nHost: evil.net',
    'GET / HTTP/1.1\r\nHost: inner\r\nX-Other: Host\r\nhost: inner',
    'GET / HTTP/1.1\r\nHost: inner, evil.net',
  ])('refuses a request that names several hosts or a different one: %j', async request => {
    for (const layer of [trusting('inner'), redirecting()]) {
      const { bytes } = await listening(listenerOf(false, layer), (_url, port) =>
        record(port, `${request}\r\nConnection: close\r\n\r\n`),
      );
      expect(bytes).toMatch(/^HTTP\/1\.1 400 [\s\S]*Invalid host header$/);
    }
  });

  it.each([
    'GET / HTTP/1.1\r\nHost: inner\r\nX-Host: evil.net\r\nX-Other: host',
    'GET http://inner/ HTTP/1.1\r\nHost: INNER',
    'GET http://inner:80/ HTTP/1.1\r\nHost: inner',
    'GET x://inner/ HTTP/1.1\r\nHost: inner',
  ])('accepts a request that names one host: %j', async request => {
    const { bytes } = await listening(listenerOf(false, trusting('inner')), (_url, port) =>
      record(port, `${request}\r\nConnection: close\r\n\r\n`),
    );
    expect(bytes).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('ignores an https scheme in the request target', async () => {
    const { bytes } = await listening(listenerOf(false, redirecting()), (_url, port) =>
      record(port, 'GET https://inner/x HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n\r\n'),
    );
    expect(bytes).toMatch(/^HTTP\/1\.1 307 [\s\S]*\r\nlocation: https:\/\/inner\/x\r\n/i);
  });

  it.each([
    '//evil.net/x',
    '/\\evil.net',
    '/\\/evil.net',
    '///evil.net',
    '/@evil.net',
    '*',
    '/%5C%2Fevil.net',
  ])('redirects %s to the requested host, as a browser reads it', async target => {
    const www = new Layer({ middleware: [trustedHost({ allowedHosts: ['www.inner.net'] })] });
    for (const [layer, host] of [
      [redirecting(), 'inner.net'],
      [www, 'www.inner.net'],
    ] as const) {
      const { bytes } = await listening(listenerOf(false, layer), (_url, port) =>
        record(port, `GET ${target} HTTP/1.1\r\nHost: inner.net\r\nConnection: close\r\n\r\n`),
      );
      const location = /\r\nlocation: (.*)\r\n/i.exec(bytes)?.[1] ?? '';
      expect(new URL(location, 'http://inner.net').host).toBe(host);
    }
  });

  it.each(['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'])(
    'refuses a request without a host: %j',
    async request => {
      for (const layer of [trusting('localhost'), redirecting()]) {
        const { bytes } = await listening(listenerOf(false, layer), (_url, port) => record(port, request));
        expect(bytes).toMatch(/^HTTP\/1\.1 400 [\s\S]*Invalid host header$/);
      }
    },
  );
});

it.each(behindProxy.slice(1))(
  'refuses an HTTP/2 request on %s whose host header differs from its authority',
  async (_name, listenerOf) => {
    const layer = new Layer({ middleware: [trustedHost({ allowedHosts: ['good.com'] })] });
    const server = http2.createServer(listenerOf(false, layer) as never).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const statusFor = async (headers: Record<string, string>) => {
      const stream = client.request({ ':path': '/', ...headers });
      const [got] = await once(stream, 'response');
      stream.resume();
      return got[':status'];
    };
    expect(await statusFor({ ':authority': 'good.com' })).toBe(200);
    expect(await statusFor({ ':authority': 'good.com', host: 'good.com' })).toBe(200);
    expect(await statusFor({ ':authority': 'good.com', host: 'evil.com' })).toBe(400);
    expect(await statusFor({ ':authority': 'evil.com' })).toBe(400);
    client.close();
    server.close();
  },
);

describe('trustedHost() options', () => {
  it.each([
    [{ allowedHosts: 'example.com' }],
    [{ allowedHosts: ['*example.com'] }],
    [{ allowedHosts: ['ex*mple.com'] }],
    [{ allowedHosts: ['a.*.com'] }],
    [{ allowedHosts: ['example.com:8000'] }],
    [{ allowedHosts: ['https://example.com'] }],
    [{ allowedHosts: [''] }],
  ])('refuses %j', options => {
    expect(() => trustedHost(options as never)).toThrow(
      "must be a list of hosts without a port, such as 'example.com' or '*.example.com', received",
    );
  });

  it('rejects an unknown option', () => {
    expect(() => trustedHost({ hosts: ['a'] } as never)).toThrow('has no option `hosts`');
  });
});
