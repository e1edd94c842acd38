import type http from 'node:http';
import path from 'node:path';
import type { Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { toNode } from 'callnext/node';
import compression from 'compression';
import cors from 'cors';
import express5 from 'express';
import session from 'express-session';
import finalhandler from 'finalhandler';
import helmet from 'helmet';
import { createProxyMiddleware } from 'http-proxy-middleware';
import morgan from 'morgan';
import multer from 'multer';
import onHeaders from 'on-headers';
import makeRouter from 'router';
import send from 'send';
import serveStatic from 'serve-static';
import { ask, modes, type Recorded, reading, serving, silently } from './arrangements.js';
import { fixture, isRace, type NativeCase, nativeCases, type Req, type Res } from './handlers.js';

const express4 = require('express4') as typeof express5;
type App = express5.Express;
const root = path.dirname(fixture);

interface ExpressCase extends Omit<NativeCase, 'handle'> {
  readonly handle: (req: express5.Request, res: express5.Response, next: express5.NextFunction) => unknown;
}

/** Express' own ways to answer, and its errors. */
const expressCases: ExpressCase[] = [
  { title: 'res.json', handle: (_req, res) => res.json({ ok: true }) },
  { title: 'res.send with HTML', handle: (_req, res) => res.send('<p>text</p>') },
  { title: 'res.send with a buffer', handle: (_req, res) => res.send(Buffer.from('bytes')) },
  {
    title: 'res.send, revalidated',
    requestHeaders: ['If-None-Match: W/"4-o/GjO4zRvMzZJO4/WTJQjKB+Fmk"'],
    handle: (_req, res) => res.send('text'),
  },
  { title: 'res.send to HEAD', method: 'HEAD', handle: (_req, res) => res.send('text') },
  { title: 'res.sendStatus', handle: (_req, res) => res.sendStatus(404) },
  { title: 'res.redirect', handle: (_req, res) => res.redirect(301, '/elsewhere?a=b') },
  {
    title: 'cookies',
    handle: (_req, res) => res.cookie('a', '1', { httpOnly: true }).clearCookie('b').send('x'),
  },
  { title: 'res.jsonp', handle: (_req, res) => res.jsonp({ a: 1 }) },
  {
    title: 'res.format',
    requestHeaders: ['Accept: application/json'],
    handle: (_req, res) => res.format({ text: () => res.send('text'), json: () => res.json({ a: 1 }) }),
  },
  { title: 'res.sendFile', handle: (_req, res) => res.sendFile(fixture) },
  {
    title: 'res.sendFile of a range',
    requestHeaders: ['Range: bytes=2-6'],
    handle: (_req, res) => res.sendFile(fixture),
  },
  {
    title: 'res.sendFile out of range',
    requestHeaders: ['Range: bytes=2000-'],
    handle: (_req, res) => res.sendFile(fixture),
  },
  { title: 'res.download', handle: (_req, res) => res.download(fixture, 'ünï.txt') },
  { title: 'a file that is not there', handle: (_req, res) => res.sendFile('/nowhere') },
  {
    title: 'an error that is thrown',
    handle: () => {
      throw Object.assign(new Error('broken'), { status: 503, stack: 'Error: broken' });
    },
  },
  {
    title: 'an error that is passed on',
    handle: (_req, _res, next) => next(Object.assign(new Error('broken'), { stack: 'Error: broken' })),
  },
  { title: 'no answer: a 404', handle: (_req, _res, next) => next() },
  {
    title: 'an answer, and then an error',
    handle: (_req, res, next) => {
      res.send('complete');
      next(Object.assign(new Error('too late'), { stack: 'Error: too late' }));
    },
  },
  { title: 'a file by send', handle: (req, res) => send(req, fixture).pipe(res) },
  {
    title: 'a parsed body',
    method: 'POST',
    requestHeaders: ['Content-Type: application/json'],
    requestBody: '{"a":[1,2]}',
    handle: (req, res, next) => express5.json()(req, res, () => (req.body ? res.json(req.body) : next())),
  },
];
const cases: ExpressCase[] = [...(nativeCases as ExpressCase[]), ...expressCases];

/** The observed answers, and the warnings and errors printed meanwhile. */
interface Observed {
  readonly answers: [title: string, answer: Recorded][];
  readonly log: string[];
}

type Mount = (app: App, log: string[]) => void;

const packages: [name: string, mount: Mount][] = [
  ['compression', app => void app.use(compression({ threshold: 0 }))],
  [
    'express-session',
    app =>
      void app.use(
        session({ secret: 'secret', resave: true, saveUninitialized: true, genid: () => 'fixed' }),
      ),
  ],
  [
    'morgan',
    (app, log) => {
      const stream = { write: (line: string) => void log.push(line.trim()) };
      app.use(morgan(':method :url :status :res[content-length] :res[x-a]', { stream }));
    },
  ],
  ['helmet', app => void app.use(helmet())],
  ['cors', app => void app.use(cors({ origin: 'http://a.test', credentials: true }))],
  ['multer', app => void app.use(multer().any())],
  ['serve-static', app => void app.use(serveStatic(root))],
  [
    'on-headers',
    app =>
      void app.use((_req, res, next) => {
        onHeaders(res, () => void res.setHeader('X-On-Headers', `${res.statusCode}`));
        next();
      }),
  ],
  ['nothing else', () => undefined],
];

const gzip = ['Accept-Encoding: gzip'];
/** Packages that end a response later than the handler does. */
const endsLate = ['compression', 'express-session'];

/** Skips what cannot be compared: a race, and a cut body if a middleware reads it. */
function skippedWith(
  middlewares: readonly Middleware[],
  isLate: boolean,
): (given: { title: string }) => boolean {
  const isRead = middlewares.includes(reading);
  return given => (isLate && isRace(given)) || (isRead && given.title.includes('cut'));
}

// Only production pages lack stack traces, but there Express logs errors to the console.
beforeEach(() => {
  jest.spyOn(console, 'error').mockReturnValue(undefined);
});
afterEach(() => jest.restoreAllMocks());

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('on %s', (_name, express) => {
  function build(mounts: readonly ((app: App) => void)[]): http.RequestListener {
    const app = express();
    app.set('env', 'production');
    // Express 4 sets headers of its own once anything is mounted.
    app.use((_req, _res, next) => next());
    for (const mount of mounts) mount(app);
    for (const [index, { handle }] of cases.entries())
      app.all(`/${index}`, (req, res, next) => void handle(req, res, next));
    return app;
  }
  const layers = (middlewares: Middleware[]) => (app: App) => {
    for (const middleware of middlewares) app.use(toExpress(silently(middleware)) as express5.RequestHandler);
  };

  async function observe(
    mounts: (log: string[]) => ((app: App) => void)[],
    skips: (given: ExpressCase) => boolean,
  ): Promise<Observed> {
    const log: string[] = [];
    const answers = await serving(build(mounts(log)), async port => {
      const seen: Observed['answers'] = [];
      for (const [index, given] of cases.entries()) {
        if (skips(given)) continue;
        seen.push([given.title, await ask(port, `/${index}`, given, gzip)]);
      }
      seen.push(['a static file', await ask(port, '/small.txt', {}, gzip)]);
      seen.push(['nothing there', await ask(port, '/nowhere', {}, gzip)]);
      return seen;
    });
    return { answers, log };
  }

  describe.each(packages)('%s', (name, mount) => {
    it.each(modes)('behaves the same behind %s and in front of it', async (_mode, middlewares) => {
      const skips = skippedWith(middlewares, endsLate.includes(name));
      const native = await observe(log => [app => mount(app, log)], skips);
      expect(native.answers.length).toBeGreaterThan(85);
      expect(await observe(log => [layers(middlewares), app => mount(app, log)], skips)).toEqual(native);
      expect(await observe(log => [app => mount(app, log), layers(middlewares)], skips)).toEqual(native);
    });
  });

  it.each(modes)(
    'behaves the same with all features in one app and %s among them',
    async (_mode, middlewares) => {
      const skips = skippedWith(middlewares, true);
      const native = await observe(
        log =>
          packages.map(
            ([, mount]) =>
              app =>
                mount(app, log),
          ),
        skips,
      );
      const among = await observe(
        log => packages.flatMap(([, mount]) => [layers(middlewares), (app: App) => mount(app, log)]),
        skips,
      );
      expect(among).toEqual(native);
    },
  );

  it.each(modes)('a proxy to all features behaves the same behind %s', async (_mode, middlewares) => {
    await serving(build([]), async upstream => {
      const through = (mounts: ((app: App) => void)[]): http.RequestListener => {
        const app = express();
        app.set('env', 'production');
        app.use((_req, _res, next) => next());
        for (const mount of mounts) mount(app);
        app.use(createProxyMiddleware({ target: `http://127.0.0.1:${upstream}` }) as never);
        return app;
      };
      const all = (listener: http.RequestListener) =>
        serving(listener, async port => {
          const seen: [string, Recorded][] = [];
          for (const [index, given] of cases.entries()) {
            if (!given.title.includes('cut') && !given.title.includes('over time'))
              seen.push([given.title, chunksJoined(await ask(port, `/${index}`, given))]);
          }
          return seen;
        });
      expect(await all(through([layers(middlewares)]))).toEqual(await all(through([])));
    });
  });
});

/** A proxy's chunk boundaries depend on how its upstream's bytes arrive. */
function chunksJoined(recorded: Recorded): Recorded {
  if (!/transfer-encoding: chunked/i.test(recorded.head)) return recorded;
  return { ...recorded, body: recorded.body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, '') };
}

describe('on node:http with router and finalhandler', () => {
  it.each(modes)('every answer stays the same behind %s', async (_mode, middlewares) => {
    const skips = skippedWith(middlewares, false);
    const router = makeRouter();
    for (const [index, { handle }] of nativeCases.entries())
      router.all(`/${index}`, (req: Req, res: Res) => handle(req, res));
    const listener: http.RequestListener = (req, res) =>
      router(req as never, res as never, finalhandler(req, res, { env: 'production' }));
    const layered = middlewares.reduceRight<http.RequestListener>(
      (inner, middleware) => toNode(middleware, inner) as http.RequestListener,
      listener,
    );
    const all = (served: http.RequestListener) =>
      serving(served, async port => {
        const seen: [string, Recorded][] = [];
        for (const [index, given] of nativeCases.entries())
          if (!skips(given)) seen.push([given.title, await ask(port, `/${index}`, given)]);
        seen.push(['nothing there', await ask(port, '/nowhere', {})]);
        return seen;
      });
    expect(await all(layered)).toEqual(await all(listener));
  });
});
