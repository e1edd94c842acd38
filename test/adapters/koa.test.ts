import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import Router from '@koa/router';
import { Depends, endpoint, HTTPException, Layer, type Middleware, PlainTextResponse } from 'callnext';
import { toKoa } from 'callnext/koa';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const Koa2 = require('koa2') as typeof Koa3;

const timing: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('x-timing', '1');
  return response;
};
const reading: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await response.text();
  return response;
};

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('toKoa on %s', (_name, Koa) => {
  function newApp(): Koa3 {
    const app = new Koa();
    app.silent = true;
    app.on('error', () => undefined);
    return app;
  }

  const get = (app: Koa3, path = '/') =>
    listening(app.callback(), async url => {
      const response = await fetch(url + path);
      return { status: response.status, headers: response.headers, body: await response.text() };
    });

  it('gives the middleware the response of an endpoint that native code saw on the context', async () => {
    const app = newApp();
    const made = new PlainTextResponse('made', { headers: { 'x-endpoint': '1' } });
    const received: unknown[] = [];
    const noting: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      received.push(response, response.headers.get('x-native'), await response.text());
      response.headers.set('x-outer', '1');
      return response;
    };
    app.use(toKoa(noting));
    app.use(async (ctx, next) => {
      await next();
      ctx.set('x-native', String(ctx.body));
    });
    app.use(toKoa(timing));
    app.use(toKoa(endpoint({}, () => made)));
    const { headers, body } = await get(app);
    expect(received).toEqual([made, 'made', 'made']);
    expect(received[0]).toBe(made);
    expect([headers.get('x-endpoint'), headers.get('x-timing'), headers.get('x-outer'), body]).toEqual([
      '1',
      '1',
      '1',
      'made',
    ]);
  });

  it("gives the middleware another response after native code replaced the endpoint's body", async () => {
    const app = newApp();
    const made = new PlainTextResponse('made');
    const received: unknown[] = [];
    app.use(
      toKoa(async (request, callNext) => {
        const response = await callNext(request);
        received.push(response === made, await response.text());
        return response;
      }),
    );
    app.use(async (ctx, next) => {
      await next();
      ctx.body = 'replaced';
    });
    app.use(toKoa(endpoint({}, () => made)));
    expect((await get(app)).body).toBe('replaced');
    expect(received).toEqual([false, 'replaced']);
    expect(() => made.headers.set('x-late', '1')).toThrow(expect.objectContaining({ code: 'HEADERS_SENT' }));
  });

  const tooSlow: Middleware = async (request, callNext) => {
    callNext(request).catch(() => undefined);
    return new PlainTextResponse('too slow', { status: 504 });
  };

  it.each([
    ['native code', (ctx: Koa3.Context) => ctx.res.end('raw')],
    ['an endpoint', undefined],
  ])('answers by itself when abandoned code said it would, and %s goes on', async (_below, late) => {
    const app = newApp();
    const goOn = gate();
    const through = gate();
    app.use(toKoa(timing));
    app.use(toKoa(tooSlow));
    app.use(async (ctx, next) => {
      ctx.respond = false;
      ctx.res.statusCode = 200;
      if (late === undefined) await toKoa(endpoint({}, () => 'endpoint'))(ctx as never, next);
      await goOn.opened;
      late?.(ctx);
      through.open();
    });
    const { status, body, headers } = await get(app);
    expect([status, body, headers.get('x-timing'), headers.get('content-length')]).toEqual([
      504,
      'too slow',
      '1',
      '8',
    ]);
    goOn.open();
    await through.opened;
  });

  it('sends an endpoint’s answer when outer native code said that it would answer', async () => {
    const app = newApp();
    app.use(toKoa(timing));
    app.use(async (ctx, next) => {
      ctx.respond = false;
      await next();
    });
    app.use(toKoa(endpoint({}, () => new PlainTextResponse('body'))));
    const { status, body, headers } = await get(app);
    expect([status, body, headers.get('x-timing')]).toEqual([200, 'body', '1']);
  });

  it('sends the answer of a middleware that did not wait, even if native code then sets a body', async () => {
    const app = newApp();
    const goOn = gate();
    const isSet = gate();
    const slowAfter: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      goOn.open();
      await isSet.opened;
      return response;
    };
    app.use(toKoa(slowAfter));
    app.use(toKoa(tooSlow));
    app.use(async ctx => {
      await goOn.opened;
      ctx.body = 'late';
      isSet.open();
    });
    const { status, body, headers } = await get(app);
    expect([status, body, headers.get('content-length')]).toEqual([504, 'too slow', '8']);
  });

  it('lets outer native middleware see and change what a layer answered', async () => {
    const app = newApp();
    const seen: unknown[] = [];
    app.use(async (ctx, next) => {
      await next();
      seen.push(ctx.status, ctx.body, ctx.response.get('x-timing'));
      ctx.set('x-outside', '1');
    });
    app.use(toKoa(timing));
    app.use(toKoa(endpoint({}, () => new PlainTextResponse('body', { status: 201 }))));
    const { status, body, headers } = await get(app);
    expect(seen).toEqual([201, 'body', '1']);
    expect({ status, body, outside: headers.get('x-outside') }).toEqual({
      status: 201,
      body: 'body',
      outside: '1',
    });
  });

  it('lets native middleware between a layer and an endpoint change its answer', async () => {
    const app = newApp();
    let seen: unknown;
    app.use(
      toKoa(async (request, callNext) => {
        const response = await callNext(request);
        seen = [response.status, await response.text()];
        return response;
      }),
    );
    app.use(async (ctx, next) => {
      await next();
      ctx.status = 202;
      ctx.body = `${ctx.body} and more`;
    });
    app.use(toKoa(endpoint({}, () => new PlainTextResponse('body'))));
    expect(await get(app)).toMatchObject({ status: 202, body: 'body and more' });
    expect(seen).toEqual([202, 'body and more']);
  });

  it('works in a router: parameters, nested layers, fall-through', async () => {
    const app = newApp();
    const log = new EventLog();
    const named =
      (name: string): Middleware =>
      async (request, callNext) => {
        log.add(`${name} before ${JSON.stringify(request.pathParams)}`);
        const response = await callNext(request);
        log.add(`${name} after ${JSON.stringify(request.pathParams)}`);
        return response;
      };
    app.use(toKoa(named('app')));
    const router = new Router({ prefix: '/shop' });
    router.use(toKoa(named('router')));
    router.get('/items/:id', toKoa(endpoint({}, ({ request }) => ({ ...request.pathParams }))));
    app.use(router.routes());
    expect((await get(app, '/shop/items/7')).body).toBe('{"id":"7"}');
    expect(log.events.at(0)).toBe('app before {}');
    expect(log.events.slice(-2)).toEqual(['router after {"id":"7"}', 'app after {"id":"7"}']);
    expect((await get(app, '/nowhere')).status).toBe(404);
  });

  it('rejects callNext with what native code throws, and returns unhandled errors to Koa', async () => {
    const app = newApp();
    const caught: unknown[] = [];
    const told = new EventLog();
    app.on('error', error => told.add(String((error as Error).message)));
    app.use(
      toKoa(async (request, callNext) => {
        try {
          return await callNext(request);
        } catch (error) {
          caught.push((error as Error).message);
          throw error;
        }
      }),
    );
    app.use(ctx => ctx.throw(418, 'teapot', { headers: { 'x-why': 'tea' } }));
    const { status, body, headers } = await get(app);
    expect({ status, body, why: headers.get('x-why') }).toEqual({ status: 418, body: 'teapot', why: 'tea' });
    expect(caught).toEqual(['teapot']);
    expect(told.events).toEqual(['teapot']);
  });

  it('gives an outer native catch what was thrown, even if it is not an error', async () => {
    const app = newApp();
    const thrown = { key: 'value' };
    let caught: unknown;
    app.use(async (ctx, next) => {
      await next().catch((error: unknown) => {
        caught = error;
      });
      ctx.body = 'fine';
    });
    app.use(toKoa(timing));
    app.use(toKoa(timing));
    app.use(() => {
      throw thrown;
    });
    expect((await get(app)).body).toBe('fine');
    expect(caught).toBe(thrown);
  });

  it('renders an HTTPException that escapes as Koa renders its own', async () => {
    const app = newApp();
    app.use(() => {
      throw new HTTPException(403, 'no entry', { headers: { 'x-why': 'token' } });
    });
    const { status, body, headers } = await get(app);
    expect({ status, body, why: headers.get('x-why') }).toEqual({
      status: 403,
      body: 'no entry',
      why: 'token',
    });
  });

  it.each<[string, Koa3.Middleware, string]>([
    [
      'flushHeaders and then a body',
      ctx => {
        ctx.flushHeaders();
        ctx.body = 'body';
      },
      'body',
    ],
    [
      'flushHeaders and then a stream',
      ctx => {
        ctx.flushHeaders();
        ctx.body = Readable.from(['a', 'b']);
      },
      'ab',
    ],
    [
      'a native write that Koa ends',
      ctx => {
        ctx.res.write('begun');
        ctx.body = ' and ended';
      },
      'begun and ended',
    ],
    [
      'a native answer',
      ctx => {
        ctx.res.end('native');
      },
      'native',
    ],
    [
      'a native answer with respond off, later',
      ctx => {
        ctx.respond = false;
        setImmediate(() => ctx.res.writeHead(200).end('later'));
      },
      'later',
    ],
  ])('reads and sends %s', async (_what, handler, expected) => {
    for (const middleware of [timing, reading]) {
      const app = newApp().use(toKoa(middleware)).use(handler);
      expect((await get(app)).body).toBe(expected);
    }
  });

  it('changes nothing on the wire when a middleware has read the body', async () => {
    const handler: Koa3.Middleware = ctx => {
      ctx.body = Readable.from(['x']);
      ctx.remove('Content-Type');
    };
    const send = (app: Koa3) => listening(app.callback(), (_url, port) => exchangeOnWire(port, '/'));
    expect(await send(newApp().use(toKoa(reading)).use(handler))).toEqual(await send(newApp().use(handler)));
  });

  it('answers with a fallback when the native body fails while it is read', async () => {
    const fallback: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      try {
        await response.text();
        return response;
      } catch (error) {
        return new PlainTextResponse(`fallback for ${(error as Error).message}`, { status: 502 });
      }
    };
    const app = newApp().use(toKoa(fallback));
    app.use(ctx => {
      const body = new PassThrough();
      setImmediate(() => body.destroy(new Error('broken')));
      ctx.type = 'text';
      ctx.body = body;
    });
    expect(await get(app)).toMatchObject({ status: 502, body: 'fallback for broken' });
  });

  it('survives a body that fails while middleware is running', async () => {
    const failed = gate();
    const waiting: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      await failed.opened;
      return response;
    };
    // Koa 2 never ends a response whose body fails after the head was sent, with or without a layer.
    for (const flush of Koa === Koa2 ? [false] : [false, true]) {
      const app = newApp().use(toKoa(new Layer({ middleware: [waiting], onError: () => undefined })));
      app.use(ctx => {
        if (flush) ctx.flushHeaders();
        const body = new PassThrough();
        ctx.body = body;
        setImmediate(() => {
          body.destroy(new Error('broken'));
          setImmediate(failed.open);
        });
      });
      await listening(app.callback(), async (_url, port) => {
        const { head, cut } = await exchangeOnWire(port, '/');
        expect(cut || /^HTTP\/1\.1 500/.test(head)).toBe(true);
      });
    }
  });

  it('sends a 504 in place of native code that has switched Koa off', async () => {
    const done = gate();
    const timeout: Middleware = (request, callNext) =>
      Promise.race([
        callNext(request),
        new Promise<PlainTextResponse>(resolve =>
          setImmediate(() => resolve(new PlainTextResponse('timeout', { status: 504 }))),
        ),
      ]);
    const app = newApp().use(toKoa(timeout));
    app.use(ctx => {
      ctx.respond = false;
      ctx.res.once('finish', () => {
        ctx.res.statusCode = 200;
        ctx.res.end('late');
        done.open();
      });
    });
    await listening(app.callback(), async url => {
      for (let turn = 0; turn < 3; turn += 1) {
        const response = await fetch(url);
        expect([response.status, await response.text()]).toEqual([504, 'timeout']);
      }
      await done.opened;
    });
  });
});

describe('toKoa on HTTP/2', () => {
  it('works over ctx.body, and passes on what is written to the native response', async () => {
    const log = new EventLog();
    async function* getDb() {
      yield 'db';
      log.add('exit');
    }
    const app = new Koa3();
    app.use(
      toKoa(
        new Layer({
          middleware: [timing],
          onError: error => log.add(`reported ${error.message.slice(0, 29)}`),
        }),
      ),
    );
    app.use(async (ctx, next) => {
      if (ctx.path === '/native') ctx.body = { native: true };
      else if (ctx.path === '/raw') {
        ctx.respond = false;
        ctx.res.end('raw');
      } else await next();
    });
    app.use(toKoa(endpoint({ db: Depends(getDb) }, ({ db }) => ({ db }))));
    const server = http2.createServer(app.callback());
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await getOverHttp2(client, '/')).toEqual({ status: 200, timing: '1', body: '{"db":"db"}' });
    await log.until('exit');
    expect(await getOverHttp2(client, '/native')).toEqual({
      status: 200,
      timing: '1',
      body: '{"native":true}',
    });
    expect((await getOverHttp2(client, '/raw')).body).toBe('raw');
    client.close();
    await new Promise(resolve => server.close(resolve));
  });
});

function getOverHttp2(
  client: http2.ClientHttp2Session,
  path: string,
): Promise<{ status: unknown; timing: unknown; body: string }> {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':path': path });
    let head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
    let body = '';
    stream.on('response', headers => {
      head = headers;
    });
    stream.on('data', chunk => {
      body += chunk;
    });
    stream.on('end', () => resolve({ status: head[':status'], timing: head['x-timing'], body }));
    stream.on('error', reject);
  });
}
