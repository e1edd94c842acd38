import type http from 'node:http';
import KoaRouter from '@koa/router';
import {
  type CallNext,
  Depends,
  type ErrorPhase,
  endpoint,
  FileResponse,
  HTTPException,
  JSONResponse,
  Layer,
  type Request,
  Response,
  type ResponseInit,
} from 'callnext';
import { errorBoundary, fromExpress, toExpress } from 'callnext/express';
import { fromKoa, errorBoundary as koaBoundary, toKoa } from 'callnext/koa';
import { override } from 'callnext/testing';
import express5 from 'express';
import Koa3 from 'koa';
import manifest from '../../package.json' with { type: 'json' };
import { listening, mounts } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

const code = (value: string) => expect.objectContaining({ code: value });
const untyped = (value: unknown): never => value as never;
const here = /setup-misuse\.test\.ts:\d+:\d+/g;

interface Told {
  readonly code?: string;
  readonly message: string;
  readonly cause?: unknown;
}

function reporting(): { told: Told[]; onError: (error: Error, context: { phase: ErrorPhase }) => void } {
  const told: Told[] = [];
  return { told, onError: error => void told.push(error) };
}

async function passOn(request: Request, callNext: CallNext): Promise<Response> {
  return callNext(request);
}

/** Node's own client: a hanging request fails the test, and an unanswered one is detected. */
async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  await response.text();
  return response.status;
}

describe('functions that make a middleware or a dependency', () => {
  const entries = Object.keys(manifest.exports).filter(entry => entry.startsWith('./middleware/'));
  /** Exports that are dependencies themselves, and classes. */
  const others = /^(?:session$|[A-Z])/;
  const factories = entries.flatMap(entry => {
    const exported: Record<string, unknown> = require(`callnext/${entry.slice(2)}`);
    return Object.entries(exported).filter(([name]) => !others.test(name));
  });

  it.each(factories)('reject `%s` uncalled, as middleware and as dependency', (name, factory) => {
    const message = `\`${name}\` was passed without being called. Call it: \`${name}(…)\`.`;
    expect(() => new Layer().addMiddleware(untyped(factory))).toThrow(message);
    expect(() => toKoa(untyped(factory))).toThrow(message);
    expect(() => Depends(untyped(factory))).toThrow(message);
  });
});

describe('options', () => {
  it.each<[string, (option: string) => unknown, string]>([
    ['statusCode', option => endpoint({}, () => 1, untyped({ [option]: 1 })), 'status'],
    ['status_code', option => new Response('', untyped({ [option]: 1 })), 'status'],
    ['media_type', option => new JSONResponse(1, untyped({ [option]: 1 })), 'mediaType'],
    ['use_cache', option => Depends(() => 1, untyped({ [option]: 1 })), 'useCache'],
    ['cache', option => Depends(() => 1, untyped({ [option]: 1 })), 'useCache'],
    ['httponly', option => new Response().setCookie('a', '1', untyped({ [option]: true })), 'httpOnly'],
    ['same_site', option => new Response().deleteCookie('a', untyped({ [option]: 'lax' })), 'sameSite'],
    ['exception_handlers', option => new Layer(untyped({ [option]: [] })), 'exceptionHandlers'],
    ['midleware', option => new Layer(untyped({ [option]: [] })), 'middleware'],
    ['fileName', option => new FileResponse('/x', untyped({ [option]: 'a' })), 'filename'],
    ['header', option => new HTTPException(401, '', untyped({ [option]: {} })), 'headers'],
  ])('suggests the existing option for `%s`', (option, build, meant) => {
    expect(() => build(option)).toThrow(`\`${option}\`. Did you mean \`${meant}\`?`);
  });

  it('suggests `headers` for the name of a header', () => {
    expect(() => new HTTPException(400, '', untyped({ 'x-a': 'b' }))).toThrow(
      "`x-a`. For a header, write `{ headers: { 'x-a': … } }`. Its options are",
    );
    expect(() => new JSONResponse({}, untyped({ 'x-a': 'b' }))).toThrow("`{ headers: { 'x-a': … } }`");
    expect(() => endpoint({}, () => 1, untyped({ 'x-a': 'b' }))).toThrow('`x-a`. Its options are');
  });

  it('that resemble no other are listed without a guess', () => {
    expect(() => new HTTPException(401, '', untyped({ zip: 1 }))).toThrow(
      '`new HTTPException()` has no option `zip`. Its options are `headers`, `cause`.',
    );
    expect(() => endpoint({}, () => 1, untyped({ toString: 1 }))).toThrow('no option `toString`');
  });

  it('that are undefined count as absent', () => {
    const response = new Response('x', untyped({ status: undefined, headers: undefined }));
    expect(response.status).toBe(200);
    expect(Depends(() => 1, untyped({ useCache: undefined, scope: undefined })).useCache).toBe(true);
  });

  it('of a response may be another response, of the platform or of callnext', () => {
    const native = new globalThis.Response('', { status: 201, headers: { 'x-a': '1' } });
    expect(new Response('', native).status).toBe(201);
    expect(new Response('', new JSONResponse(1, { status: 202 })).status).toBe(202);
  });

  it("of a user's subclass are its own", () => {
    class Page extends Response {
      constructor(init: ResponseInit & { title: string }) {
        super(init.title, init);
      }
    }
    class Gone extends HTTPException {
      constructor(options: { since: number; headers?: Record<string, string> }) {
        super(410, `since ${options.since}`, options);
      }
    }
    expect(new Page({ title: 'a', status: 201 }).status).toBe(201);
    expect(new Gone({ since: 1, headers: { 'x-a': '1' } }).headers).toEqual({ 'x-a': '1' });
  });
});

it('refuses an override that no request would look up, and keeps the one in force', () => {
  const layer = new Layer();
  const getDb = () => 1;
  const restore = override(layer, getDb, () => 2);
  const before = [...layer.dependencyOverrides];
  expect(() => override(layer, getDb, untyped(3))).toThrow(code('OVERRIDE'));
  expect(() => override(layer, untyped(Depends(getDb)), () => 3)).toThrow(code('OVERRIDE'));
  expect(() => layer.dependencyOverrides.set(untyped(Depends(getDb)), () => 3)).toThrow(code('OVERRIDE'));
  expect([...layer.dependencyOverrides]).toEqual(before);
  restore();
  expect(layer.dependencyOverrides.size).toBe(0);
});

it.each<[string, unknown]>([
  ['data', Promise.resolve(1)],
  ['data[0]', [1, 2].map(async each => each)],
  ['data.items', { meta: {}, items: Promise.resolve([]) }],
  ['data.items[0]', { items: [1, 2].map(async each => each) }],
])('rejects a promise in place of `%s` in JSON', (place, data) => {
  expect(() => new JSONResponse(data)).toThrow(`it is at \`${place}\`. Await it first.`);
});

it('writes empty objects in JSON, and a promise with a `toJSON`', () => {
  const promise = Object.assign(Promise.resolve(1), { toJSON: () => ({}) });
  expect(() => new JSONResponse({ promise })).not.toThrow();
  expect(() => new JSONResponse({ a: {}, b: [{}], c: '{}' })).not.toThrow();
});

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('on %s', (_name, express) => {
  function appWith(layer: Layer): express5.Express {
    const app = express();
    app.set('env', 'test');
    app.get('/early', (_req, res) => void res.end());
    app.use(toExpress(layer) as never);
    app.use((_req, res) => void res.status(404).end());
    return app;
  }

  it('warns once of a layer after all routes, with the routes and its mount line', async () => {
    const { told, onError } = reporting();
    await listening(appWith(new Layer({ onError })), async url => {
      expect(await statusOf(`${url}/early`)).toBe(200);
      for (let index = 0; index < 2; index += 1) expect(await statusOf(`${url}/none`)).toBe(404);
    });
    expect(told).toEqual([code('LAYER_AFTER_ROUTES')]);
    expect(told[0]?.message).toContain('`GET /early`');
    expect(told[0]?.message.match(here)).toHaveLength(1);
  });

  it.each<[string, (app: express5.Express) => void]>([
    ['a route', app => void app.get('/late', (_req, res) => void res.end())],
    ['a router', app => void app.use(express.Router().get('/late', (_req, res) => void res.end()) as never)],
    ['an app', app => void app.use(express().get('/late', (_req, res) => void res.end()) as never)],
    ['a handler at a path', app => void app.use('/late', (_req, res) => void res.end())],
  ])('does not warn of a layer after a route if %s follows', async (_what, follow) => {
    const { told, onError } = reporting();
    const app = express();
    app.get('/health', (_req, res) => void res.end());
    app.use(toExpress(new Layer({ onError })) as never);
    follow(app);
    await listening(app, async url => expect(await statusOf(`${url}/late`)).toBe(200));
    expect(told).toEqual([]);
  });

  it('does not warn of a guard, middleware, router or path after the routes', async () => {
    const { told, onError } = reporting();
    const layer = new Layer({ onError });
    const app = express();
    const router = express.Router();
    router.use(toExpress(new Layer({ onError })) as never);
    app.use(toExpress(layer) as never);
    app.get('/early', (_req, res) => void res.end());
    app.use(toExpress(passOn) as never, toExpress(Depends(() => 1)) as never);
    app.use(router);
    app.use('/admin', toExpress(new Layer({ onError })) as never);
    await listening(app, async url => expect(await statusOf(`${url}/admin/late`)).toBe(404));
    expect(told).toEqual([]);
  });

  it('warns once of a layer that is mounted twice, with both lines, and still answers', async () => {
    const { told, onError } = reporting();
    const layer = new Layer({ onError });
    const app = express();
    const guard = toExpress(Depends(() => 1)) as never;
    app.use(toExpress(layer) as never);
    app.use(toExpress(layer) as never);
    app.use(guard, guard);
    app.get('/', (_req, res) => void res.end());
    await listening(app, async url => {
      for (let index = 0; index < 2; index += 1) expect(await statusOf(url)).toBe(200);
    });
    expect(told).toEqual([code('LAYER_TWICE')]);
    expect(new Set(told[0]?.message.match(here)).size).toBe(2);
  });

  it('names the line if one handler of a layer is mounted twice', async () => {
    const { told, onError } = reporting();
    const handler = toExpress(new Layer({ onError })) as never;
    const app = express().use(handler, handler);
    await listening(app, async url => expect(await statusOf(url)).toBe(404));
    expect(told[0]?.message).toContain(', whose handler is mounted twice. Remove one of the mounts.');
    expect(told[0]?.message.match(here)).toHaveLength(1);
  });

  it('answers a request to Koa handlers with an error that names the adapter', async () => {
    const told: unknown[] = [];
    const app = express();
    app.use('/layer', toKoa(new Layer()) as never);
    app.use('/endpoint', toKoa(endpoint({}, () => 1)) as never);
    app.use('/boundary', koaBoundary(new Layer()) as never);
    app.use(((error, _req, res, _next) => {
      told.push(error);
      res.status(500).end();
    }) as express5.ErrorRequestHandler);
    await listening(app, async url => {
      for (const path of ['/layer', '/endpoint', '/boundary']) expect(await statusOf(url + path)).toBe(500);
    });
    expect(told).toEqual(Array(3).fill(code('WRONG_FRAMEWORK')));
  });

  it('fails the request of an uncalled native middleware instead of hanging', async () => {
    const told: unknown[] = [];
    const makesMiddleware = (_options?: object) => (_req: unknown, _res: unknown, next: () => void) => next();
    const layer = new Layer({
      onError: () => undefined,
      middleware: [fromExpress(untyped(makesMiddleware))],
    });
    layer.addExceptionHandler(Error, (_request, error) => {
      told.push(error);
      return new Response(null, { status: 500 });
    });
    const app = express().use(toExpress(layer) as never);
    await listening(app, async url => expect(await statusOf(url)).toBe(500));
    expect(told).toEqual([code('FROM_NATIVE')]);
  });
});

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('on %s', (_name, Koa) => {
  function appOf(...middleware: Koa3.Middleware[]): { listener: http.RequestListener; told: unknown[] } {
    const app = new Koa();
    const told: unknown[] = [];
    app.silent = true;
    app.on('error', error => told.push(error));
    for (const each of middleware) app.use(each);
    return { listener: app.callback(), told };
  }

  it('warns once of a layer after a router, with its routes and its mount line', async () => {
    const { told, onError } = reporting();
    const router = new KoaRouter().get('/early', ctx => {
      ctx.body = 'x';
    });
    const { listener } = appOf(router.routes() as never, toKoa(new Layer({ onError })));
    await listening(listener, async url => {
      expect(await statusOf(`${url}/early`)).toBe(200);
      for (let index = 0; index < 2; index += 1) expect(await statusOf(`${url}/none`)).toBe(404);
    });
    expect(told).toEqual([code('LAYER_AFTER_ROUTES')]);
    expect(told[0]?.message).toContain('`GET /early`');
    expect(told[0]?.message.match(here)).toHaveLength(1);
  });

  it('does not warn of a layer after a router if something follows', async () => {
    const { told, onError } = reporting();
    const router = new KoaRouter().get('/health', () => undefined);
    const { listener } = appOf(router.routes() as never, toKoa(new Layer({ onError })), ctx => {
      ctx.body = 'late';
    });
    await listening(listener, async url => expect(await statusOf(`${url}/late`)).toBe(200));
    expect(told).toEqual([]);
  });

  it('warns once of a layer that is mounted twice, with both lines, and still answers', async () => {
    const { told, onError } = reporting();
    const layer = new Layer({ onError });
    const first = toKoa(layer);
    const second = toKoa(layer);
    const { listener } = appOf(first, second, ctx => {
      ctx.body = 'x';
    });
    await listening(listener, async url => {
      for (let index = 0; index < 2; index += 1) expect(await statusOf(url)).toBe(200);
    });
    expect(told).toEqual([code('LAYER_TWICE')]);
    expect(new Set(told[0]?.message.match(here)).size).toBe(2);
  });

  it.each<[string, unknown]>([
    ['a layer', toExpress(new Layer())],
    ['an endpoint', toExpress(endpoint({}, () => 1))],
    ['an errorBoundary', errorBoundary(new Layer())],
  ])('answers a request to %s of Express with an error that names the adapter', async (_what, handler) => {
    const { listener, told } = appOf(handler as Koa3.Middleware);
    await listening(listener, async url => expect(await statusOf(url)).toBe(500));
    expect(told).toEqual([code('WRONG_FRAMEWORK')]);
  });

  it('fails the request of an uncalled native middleware', async () => {
    const makesMiddleware = (_options?: object) => (_ctx: unknown, next: () => unknown) => next();
    const layer = new Layer({ middleware: [fromKoa(untyped(makesMiddleware))] });
    const { listener, told } = appOf(toKoa(layer));
    await listening(listener, async url => expect(await statusOf(url)).toBe(500));
    expect(told).toEqual([code('FROM_NATIVE')]);
  });
});

it('names the adapter for Node when an Express layer is called without `next`', async () => {
  const handler = toExpress(new Layer()) as unknown as http.RequestListener;
  expect(() => handler(untyped({}), untyped({}))).toThrow('mounted in a Node server. Use `toNode()` there.');
});

describe.each(mounts)('on $name', ({ app }) => {
  it('warns of a layer that wraps a request twice, but not of a middleware that does', async () => {
    const { told, onError } = reporting();
    const layer = new Layer({ onError });
    const listener = app()
      .use(layer)
      .use(layer)
      .use(passOn)
      .use(passOn)
      .handler('/', answer => answer.send('x'))
      .listener();
    await listening(listener, async url => expect(await statusOf(url)).toBe(200));
    expect(told).toEqual([code('LAYER_TWICE')]);
  });

  it('does not warn of a layer at two paths, since a request takes one of them', async () => {
    const { told, onError } = reporting();
    const layer = new Layer({ onError });
    const listener = app()
      .at('/a', layer)
      .at('/b', layer)
      .handler('/', answer => answer.send('x'))
      .listener();
    await listening(listener, async url => {
      for (const path of ['/a', '/b']) expect(await statusOf(url + path)).toBe(200);
    });
    expect(told).toEqual([]);
  });

  it('explains the TypeError of a middleware without `await`, and no other error', async () => {
    const { told, onError } = reporting();
    const layer = new Layer({ onError });
    layer.addExceptionHandler(TypeError, () => new Response(null, { status: 500 }));
    layer.addMiddleware(async function hasty(request, callNext) {
      const response: Response = untyped(callNext(request));
      if (request.path === '/race') throw new HTTPException(504);
      response.headers.set('x-a', '1');
      return response;
    });
    const answers = app()
      .use(layer)
      .handler('/', answer => answer.send('x'));
    await listening(answers.listener(), async url => {
      expect(await statusOf(`${url}/race`)).toBe(504);
      expect(await statusOf(`${url}/x`)).toBe(500);
    });
    expect(told).toEqual([code('CALL_NEXT_NOT_AWAITED')]);
    expect(told[0]?.cause).toBeInstanceOf(TypeError);
    expect(told[0]?.message).toContain('`hasty`');
  });

  it('fails an endpoint that returns an HTTPException or forgets an `await`', async () => {
    const told: unknown[] = [];
    const layer = new Layer({ onError: () => undefined });
    layer.addExceptionHandler(Error, (_request, error) => {
      told.push(error);
      return new Response(null, { status: 500 });
    });
    const listener = app()
      .use(layer)
      .at(
        '/returned',
        endpoint({}, () => new HTTPException(404)),
      )
      .at(
        '/forgotten',
        endpoint({}, () => ({ items: Promise.resolve([]) })),
      )
      .listener();
    await listening(listener, async url => {
      for (const path of ['/returned', '/forgotten']) expect(await statusOf(url + path)).toBe(500);
    });
    expect(told).toEqual([code('EXCEPTION_RETURNED'), code('NOT_SERIALIZABLE')]);
  });
});
