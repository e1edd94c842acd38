import type http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Depends, Layer, type Middleware, PlainTextResponse, Response } from 'callnext';
import { inject, toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import Koa3 from 'koa';
import { EventLog } from '../support/events.js';

const Koa2 = require('koa2') as typeof Koa3;

interface Seen {
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly code: number;
  readonly trailers: Record<string, unknown> | undefined;
}

type Listener = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => unknown;
type Wrap = (listener: Listener) => Listener;

/** Sends one request on its own connection; drops the date. */
async function request(
  listener: Listener,
  ask: http2.OutgoingHttpHeaders = {},
  use: (stream: http2.ClientHttp2Stream) => void = () => undefined,
): Promise<Seen> {
  const server = http2.createServer(listener as never);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    return await new Promise<Seen>(resolve => {
      const stream = session.request({ ':path': '/', ...ask });
      let headers: Record<string, unknown> = {};
      let trailers: Record<string, unknown> | undefined;
      const chunks: Buffer[] = [];
      stream.on('response', got => {
        const { date: _date, ...others } = got;
        headers = { ...others };
      });
      stream.on('trailers', got => {
        trailers = { ...got };
      });
      stream.on('data', chunk => chunks.push(chunk));
      stream.on('error', () => undefined);
      stream.on('close', () =>
        resolve({ headers, body: Buffer.concat(chunks).toString(), code: stream.rstCode ?? 0, trailers }),
      );
      use(stream);
    });
  } finally {
    session.destroy();
    await new Promise(resolve => server.close(resolve));
  }
}

const passing: Middleware = (req, callNext) => callNext(req);
const delayed: Middleware = async (req, callNext) => {
  const response = await callNext(req);
  await new Promise(resolve => setImmediate(resolve));
  return response;
};
const reading: Middleware = async (req, callNext) => {
  const response = await callNext(req);
  await response.arrayBuffer();
  return response;
};
/** Changes to a response that has bypassed the hold are impossible, and reported. */
const silent = (middleware: Middleware): Layer =>
  new Layer({ middleware: [middleware], onError: () => undefined });
const layered =
  (...middlewares: Middleware[]): Wrap =>
  listener =>
    middlewares.reduce(
      (inner, middleware) => toNode(silent(middleware), inner as never) as never as Listener,
      listener,
    );

const described: [string, Listener, http2.OutgoingHttpHeaders?][] = [
  ['end with a body', (_req, res) => res.end('x')],
  ['end without a body', (_req, res) => res.end()],
  [
    'a status and headers',
    (_req, res) => {
      res.statusCode = 201;
      res.setHeader('X-A', '1');
      res.setHeader('Set-Cookie', ['a=1', 'b=2']);
      res.end('x');
    },
  ],
  [
    'writeHead with an object',
    (_req, res) => {
      res.setHeader('X-A', 'before');
      res.writeHead(404, { 'x-a': 'after', 'content-type': 'text/plain' });
      res.end('nothing');
    },
  ],
  [
    'writes and an end',
    (_req, res) => {
      res.write('one');
      res.write('two');
      res.end('three');
    },
  ],
  [
    'writes over time',
    async (_req, res) => {
      for (const piece of ['a', 'b', 'c']) {
        res.write(piece);
        await new Promise(resolve => setImmediate(resolve));
      }
      res.end();
    },
  ],
  [
    'a piped stream of a megabyte',
    (_req, res) => pipeline(Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(16_384, 'x'))), res),
  ],
  [
    'flushHeaders, then a body',
    (_req, res) => {
      (res as never as http.ServerResponse).flushHeaders();
      res.end('later');
    },
  ],
  [
    'trailers',
    (_req, res) => {
      res.addTrailers({ 'x-sum': '1' });
      res.end('x');
    },
  ],
  ['HEAD', (_req, res) => res.end('x'), { ':method': 'HEAD' }],
  [
    '204',
    (_req, res) => {
      res.statusCode = 204;
      res.end();
    },
  ],
  [
    'what it can see of its own response',
    (_req, res) => {
      const seen: unknown[] = [res.headersSent, res.writableEnded];
      res.write('[');
      seen.push(res.headersSent, res.writableEnded);
      for (const change of [
        () => res.setHeader('x-a', '1'),
        () => res.removeHeader('x-a'),
        () => res.writeHead(500),
        () => res.write(7 as never),
      ]) {
        try {
          change();
        } catch (error) {
          seen.push((error as { code: string }).code);
        }
      }
      res.end(`${JSON.stringify(seen)}`);
    },
  ],
  [
    'a stream that is answered by itself',
    (_req, res) => {
      res.stream.respond({ ':status': 202 });
      res.stream.end('raw');
    },
  ],
];

const handlers = described.map(([title, listener, ask = {}]) => [title, listener, ask] as const);

describe('a native response on HTTP/2', () => {
  const modes: [string, Wrap][] = [
    ['passed on', layered(passing)],
    ['held for a while', layered(delayed)],
    ['below two layers', layered(delayed, passing)],
    ['read', layered(reading)],
  ];
  describe.each(modes)('%s', (mode, wrap) => {
    it.each(handlers)('equals the response without a layer: %s', async (title, listener, ask) => {
      const native = await request(listener, ask);
      const seen = await request(wrap(listener), ask);
      expect(seen).toEqual(native);
      expect([mode, title, native.code]).toEqual([mode, title, 0]);
    });
  });

  it('changes when the middleware changes it', async () => {
    const stamping: Middleware = async (req, callNext) => {
      const response = await callNext(req);
      response.headers.set('x-status', String(response.status));
      response.status = 202;
      return response;
    };
    const seen = await request(
      toNode(stamping, ((_req, res) => res.end('x')) as http.RequestListener) as never,
    );
    expect([seen.headers[':status'], seen.headers['x-status'], seen.body]).toEqual([202, '200', 'x']);
  });

  it.each<[string, Middleware, string]>([
    [
      'replaced',
      async (req, callNext) => {
        await callNext(req);
        return new PlainTextResponse('instead');
      },
      'instead',
    ],
    [
      'transformed',
      async (req, callNext) => {
        const response = await callNext(req);
        return new Response((await response.text()).toUpperCase(), response);
      },
      'NATIVE',
    ],
    [
      'transformed as a stream',
      async (req, callNext) => {
        const response = await callNext(req);
        return new Response(response.body?.pipeThrough(new TransformStream()), response);
      },
      'native',
    ],
  ])('is %s', async (_how, middleware, body) => {
    const listener: Listener = (_req, res) => {
      res.setHeader('etag', '"old"');
      res.setHeader('content-length', '6');
      res.write('nat');
      res.end('ive');
    };
    const seen = await request(toNode(middleware, listener as never) as never);
    expect([seen.body, seen.headers.etag]).toEqual([body, undefined]);
  });

  it.each([0, 8])('leaves its dependencies when the client closes the stream with code %d', async code => {
    const log = new EventLog();
    async function* getDb() {
      yield 1;
      log.add('left');
    }
    const layer = new Layer({ middleware: [passing], dependencies: [Depends(getDb)] });
    const listener = toNode(layer, ((_req, res) =>
      res.write('first')) as http.RequestListener) as never as Listener;
    await request(listener, {}, stream => stream.once('data', () => stream.close(code)));
    await log.until('left');
    expect(log.events).toEqual(['left']);
  });
});

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('%s on HTTP/2', (_name, Koa) => {
  const build = (middlewares: Middleware[], handle: (ctx: Koa3.Context) => unknown): Listener => {
    const app = new Koa();
    app.silent = true;
    for (const middleware of middlewares) app.use(toKoa(silent(middleware)) as never);
    app.use(ctx => handle(ctx) as Promise<void>);
    return app.callback() as never;
  };
  const raw = (listener: Listener) => (ctx: Koa3.Context) => {
    ctx.respond = false;
    ctx.res.statusCode = 200;
    return listener(ctx.req as never, ctx.res as never);
  };
  const timing: Middleware = async (req, callNext) => {
    const response = await callNext(req);
    response.headers.set('x-after', String(response.status));
    return response;
  };

  it.each(handlers)('holds what is written to ctx.res itself: %s', async (_title, listener, ask) => {
    const native = await request(build([], raw(listener)), ask);
    expect(await request(build([delayed], raw(listener)), ask)).toEqual(native);
    const { headers } = await request(build([timing, passing], raw(listener)), ask);
    const isRaw = native.headers[':status'] === 202;
    expect(headers['x-after']).toBe(isRaw ? undefined : String(native.headers[':status']));
  });

  it('answers over ctx.body, with a dependency injected', async () => {
    const handle = async (ctx: Koa3.Context): Promise<void> => {
      ctx.body = {
        value: await inject(
          ctx,
          Depends(() => 'solved'),
        ),
      };
    };
    const seen = await request(build([timing], handle));
    expect([seen.body, seen.headers['x-after']]).toEqual(['{"value":"solved"}', '200']);
  });
});
