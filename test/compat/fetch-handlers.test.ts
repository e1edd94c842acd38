import { once } from 'node:events';
import http from 'node:http';
import bodyParser from '@koa/bodyparser';
import { initTRPC } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { endpoint, Layer } from 'callnext';
import { type FetchHandler, mountFetch as mountOnExpress, toExpress } from 'callnext/express';
import { mountFetch as mountOnKoa, toKoa } from 'callnext/koa';
import express5 from 'express';
import { createSchema, createYoga } from 'graphql-yoga';
import { Hono } from 'hono';
import Koa3 from 'koa';
import mount from 'koa-mount';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

/** The place of the body parsers: none, before the layer, or between the layer and the handler. */
type Parsers =
  | 'without parsers'
  | 'behind parsers'
  | 'below parsers that are below the layer'
  | 'below a middleware that reads';
const arrangements: Parsers[] = [
  'without parsers',
  'behind parsers',
  'below parsers that are below the layer',
  'below a middleware that reads',
];

type Listener = (
  path: string,
  handler: FetchHandler,
  parsers: Parsers,
  layer?: Layer,
) => http.RequestListener;

function layerFor(parsers: Parsers): Layer {
  const layer = new Layer();
  layer.addMiddleware(async (request, callNext) => {
    if (parsers === 'below a middleware that reads') await request.text();
    const response = await callNext(request);
    response.headers.set('x-layer', 'seen');
    return response;
  });
  return layer;
}

function onExpress(express: typeof express5): Listener {
  return (path, handler, parsers, layer = layerFor(parsers)) => {
    const app = express().set('env', 'test');
    const parse = [express.json(), express.urlencoded({ extended: false })];
    if (parsers === 'behind parsers') app.use(...parse);
    app.use(toExpress(layer));
    if (parsers === 'below parsers that are below the layer') app.use(...parse);
    app.use(path, mountOnExpress(handler));
    app.get('/native', (_req, res) => res.json({ native: true }));
    return app as http.RequestListener;
  };
}

function onKoa(Koa: typeof Koa3): Listener {
  return (path, handler, parsers, layer = layerFor(parsers)) => {
    const app = new Koa();
    app.silent = true;
    if (parsers === 'behind parsers') app.use(bodyParser() as never);
    app.use(toKoa(layer));
    if (parsers === 'below parsers that are below the layer') app.use(bodyParser() as never);
    app.use(mount(path, mountOnKoa(handler)));
    app.use(ctx => {
      ctx.body = { native: true };
    });
    return app.callback();
  };
}

const hosts: [string, Listener][] = [
  ['Express 5', onExpress(express5)],
  ['Express 4', onExpress(express4)],
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
];

function postJSON(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

describe.each(hosts)('Fetch handlers on %s', (_name, listener) => {
  describe.each(arrangements)('%s', parsers => {
    it('Hono answers', async () => {
      const hono = new Hono().basePath('/api');
      hono.post('/echo/:id', async c =>
        c.json({ id: c.req.param('id'), q: c.req.query('q'), body: await c.req.json() }, 201),
      );
      hono.post('/form', async c => c.json(await c.req.parseBody()));
      await listening(listener('/api', hono.fetch, parsers), async url => {
        const json = await fetch(`${url}/api/echo/7?q=%C3%A9`, postJSON({ a: [1] }));
        expect([json.status, json.headers.get('x-layer')]).toEqual([201, 'seen']);
        expect(await json.json()).toEqual({ id: '7', q: 'é', body: { a: [1] } });
        const form = await fetch(`${url}/api/form`, {
          method: 'POST',
          body: new URLSearchParams({ b: '2' }),
        });
        expect(await form.json()).toEqual({ b: '2' });
        expect((await fetch(`${url}/api/none`)).status).toBe(404);
        expect(await (await fetch(`${url}/native`)).json()).toEqual({ native: true });
      });
    });

    it('tRPC answers queries and mutations', async () => {
      const t = initTRPC.create();
      const router = t.router({
        hello: t.procedure.input((value: unknown) => String(value)).query(({ input }) => `hello ${input}`),
        add: t.procedure
          .input((value: unknown) => value as { a: number; b: number })
          .mutation(({ input }) => input.a + input.b),
      });
      const handler: FetchHandler = req => fetchRequestHandler({ endpoint: '/trpc', req, router });
      await listening(listener('/trpc', handler, parsers), async url => {
        const hello = await fetch(`${url}/trpc/hello?input=${encodeURIComponent('"you"')}`);
        expect(await hello.json()).toEqual({ result: { data: 'hello you' } });
        const sum = await fetch(`${url}/trpc/add`, postJSON({ a: 1, b: 2 }));
        expect(await sum.json()).toEqual({ result: { data: 3 } });
        expect(sum.headers.get('x-layer')).toBe('seen');
      });
    });

    it('GraphQL Yoga answers', async () => {
      const schema = createSchema({
        typeDefs: 'type Query { hello(name: String!): String! }',
        resolvers: { Query: { hello: (_: unknown, { name }: { name: string }) => `hello ${name}` } },
      });
      const yoga = createYoga({ schema, logging: false });
      await listening(
        listener('/graphql', request => yoga.fetch(request), parsers),
        async url => {
          const response = await fetch(`${url}/graphql`, postJSON({ query: '{ hello(name: "you") }' }));
          expect(await response.json()).toEqual({ data: { hello: 'hello you' } });
          expect(response.headers.get('x-layer')).toBe('seen');
        },
      );
    });

    it('better-auth signs a user up and knows the session', async () => {
      const tables = { user: [], session: [], account: [], verification: [] };
      const auth = betterAuth({
        database: memoryAdapter(tables),
        emailAndPassword: { enabled: true },
        secret: 'a secret of a test, long enough to be one',
        baseURL: 'http://127.0.0.1',
        trustedOrigins: ['http://127.0.0.1:*'],
        telemetry: { enabled: false },
        rateLimit: { enabled: false },
      });
      await listening(
        listener('/api/auth', request => auth.handler(request), parsers),
        async url => {
          const account = { name: 'Ada', email: 'ada@example.com', password: 'correct horse' };
          const signedUp = await fetch(`${url}/api/auth/sign-up/email`, postJSON(account, { origin: url }));
          expect(signedUp.status).toBe(200);
          const cookie = signedUp.headers
            .getSetCookie()
            .map(line => line.split(';', 1)[0])
            .join('; ');
          const session = await fetch(`${url}/api/auth/get-session`, { headers: { cookie } });
          expect(await session.json()).toMatchObject({ user: { email: 'ada@example.com' } });
        },
      );
    });
  });

  it('stream both ways', async () => {
    const log = new EventLog();
    const upper: FetchHandler = request => {
      log.add('called');
      const text = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) =>
          controller.enqueue(Buffer.from(Buffer.from(chunk).toString().toUpperCase())),
      });
      return new Response(request.body?.pipeThrough(text), { headers: { 'content-type': 'text/plain' } });
    };
    await listening(listener('/up', upper, 'without parsers'), async (_url, port) => {
      const request = http.request({ port, path: '/up', method: 'POST' });
      request.write('one');
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const [first] = await once(response, 'data');
      request.end('two');
      const [second] = await once(response, 'data');
      expect([String(first), String(second)]).toEqual(['ONE', 'TWO']);
    });
  });

  it('notice that a client leaves', async () => {
    const log = new EventLog();
    const waiting: FetchHandler = async request => {
      log.add('called');
      request.signal.addEventListener('abort', () => log.add('aborted'));
      const never = gate();
      request.signal.addEventListener('abort', () => never.open());
      await never.opened;
      return new Response('late');
    };
    await listening(listener('/wait', waiting, 'without parsers'), async url => {
      const controller = new AbortController();
      const gone = fetch(`${url}/wait`, { signal: controller.signal }).catch(error => error.name);
      await log.until('called');
      controller.abort();
      expect(await gone).toBe('AbortError');
      await log.until('aborted');
    });
  });

  it('fail as endpoints do', async () => {
    const layer = new Layer();
    const seen: string[] = [];
    layer.addMiddleware(async (request, callNext) => {
      try {
        return await callNext(request);
      } catch (error) {
        seen.push((error as Error).message);
        return new Response('handled', { status: 500 });
      }
    });
    const failing: FetchHandler = () => {
      throw new Error('boom');
    };
    await listening(listener('/x', failing, 'without parsers', layer), async url => {
      expect(await (await fetch(`${url}/x`)).text()).toBe('handled');
    });
    await listening(
      listener('/x', () => undefined as never, 'without parsers', layer),
      async url => {
        expect((await fetch(`${url}/x`)).status).toBe(500);
      },
    );
    expect(seen).toEqual(['boom', expect.stringMatching(/The Fetch handler returned `undefined`/)]);
  });
});

it('a parser that changed a body prevents its rebuilding, and the error says so', async () => {
  const app = express5().set('env', 'test');
  app.use(express5.urlencoded({ extended: true }));
  app.use(mountOnExpress(async request => new Response(await request.text())));
  app.use(((error, _req, res, _next) =>
    res.json([error.code, error.message])) as express5.ErrorRequestHandler);
  await listening(app as http.RequestListener, async url => {
    const body = new URLSearchParams({ 'a[b]': '1' });
    const answer = await (await fetch(url, { method: 'POST', body })).json();
    expect(answer).toEqual([
      'BODY_PARSED',
      expect.stringContaining('`express.urlencoded({ verify: keepRawBody })`'),
    ]);
  });
});

it('rejects a value that is not a handler', () => {
  expect(() => mountOnExpress({} as never)).toThrow(expect.objectContaining({ code: 'FETCH_HANDLER' }));
  expect(() => mountOnKoa(endpoint({}, () => 1) as never)).toThrow(
    expect.objectContaining({ code: 'FETCH_HANDLER' }),
  );
});
