import http2 from 'node:http2';
import { type Middleware, Response } from 'callnext';
import { toNode } from 'callnext/node';
import { gate } from '../support/events.js';
import { frameworks, listening, mounts } from '../support/frameworks.js';
import { listeningHttp2 } from '../support/http2.js';
import { exchangeOnWire } from '../support/wire.js';

/** What a middleware sees of a body and of its copies. */
function shown(response: Response): unknown[] {
  const { body } = response;
  return [body, response.clone().body, new Response(response.body, response).body, response.bodyUsed];
}

/** A middleware that replaces every response that has a body. */
const shouting: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  return response.body === null ? response : new Response((await response.text()).toUpperCase(), response);
};

describe.each(mounts)('the body of a native answer on $name', framework => {
  it.each([
    ['GET', 204],
    ['GET', 304],
    ['HEAD', 204],
  ])('is null in answer to %s with %i, as in Fetch', async (method, status) => {
    const seen: unknown[] = [];
    const app = framework
      .app()
      .use(async (request, callNext) => {
        const response = await callNext(request);
        seen.push(...shown(response), await response.clone().text());
        return response;
      })
      .native('/', (_req, res) => {
        res.writeHead(status, { etag: '"a"' });
        res.write('dropped');
        res.end('dropped');
      });
    await listening(app.listener(), async (_url, port) => {
      const { head, body } = await exchangeOnWire(port, '/', method);
      expect([/ (\d+) /.exec(head)?.[1], body]).toEqual([String(status), '']);
    });
    expect(seen).toEqual([null, null, null, false, '']);
  });

  it.each([
    ['GET', '/204'],
    ['GET', '/304'],
    ['HEAD', '/304'],
  ])('of %s %s is left alone by a middleware that skips empty bodies', async (method, path) => {
    const bytesOf = (middleware: readonly Middleware[]): Promise<unknown> => {
      const app = framework.app();
      for (const each of middleware) app.use(each);
      app.native('/204', (_req, res) => void res.writeHead(204, { 'x-a': '1' }).end());
      app.native('/304', (_req, res) => void res.writeHead(304, { 'content-length': '10' }).end());
      return listening(app.listener(), (_url, port) => exchangeOnWire(port, path, method));
    };
    expect(await bytesOf([shouting])).toEqual(await bytesOf([]));
  });

  it('is a stream when the answer is empty but has a body', async () => {
    const seen: unknown[] = [];
    const app = framework
      .app()
      .use(async (request, callNext) => {
        const response = await callNext(request);
        seen.push(response.body === null, await response.text());
        return response;
      })
      .native('/', (_req, res) => res.end());
    await listening(app.listener(), (_url, port) => exchangeOnWire(port, '/'));
    expect(seen).toEqual([false, '']);
  });

  it('is null when a middleware gives a 204 another status', async () => {
    const app = framework
      .app()
      .use(async (request, callNext) => {
        const response = await callNext(request);
        response.status = 201;
        return response;
      })
      .native('/', (_req, res) => void res.writeHead(204).end());
    await listening(app.listener(), async (_url, port) => {
      const { head, body } = await exchangeOnWire(port, '/');
      expect([head.split('\r\n')[0], body]).toEqual([
        'HTTP/1.1 201 Created',
        expect.stringMatching(/^(0\r\n\r\n)?$/),
      ]);
    });
  });
});

describe.each(frameworks)('the body of what a handler answers on $name', framework => {
  it.each([204, 304])('is null with %i', async status => {
    const seen: unknown[] = [];
    const app = framework
      .app()
      .use(async (request, callNext) => {
        const response = await callNext(request);
        seen.push(...shown(response));
        return response;
      })
      .handler('/', answer => answer.status(status).send('dropped'));
    await listening(app.listener(), (_url, port) => exchangeOnWire(port, '/'));
    expect(seen).toEqual([null, null, null, false]);
  });
});

it.each([
  ['GET', 204],
  ['GET', 304],
  ['HEAD', 304],
])('the body of a native answer to %s with %i is null on HTTP/2', async (method, status) => {
  const seen: unknown[] = [];
  const ended = gate<number>();
  const read: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    seen.push(...shown(response));
    return response;
  };
  const listener = toNode(read, (_req, res) => void res.writeHead(status).end('dropped'));
  await listeningHttp2('h2c', listener as never, async connect => {
    const stream = connect().request({ [http2.constants.HTTP2_HEADER_METHOD]: method });
    stream.on('response', headers => ended.open(Number(headers[':status'])));
    expect(await ended.opened).toBe(status);
    stream.destroy();
  });
  expect(seen).toEqual([null, null, null, false]);
});
