import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import path from 'node:path';
import {
  Depends,
  dependency,
  EventSourceResponse,
  endpoint,
  FileResponse,
  Layer,
  type Middleware,
  RedirectResponse,
  type Request,
  StreamingResponse,
} from 'callnext';
import { inject as injectExpress, toExpress, wrap } from 'callnext/express';
import { inject as injectKoa, toKoa } from 'callnext/koa';
import { authentication, requires } from 'callnext/middleware/authentication';
import { bodyLimit } from 'callnext/middleware/body-limit';
import { cors } from 'callnext/middleware/cors';
import { gzip } from 'callnext/middleware/gzip';
import { httpsRedirect } from 'callnext/middleware/https-redirect';
import { processTime } from 'callnext/middleware/process-time';
import { rateLimit } from 'callnext/middleware/rate-limit';
import { requestId } from 'callnext/middleware/request-id';
import { serverTiming } from 'callnext/middleware/server-timing';
import { sessions } from 'callnext/middleware/sessions';
import { timeout } from 'callnext/middleware/timeout';
import { trustedHost } from 'callnext/middleware/trusted-host';
import express, { type ErrorRequestHandler } from 'express';
import Koa from 'koa';
import parseurl from 'parseurl';
import { RateLimiterMemory } from 'rate-limiter-flexible';

/** The counts of the fuzzed apps, and the disagreements between layer and framework. */
export interface Watch {
  /** Requests that passed Node's parser. */
  requests: number;
  entered: number;
  exited: number;
  readonly differences: string[];
}

export interface Fuzzed {
  readonly listener: RequestListener;
  readonly layer: Layer;
}

/** The `bodyLimit()`, in bytes. */
export const largestBody = 100_000;

const file = path.join(__dirname, '../fixtures/small.txt');

/** The path, query, host and scheme that native code below the layer would use. */
interface Seen {
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly scheme: string;
}

/** Compares the layer's view of a request with the framework's. */
function comparing(watch: Watch): Middleware {
  return async function compare(request, callNext) {
    const url = new URL(request.url);
    const raw = request.raw as { req: express.Request } & Koa.Context;
    const seen = raw.originalUrl === undefined ? seenByExpress(raw.req) : seenByKoa(raw);
    note(watch, request, 'path', request.path, seen.path);
    note(watch, request, 'scheme', url.protocol, `${/^https$/i.test(seen.scheme) ? 'https' : 'http'}:`);
    note(
      watch,
      request,
      'path of the url',
      url.pathname,
      new URL(`http://h${seen.path.replace(/^(?!\/)/, '/')}`).pathname,
    );
    note(
      watch,
      request,
      'query',
      [...url.searchParams].join(),
      [...new URLSearchParams(`?${seen.query}`)].join(),
    );
    const asked = `http://${seen.host}`;
    const isHost = /^[\w.[\]:-]+$/.test(seen.host) && URL.canParse(asked);
    if (isHost) note(watch, request, 'host', url.hostname, new URL(asked).hostname);
    return callNext(request);
  };
}

function counting(watch: Watch): Middleware {
  return function count(request, callNext) {
    watch.requests += 1;
    return callNext(request);
  };
}

function note(watch: Watch, { method, raw }: Request, what: string, ours: string, theirs: string): void {
  if (ours === theirs) return;
  const target = (raw as { req: IncomingMessage }).req.url;
  watch.differences.push(
    `${method} ${JSON.stringify(target)}: ${what} is ${ours}, the framework has ${theirs}`,
  );
}

function seenByExpress(req: express.Request): Seen {
  const { pathname, query } = parseurl.original(req) ?? {};
  const scheme = req.protocol;
  return { path: pathname ?? '', query: (query as string | null) ?? '', host: req.host ?? '', scheme };
}

function seenByKoa(ctx: Koa.Context): Seen {
  return { path: ctx.path ?? '', query: ctx.querystring, host: ctx.host, scheme: ctx.protocol };
}

function counted(watch: Watch): Depends<number> {
  async function* getCounted() {
    watch.entered += 1;
    try {
      yield watch.entered;
    } finally {
      watch.exited += 1;
    }
  }
  return Depends(dependency({ again: Depends(getCounted, { useCache: false }) }, getCounted));
}

/** Native code over Node's own objects, the same on every framework. */
const natively: Record<string, (req: IncomingMessage, res: ServerResponse) => unknown> = {
  '/echo': (req, res) => {
    res.setHeader('content-type', 'application/octet-stream');
    req.pipe(res);
  },
  '/stream': (_req, res) => {
    res.write('one,');
    setImmediate(() => {
      res.write('two,');
      res.end('three');
    });
  },
  '/corked': (_req, res) => {
    res.cork();
    res.write('one,');
    res.write('two,');
    res.uncork();
    res.end('three');
  },
  '/empty': (_req, res) => {
    res.writeHead(204, { 'x-empty': '1' });
    res.end();
  },
};

function* kinds(): Generator<string> {
  for (const one of ['a', 'b']) yield one;
}

function endpoints(counts: Depends<number>) {
  const dependencies = { counts };
  return {
    '/file': endpoint(dependencies, () => new FileResponse(file)),
    '/events': endpoint(dependencies, () => new EventSourceResponse(kinds())),
    '/session': endpoint(dependencies, ({ request }) => {
      request.session.visits = Number(request.session.visits ?? 0) + 1;
      return { visits: request.session.visits, cookies: request.cookies };
    }),
    '/form': endpoint(dependencies, async ({ request }) => [...(await request.form()).keys()]),
    '/body': endpoint(dependencies, async ({ request }) => ({ is: await request.json() })),
    '/redirect': endpoint(dependencies, ({ request }) => new RedirectResponse(`${request.path}/there`)),
    '/streamed': endpoint(dependencies, () => new StreamingResponse(kinds())),
    '/admin': endpoint(
      { counts, allowed: Depends(requires('admin', { redirect: '/session' })) },
      () => 'admin',
    ),
  };
}

const backend = {
  authenticate: () => undefined,
};

/** Every built-in, outermost first. */
function builtIns(isSecure: boolean): Middleware[] {
  const limiter = new RateLimiterMemory({ points: 1e9, duration: 60 });
  return [
    requestId(),
    processTime(),
    serverTiming(),
    rateLimit({ limiter }),
    cors({ allowOrigins: ['https://app.example'], allowCredentials: true }),
    trustedHost({ allowedHosts: ['test', '*.test', '[::1]'] }),
    ...(isSecure ? [httpsRedirect()] : []),
    timeout({ timeoutMs: 5_000 }),
    bodyLimit({ maxBodySize: largestBody }),
    sessions({ secretKey: 'secret' }),
    authentication({ backend }),
    gzip({ minimumSize: 1, encodings: ['br', 'gzip'] }),
  ];
}

/** A layer that does not print errors, because clients can cause them. */
function quiet(middleware: readonly Middleware[]): Layer {
  return new Layer({ middleware: [...middleware], onError: () => undefined });
}

/** Without `layer`: the bare app, for comparison. */
function expressApp(layer: Layer | undefined, counts: Depends<number>, isWrapped: boolean): RequestListener {
  const app = express();
  app.set('env', 'test');
  app.set('trust proxy', true);
  if (layer && !isWrapped) app.use(toExpress(layer));
  for (const [at, run] of Object.entries(natively)) app.use(at, (req, res) => void run(req, res));
  app.use('/json', async (req, res) => {
    if (layer) await injectExpress(req, counts);
    res.json({ url: req.url, query: req.query });
  });
  app.use('/text', express.text({ type: () => true }), (req, res) => void res.send(req.body));
  app.use('/throws', () => {
    throw Object.assign(new Error('teapot'), { status: 418 });
  });
  if (layer) for (const [at, one] of Object.entries(endpoints(counts))) app.use(at, toExpress(one));
  app.use(renderError);
  return layer && isWrapped ? wrap(app, layer) : app;
}

/** Express' own error page would show the stack. */
const renderError: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(error.status ?? 500).json({ error: String(error.message) });
};

function koaApp(layer: Layer | undefined, counts: Depends<number>): RequestListener {
  const app = new Koa({ proxy: true });
  app.silent = true;
  app.on('error', () => undefined);
  const at = (start: string, run: Koa.Middleware): void => {
    app.use((ctx, next) => (ctx.path.startsWith(start) ? run(ctx, next) : next()));
  };
  if (layer) app.use(toKoa(layer));
  for (const [start, run] of Object.entries(natively)) {
    at(start, ctx => {
      ctx.respond = false;
      ctx.res.statusCode = 200;
      run(ctx.req, ctx.res);
    });
  }
  at('/json', async ctx => {
    if (layer) await injectKoa(ctx, counts);
    ctx.body = { url: ctx.url, query: { ...ctx.query } };
  });
  at('/text', async ctx => {
    const parts: Buffer[] = [];
    for await (const part of ctx.req) parts.push(part as Buffer);
    ctx.body = Buffer.concat(parts);
  });
  at('/throws', ctx => ctx.throw(418, 'teapot'));
  if (layer) for (const [start, one] of Object.entries(endpoints(counts))) at(start, toKoa(one));
  return app.callback();
}

export interface FuzzedKind {
  readonly name: string;
  /** The app below a layer that changes nothing. */
  transparent(watch: Watch): Fuzzed;
  bare(): RequestListener;
  /** The app below every built-in. */
  full(watch: Watch, isSecure: boolean): Fuzzed;
}

function kind(
  name: string,
  make: (layer: Layer | undefined, counts: Depends<number>) => RequestListener,
): FuzzedKind {
  const below = (layer: Layer, watch: Watch): Fuzzed => ({ layer, listener: make(layer, counted(watch)) });
  return {
    name,
    transparent: watch => below(quiet([counting(watch), comparing(watch)]), watch),
    bare: () =>
      make(
        undefined,
        Depends(() => 0),
      ),
    full: (watch, isSecure) =>
      below(quiet([counting(watch), ...builtIns(isSecure), comparing(watch)]), watch),
  };
}

export const fuzzedKinds: readonly FuzzedKind[] = [
  kind('Express', (layer, counts) => expressApp(layer, counts, false)),
  kind('Express, wrapped', (layer, counts) => expressApp(layer, counts, true)),
  kind('Koa', koaApp),
];
