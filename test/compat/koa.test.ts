import { createReadStream } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import cors from '@koa/cors';
import KoaRouter from '@koa/router';
import type { Middleware } from 'callnext';
import { toKoa } from 'callnext/koa';
import Koa3 from 'koa';
import compress from 'koa-compress';
import session from 'koa-session';
import serve from 'koa-static';
import { ask, delayed, modes, passing, type Recorded, reading, serving, silently } from './arrangements.js';
import { fixture, isRace, type NativeCase, nativeCases } from './handlers.js';

const Koa2 = require('koa2') as typeof Koa3;
const root = path.dirname(fixture);
const large = 'a long line of text\n'.repeat(5_000);
type App = Koa3;

interface KoaCase extends Omit<NativeCase, 'handle'> {
  readonly handle: (ctx: Koa3.Context) => unknown;
}

/** Koa's own ways to answer: all kinds of `ctx.body`, and its errors. */
const koaCases: KoaCase[] = [
  {
    title: 'an object',
    handle: ctx => {
      ctx.body = { ok: true };
    },
  },
  {
    title: 'a string',
    handle: ctx => {
      ctx.body = 'text';
    },
  },
  {
    title: 'HTML',
    handle: ctx => {
      ctx.body = '<p>text</p>';
    },
  },
  {
    title: 'a buffer',
    handle: ctx => {
      ctx.body = Buffer.from([0, 255]);
    },
  },
  {
    title: 'a large string',
    handle: ctx => {
      ctx.body = large;
    },
  },
  {
    title: 'a file as a stream',
    handle: ctx => {
      ctx.type = 'txt';
      ctx.body = createReadStream(fixture);
    },
  },
  {
    title: 'a stream of a known length',
    handle: ctx => {
      ctx.type = 'txt';
      ctx.length = 6;
      ctx.body = Readable.from(['abc', 'def']);
      ctx.length = 6;
    },
  },
  {
    title: 'an empty string',
    handle: ctx => {
      ctx.body = '';
    },
  },
  {
    title: 'null',
    handle: ctx => {
      ctx.body = null;
    },
  },
  {
    title: 'null of a type',
    handle: ctx => {
      ctx.type = 'json';
      ctx.body = null;
    },
  },
  {
    title: 'a status alone',
    handle: ctx => {
      ctx.status = 202;
    },
  },
  {
    title: 'a status with a message',
    handle: ctx => {
      ctx.status = 200;
      ctx.message = 'Quite fine';
      ctx.body = 'x';
    },
  },
  {
    title: 'a status without a body',
    handle: ctx => {
      ctx.status = 204;
      ctx.body = 'ignored';
    },
  },
  { title: 'nothing at all', handle: () => undefined },
  { title: 'a redirect', handle: ctx => ctx.redirect('/elsewhere?a=b') },
  { title: 'an attachment', handle: ctx => ctx.attachment('ünï.txt') },
  {
    title: 'cookies and headers',
    handle: ctx => {
      ctx.cookies.set('a', '1');
      ctx.cookies.set('b', '2', { httpOnly: false });
      ctx.set('X-Mixed-Case', 'Kept');
      ctx.append('X-List', 'a');
      ctx.append('X-List', 'b');
      ctx.body = 'x';
    },
  },
  {
    title: 'a fresh answer',
    requestHeaders: ['If-None-Match: "1"'],
    handle: ctx => {
      ctx.set('ETag', '"1"');
      ctx.body = 'x';
      if (ctx.fresh) ctx.status = 304;
    },
  },
  {
    title: 'HEAD of an object',
    method: 'HEAD',
    handle: ctx => {
      ctx.body = { ok: true };
    },
  },
  {
    title: 'HEAD of a stream',
    method: 'HEAD',
    handle: ctx => {
      ctx.body = Readable.from(['abc']);
    },
  },
  {
    title: 'an error that is thrown',
    handle: () => {
      throw new Error('broken');
    },
  },
  {
    title: 'an error with a status and headers',
    handle: ctx => ctx.throw(418, 'teapot', { headers: { 'X-Tea': '1' } }),
  },
  {
    title: 'a body, and then an error',
    handle: ctx => {
      ctx.set('X-Lost', '1');
      ctx.body = 'never';
      throw new Error('too late');
    },
  },
  {
    title: 'a raw answer, and then an error',
    handle: ctx => {
      ctx.res.end('complete');
      throw new Error('too late');
    },
  },
  {
    title: 'a raw answer without Koa knowing',
    handle: ctx => {
      ctx.res.statusCode = 201;
      ctx.res.end('raw');
    },
  },
  {
    title: 'flushed headers and a body',
    handle: ctx => {
      ctx.set('X-A', '1');
      ctx.status = 200;
      ctx.flushHeaders();
      ctx.body = 'later';
    },
  },
];

const cases: KoaCase[] = [
  ...nativeCases.map(({ handle, ...given }) => ({
    ...given,
    handle: (ctx: Koa3.Context) => {
      ctx.respond = false;
      ctx.res.statusCode = 200;
      // Whether outer middleware sees a head that is made later is a race, with or without a layer.
      const closed = new Promise(resolve => ctx.res.once('close', resolve));
      handle(ctx.req, ctx.res);
      return closed;
    },
  })),
  ...koaCases,
];

type Mount = (app: App) => unknown;

const packages: [name: string, mount: Mount][] = [
  ['koa-compress', app => app.use(compress({ threshold: 0, br: false }) as never)],
  [
    'koa-session',
    app => {
      app.keys = ['secret'];
      app.use(session({ maxAge: 'session', signed: true }, app as never) as never);
      app.use((ctx, next) => {
        (ctx.session as unknown as { name: string }).name = 'value';
        return next();
      });
    },
  ],
  ['koa-static', app => app.use(serve(root))],
  ['@koa/cors', app => app.use(cors({ origin: 'http://a.test', credentials: true }) as never)],
  [
    'native middleware around it',
    app =>
      app.use(async (ctx, next) => {
        await next();
        ctx.set('X-Around', `${ctx.status} ${typeof ctx.body}`);
      }),
  ],
  ['nothing else', () => undefined],
];

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('on %s', (_name, Koa) => {
  function build(mounts: readonly Mount[], errors: string[]): http.RequestListener {
    const app = new Koa();
    app.silent = true;
    app.on('error', error => errors.push(String(error.message)));
    for (const mount of mounts) mount(app as App);
    const router = new KoaRouter();
    for (const [index, { handle }] of cases.entries())
      router.all(`/${index}`, async ctx => {
        await handle(ctx as never);
      });
    app.use(router.routes() as never);
    app.use(router.allowedMethods() as never);
    return app.callback();
  }
  const layers = (middlewares: Middleware[]) => (app: App) => {
    for (const middleware of middlewares) app.use(toKoa(silently(middleware)));
  };

  /** All answers, and all errors that the app reported. */
  async function observe(mounts: readonly Mount[], skips: (given: { title: string }) => boolean) {
    const errors: string[] = [];
    const answers = await serving(build(mounts, errors), async port => {
      const seen: [string, Recorded][] = [];
      for (const [index, given] of cases.entries()) {
        if (!skips(given))
          seen.push([given.title, await ask(port, `/${index}`, given, ['Accept-Encoding: gzip'])]);
      }
      seen.push(['a static file', await ask(port, '/small.txt', {})]);
      seen.push(['nothing there', await ask(port, '/nowhere', {})]);
      seen.push(['a method that is not allowed', await ask(port, '/0', { method: 'BREW' })]);
      return seen;
    });
    return { answers, errors };
  }

  /**
   * Skips what cannot be compared: a race, a cut body if a middleware reads it, and koa-session finding the
   * head sent before it sets its cookie: natively, that answer never ends.
   */
  const skippedWith = (middlewares: readonly Middleware[]) => (given: { title: string }) =>
    middlewares.includes(reading) && (isRace(given) || given.title.startsWith('flushed'));

  describe.each(packages)('%s', (_package, mount) => {
    it.each(modes)('behaves the same behind %s and in front of it', async (_mode, middlewares) => {
      const skips = skippedWith(middlewares);
      const native = await observe([mount], skips);
      expect(native.answers.length).toBeGreaterThan(90);
      expect(await observe([layers(middlewares), mount], skips)).toEqual(native);
      expect(await observe([mount, layers(middlewares)], skips)).toEqual(native);
    });
  });

  it.each(modes)(
    'behaves the same with all features in one app and %s among them',
    async (_mode, middlewares) => {
      const skips = skippedWith(middlewares);
      const mounted = packages.map(([, mount]) => mount);
      const native = await observe(mounted, skips);
      const among = await observe(
        mounted.flatMap(mount => [layers(middlewares), mount]),
        skips,
      );
      expect(among).toEqual(native);
    },
  );

  it('a router with layers at a prefix and at a route behaves the same', async () => {
    const routed = (middlewares: Middleware[]): http.RequestListener => {
      const app = new Koa();
      app.silent = true;
      app.on('error', () => undefined);
      const router = new KoaRouter({ prefix: '/api' });
      for (const middleware of middlewares) router.use(toKoa(silently(middleware)) as never);
      const atRoute = middlewares.map(middleware => toKoa(silently(middleware)) as never);
      router.param('id', (id, ctx, next) => {
        ctx.loaded = `item ${id}`;
        return next();
      });
      router.get('/items/:id', ...atRoute, ctx => {
        ctx.body = { id: ctx.params.id, loaded: ctx.loaded, matched: ctx._matchedRoute };
      });
      app.use(router.routes() as never);
      app.use(router.allowedMethods() as never);
      return app.callback();
    };
    const all = (listener: http.RequestListener) =>
      serving(listener, port =>
        Promise.all(['/api/items/7', '/api/nowhere', '/items/7'].map(target => ask(port, target, {}))),
      );
    expect(await all(routed([passing, delayed]))).toEqual(await all(routed([])));
  });
});
