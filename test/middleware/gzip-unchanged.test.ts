import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { endpoint, FileResponse, Layer, type Middleware, Response } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { gzip } from 'callnext/middleware/gzip';
import express5 from 'express';
import Koa3 from 'koa';
import serveFiles from 'koa-static';
import { ask } from '../support/ask.js';
import { listening } from '../support/frameworks.js';

const etagOf = require('@koa/etag') as () => Koa3.Middleware;
const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

const folder = mkdtempSync(path.join(tmpdir(), 'callnext-gzip-'));
const text = 'a text that can be made smaller. '.repeat(40);
const contents: Readonly<Record<string, string>> = {
  'image.png': text,
  'small.txt': 'x'.repeat(100),
  'large.txt': text,
};
for (const [name, content] of Object.entries(contents)) writeFileSync(path.join(folder, name), content);
afterAll(() => rmSync(folder, { recursive: true }));

const names = Object.keys(contents);
const typeOf = (name: string): string => (name.endsWith('.png') ? 'image/png' : 'text/plain');

/** Answers with 304 if the etag matches, inside `gzip()`. */
const conditional: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  const etag = `"${createHash('sha1')
    .update(await response.text())
    .digest('hex')}"`;
  response.headers.set('etag', etag);
  const held = request.headers.get('if-none-match')?.replace(/^W\//, '');
  if (held !== etag) return response;
  return new Response(null, { status: 304, headers: { etag } });
};

/** Ways to answer with content, and with 304 if the client has it. */
const expressWays: Readonly<Record<string, (app: express5.Express) => void>> = {
  'res.send() with its own etag': app =>
    app.get('/:name', (req, res) => {
      res.type(typeOf(req.params.name)).send(Buffer.from(contents[req.params.name] as string));
    }),
  'res.send() with a strong etag': app =>
    app.get('/:name', (req, res) => {
      res.set('etag', `"${req.params.name}"`).type(typeOf(req.params.name));
      res.send(Buffer.from(contents[req.params.name] as string));
    }),
  'express.static()': app => app.use(express5.static(folder)),
  'res.sendFile()': app => app.get('/:name', (req, res) => res.sendFile(path.join(folder, req.params.name))),
  'a handler that answers 304 itself': app =>
    app.get('/:name', (req, res) => {
      const etag = `"${req.params.name}"`;
      res.set('etag', etag);
      if (req.get('if-none-match')?.includes(etag)) return void res.sendStatus(304);
      res.type(typeOf(req.params.name)).end(contents[req.params.name]);
    }),
  'res.end() with no-transform': app =>
    app.get('/:name', (req, res) => {
      res.set({ etag: `"${req.params.name}"`, 'cache-control': 'no-transform' });
      res.type('txt').send(contents[req.params.name]);
    }),
};
const koaWays: Readonly<Record<string, (app: Koa3) => void>> = {
  'ctx.body with a strong etag': app => {
    app.use(fresh).use(etagOf());
    app.use(ctx => {
      ctx.type = typeOf(ctx.path);
      ctx.body = Buffer.from(contents[ctx.path.slice(1)] as string);
    });
  },
  'ctx.body with a weak etag': app => {
    app.use(fresh);
    app.use(ctx => {
      ctx.etag = `W/"${ctx.path}"`;
      ctx.type = typeOf(ctx.path);
      ctx.body = contents[ctx.path.slice(1)];
    });
  },
  'koa-static': app => app.use(fresh).use(etagOf()).use(serveFiles(folder)),
};
const sharedWays: Readonly<Record<string, readonly Mount[]>> = {
  'a FileResponse': [endpoint({}, ({ request }) => new FileResponse(path.join(folder, request.path)))],
  'a middleware that makes etags': [
    conditional,
    endpoint({}, ({ request }) => {
      const headers = { 'content-type': typeOf(request.path) };
      return new Response(contents[request.path.slice(1)], { headers });
    }),
  ],
};
type Mount = Middleware | ReturnType<typeof endpoint>;

async function fresh(ctx: Koa3.Context, next: Koa3.Next): Promise<void> {
  await next();
  if (!ctx.fresh) return;
  ctx.status = 304;
  ctx.body = null;
}

const compressing = (): Layer => new Layer({ middleware: [gzip()] });

function expressApp(express: typeof express5, mount: (app: express5.Express) => void): RequestListener {
  const app = express();
  app.use(toExpress(compressing()) as never);
  mount(app);
  return app as unknown as RequestListener;
}

function koaApp(Koa: typeof Koa3, mount: (app: Koa3) => void): RequestListener {
  const app = new Koa();
  app.silent = true;
  app.use(toKoa(compressing()) as never);
  mount(app);
  return app.callback();
}

type Way = readonly [title: string, listener: RequestListener];
const ways: readonly Way[] = [
  ...(
    [
      ['Express 5', express5],
      ['Express 4', express4],
    ] as const
  ).flatMap(([name, express]) => [
    ...Object.entries(expressWays).map(
      ([title, mount]): Way => [`${title} on ${name}`, expressApp(express, mount)],
    ),
    ...Object.entries(sharedWays).map(
      ([title, mounts]): Way => [
        `${title} on ${name}`,
        expressApp(express, app => void mounts.map(each => app.use(toExpress(each as Middleware) as never))),
      ],
    ),
  ]),
  ...(
    [
      ['Koa 3', Koa3],
      ['Koa 2', Koa2],
    ] as const
  ).flatMap(([name, Koa]) => [
    ...Object.entries(koaWays).map(([title, mount]): Way => [`${title} on ${name}`, koaApp(Koa, mount)]),
    ...Object.entries(sharedWays).map(
      ([title, mounts]): Way => [
        `${title} on ${name}`,
        koaApp(Koa, app => void mounts.map(each => app.use(toKoa(each as Middleware) as never))),
      ],
    ),
  ]),
];

describe.each(ways)('below gzip(), %s', (title, listener) => {
  it.each(['gzip', undefined])(
    'keeps the etag and vary of the 200 on a 304 (accept-encoding: %s)',
    async accepts => {
      const coding: Record<string, string> = accepts === undefined ? {} : { 'accept-encoding': accepts };
      await listening(listener, async (_url, port) => {
        for (const name of names) {
          const full = await ask(port, { path: `/${name}`, headers: coding });
          const { etag = '', vary } = full.headers;
          const again = await ask(port, { path: `/${name}`, headers: { ...coding, 'if-none-match': etag } });
          // Without a type, an uncoded image cannot be distinguished from text.
          const isKnown =
            accepts !== undefined || (!title.startsWith('a handler') && !title.startsWith('a middleware'));
          expect([name, again.status, again.headers.etag, isKnown ? again.headers.vary : vary]).toEqual([
            name,
            304,
            etag,
            vary,
          ]);
        }
      });
    },
  );

  it('answers HEAD with the headers of GET', async () => {
    await listening(listener, async (_url, port) => {
      for (const name of names)
        for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
          const full = await ask(port, { path: `/${name}`, headers });
          const head = await ask(port, { method: 'HEAD', path: `/${name}`, headers });
          const { date: _date, ...got } = head.headers;
          expect([name, head.status]).toEqual([name, full.status]);
          for (const [field, value] of Object.entries(got))
            expect([name, field, value]).toEqual([name, field, full.headers[field]]);
          expect([name, got.etag, got.vary]).toEqual([name, full.headers.etag, full.headers.vary]);
        }
    });
  });
});

describe.each([
  [
    'Express 5',
    (stream: () => Readable) =>
      expressApp(express5, app => void app.use((_req, res) => void stream().pipe(res.set('etag', '"a"')))),
  ],
  [
    'Koa 3',
    (stream: () => Readable) =>
      koaApp(Koa3, app => void app.use(ctx => Object.assign(ctx, { etag: '"a"', body: stream() }))),
  ],
])('a stream below gzip() on %s', (_name, mount) => {
  it('answers HEAD with the etag and vary of GET', async () => {
    const listener = mount(() => Readable.from([text]).pipe(new PassThrough()));
    await listening(listener, async (_url, port) => {
      const headers = { 'accept-encoding': 'gzip' };
      const seen = await Promise.all(['GET', 'HEAD'].map(method => ask(port, { method, headers })));
      for (const { headers: got } of seen)
        expect([got.etag, got.vary, got['content-length']]).toEqual(['W/"a"', 'Accept-Encoding', undefined]);
    });
  });
});

it('restores the response, and recognises a file by its date alone', async () => {
  const listener = expressApp(express5, app => {
    app.use((_req, res, next) => {
      res.once('finish', () => setters.push(res.setHeader));
      next();
    });
    app.use(express5.static(folder, { etag: false }));
  });
  const setters: unknown[] = [];
  await listening(listener, async (_url, port) => {
    const { headers } = await ask(port, { path: '/image.png' });
    const since = { 'if-modified-since': headers['last-modified'] as string, 'accept-encoding': 'gzip' };
    const again = await ask(port, { path: '/image.png', headers: since });
    expect([again.status, again.headers.vary]).toEqual([304, undefined]);
    const coded = await ask(port, { path: '/large.txt', headers: since });
    expect([coded.status, coded.headers.vary]).toEqual([304, 'Accept-Encoding']);
  });
  expect(new Set(setters).size).toBe(1);
});
