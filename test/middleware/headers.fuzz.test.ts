import type { RequestListener } from 'node:http';
import { endpoint, Layer, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { cors } from 'callnext/middleware/cors';
import { gzip } from 'callnext/middleware/gzip';
import { httpsRedirect } from 'callnext/middleware/https-redirect';
import { requestId } from 'callnext/middleware/request-id';
import { sessions } from 'callnext/middleware/sessions';
import { trustedHost } from 'callnext/middleware/trusted-host';
import express from 'express';
import fc from 'fast-check';
import Koa from 'koa';
import { listening } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const runs = Number(process.env.FUZZ_RUNS ?? 250);
const origins = ['https://app.example', 'http://localhost:3000'];
const hostNames = ['example.com', '[::1]'];

const all: Middleware[] = [
  requestId(),
  cors({
    allowOrigins: origins,
    allowOriginRegex: /https:\/\/[a-z]+\.example/,
    allowHeaders: ['*'],
    allowCredentials: true,
  }),
  trustedHost({ allowedHosts: [...hostNames, '*.example.com', 'www.wide.net'] }),
  sessions({ secretKey: 'secret' }),
  gzip({ minimumSize: 1, encodings: ['br', 'gzip'] }),
];

const visit = endpoint({}, ({ request }) => {
  request.session.visits = Number(request.session.visits ?? 0) + 1;
  return { visits: request.session.visits, path: new URL(request.url).pathname };
});

function expressApp(middleware: Middleware[]): RequestListener {
  const app = express();
  app.set('trust proxy', true);
  app.set('env', 'test');
  return app
    .use(toExpress(new Layer({ middleware, onError: () => undefined })))
    .use(toExpress(visit)) as RequestListener;
}

function koaApp(middleware: Middleware[]): RequestListener {
  const app = new Koa({ proxy: true });
  app.silent = true;
  app.use(toKoa(new Layer({ middleware, onError: () => undefined }))).use(toKoa(visit) as never);
  return app.callback();
}

/** The characters that a header may carry on the wire: all except line breaks and NUL, as latin1. */
const anyText = fc
  .string({ unit: fc.integer({ min: 1, max: 255 }).map(code => String.fromCharCode(code)), maxLength: 40 })
  .map(text => text.replace(/[\r\n\0]/g, ''));
/** Mostly known values; Node itself usually refuses the rest. */
const near = (...known: string[]) =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: fc.constantFrom(...known).map(text => text.toUpperCase()) },
    fc.tuple(fc.constantFrom(...known), anyText).map(([text, more]) => text + more),
    fc.tuple(anyText, fc.constantFrom(...known)).map(([more, text]) => more + text),
    anyText,
  );

const origin = near(...origins, 'https://good.example', 'https://evil.net', 'null', '*');
const host = near(
  ...hostNames,
  'a.example.com',
  'wide.net',
  'evil.net',
  'example.com:80',
  'localhost',
  'user@example.com',
  '[::1',
  '',
);
const cookie = near(
  'session=',
  'session=null',
  'session=eyJhIjoxfQ==.ZVPxAA.7oEzSCPMAJcuMBKSqvqevt8LFBs',
  'session=a.b.c; session=',
  '__proto__=1',
);
const coding = near('gzip', 'br', 'gzip;q=0', '*;q=0.5', 'identity;q=0', 'br;q=1.0, gzip;q=abc');
const proto = near('https', 'http', 'javascript', 'https, http');

const headers = fc.record(
  {
    Origin: origin,
    Cookie: cookie,
    'Accept-Encoding': coding,
    'X-Forwarded-Host': host,
    'X-Forwarded-Proto': proto,
    'X-Forwarded-For': near('192.0.2.1', '::1', '1, 2'),
    Forwarded: near('host=evil.net;proto=https'),
    'X-Request-Id': near('abc', 'a b'),
    'Access-Control-Request-Method': near('GET', 'PUT'),
    'Access-Control-Request-Headers': near('x-a', 'X-A, x-b'),
    'Access-Control-Request-Private-Network': near('true'),
  },
  { requiredKeys: [] },
);
const target = near(
  '/',
  '/',
  '/',
  '/x',
  '/a?b=c',
  'http://evil.net/',
  '//evil.net/',
  'https://example.com/x',
  '*',
).map(text => text.replace(/[\s\0-\x20]/g, '') || '/');
const asked = fc.record({ method: fc.constantFrom('GET', 'OPTIONS', 'POST', 'HEAD'), host, target, headers });

interface Answer {
  status: number;
  headers: Map<string, string[]>;
}

function parse(bytes: string): Answer[] {
  const answers: Answer[] = [];
  const [head = ''] = bytes.split('\r\n\r\n', 1);
  const [first = '', ...lines] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = '', value = ''] =
      /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    // An invalid header would not have been parsed.
    expect(name).not.toBe('');
    found.set(name.toLowerCase(), [...(found.get(name.toLowerCase()) ?? []), value]);
  }
  answers.push({ status, headers: found });
  return answers;
}

async function send(
  port: number,
  { method, host: name, target: path, headers: sent }: typeof asked extends fc.Arbitrary<infer T> ? T : never,
): Promise<Answer> {
  const lines = Object.entries(sent).map(([key, value]) => `${key}: ${value}`);
  const head = [`${method} ${path} HTTP/1.1`, `Host: ${name}`, 'Connection: close', ...lines, '', ''].join(
    '\r\n',
  );
  const { bytes } = await record(port, Buffer.from(head, 'latin1') as never);
  return parse(bytes)[0] as Answer;
}

function isListedOrigin(value: string): boolean {
  return origins.includes(value) || /^https:\/\/[a-z]+\.example$/.test(value);
}

function isListedHost(value: string): boolean {
  const name = value.toLowerCase().replace(/:\d+$/, '');
  return hostNames.includes(name) || /^[a-z0-9._-]+\.example\.com$/.test(name);
}

describe.each([
  ['Express', expressApp],
  ['Koa', koaApp],
])('on %s, with arbitrary headers', (_name, listenerOf) => {
  it(
    'never crashes and never allows an unlisted origin or host',
    () =>
      listening(listenerOf(all), (_url, port) =>
        fc.assert(
          fc.asyncProperty(asked, async request => {
            const { status, headers: got } = await send(port, request);
            // Node also answers 400 to bytes that are not a request.
            expect([200, 307, 400, 404]).toContain(status);
            for (const allowed of got.get('access-control-allow-origin') ?? []) {
              expect(isListedOrigin(allowed)).toBe(true);
              expect(allowed).toBe(request.headers.Origin?.trim());
            }
            const { 'X-Forwarded-Host': forwarded = '' } = request.headers;
            // Koa strips user info from a host.
            const effective = (forwarded.split(',')[0]?.trim() || request.host).replace(/^.*@/, '').trim();
            if (status === 200 && !got.has('access-control-allow-methods'))
              expect(isListedHost(effective)).toBe(true);
            const location = got.get('location')?.[0];
            if (location !== undefined) expect(new URL(location).hostname).toBe('www.wide.net');
            const cookies = got.get('set-cookie') ?? [];
            for (const line of cookies)
              expect(line).toMatch(
                /^session=eyJ2aXNpdHMiOjF9\.[\w-]+\.[\w-]+; Max-Age=1209600; Path=\/; HttpOnly; SameSite=Lax$/,
              );
          }),
          { numRuns: runs },
        ),
      ),
    60_000,
  );

  it(
    'redirects to https at the requested host only',
    () =>
      listening(listenerOf([httpsRedirect()]), (_url, port) =>
        fc.assert(
          fc.asyncProperty(asked, async request => {
            const { status, headers: got } = await send(port, request);
            // Without sessions(), the endpoint fails.
            expect([307, 400, 500]).toContain(status);
            const location = got.get('location')?.[0];
            if (status !== 307) return expect(location).toBeUndefined();
            const { protocol, hostname, username, password } = new URL(location ?? '');
            expect([protocol, username, password]).toEqual(['https:', '', '']);
            const asked = [request.host, request.headers['X-Forwarded-Host'] ?? '', request.target]
              .join(' ')
              .toLowerCase();
            const known = hostname.startsWith('[') ? '[' : hostname;
            // Koa writes non-ASCII characters differently.
            const isRewritten = /[^\x20-\x7e]/.test(asked) || /^[\d.]+$/.test(hostname);
            expect(asked.includes(known) || isRewritten).toBe(true);
          }),
          { numRuns: runs },
        ),
      ),
    60_000,
  );
});
