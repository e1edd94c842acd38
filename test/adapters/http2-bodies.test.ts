import type http2 from 'node:http2';
import { endpoint, Layer, type Middleware } from 'callnext';
import { toKoa } from 'callnext/koa';
import { bodyLimit } from 'callnext/middleware/body-limit';
import { toNode } from 'callnext/node';
import Koa3 from 'koa';
import { type Http2Listener, listeningHttp2, transports } from '../support/http2.js';

const Koa2 = require('koa2') as typeof Koa3;

/** `/text` is an endpoint that reads the body; at all other paths, native code reads it. */
type Mount = (layer: Layer) => Http2Listener;

const text = endpoint({}, async ({ request }) => request.text());

async function native(req: NodeJS.ReadableStream): Promise<{ status: number; body: string }> {
  try {
    let body = '';
    for await (const chunk of req) body += chunk;
    return { status: 200, body };
  } catch (error) {
    return { status: (error as { status: number }).status, body: '' };
  }
}

const onNode: Mount = layer => {
  const answer = toNode(text);
  return toNode(layer, async (req, res) => {
    if (req.url === '/text') return answer(req, res);
    const { status, body } = await native(req);
    res.statusCode = status;
    res.end(JSON.stringify(body));
  }) as never;
};

function onKoa(Koa: typeof Koa3): Mount {
  return layer => {
    const app = new Koa();
    app.silent = true;
    app.use(toKoa(layer) as never);
    app.use(async (ctx, next) => {
      if (ctx.path === '/text') return toKoa(text)(ctx as never, next);
      const { status, body } = await native(ctx.req);
      ctx.status = status;
      ctx.body = JSON.stringify(body);
    });
    return app.callback() as never;
  };
}

/** Sends a body without a declared length, in two frames. */
async function send(
  session: http2.ClientHttp2Session,
  method: string,
  path: string,
  [first, last]: readonly [string, string],
): Promise<{ status: unknown; body: string }> {
  const stream = session.request({ ':method': method, ':path': path }, { endStream: false });
  stream.write(first);
  stream.end(last);
  let status: unknown;
  stream.on('response', headers => {
    status = headers[':status'];
  });
  let body = '';
  for await (const chunk of stream) body += chunk;
  return { status, body };
}

describe.each(transports)('a body without a length over %s', transport => {
  describe.each<[string, Mount]>([
    ['node:http2', onNode],
    ['Koa 3', onKoa(Koa3)],
    ['Koa 2', onKoa(Koa2)],
  ])('on %s', (name, mount) => {
    const seen: string[] = [];
    const reading: Middleware = async (request, callNext) => {
      const before = await request.text();
      const response = await callNext(request);
      seen.push(before, await request.text());
      return response;
    };

    it.each(['GET', 'DELETE', 'POST'])('is the same for every reader of a %s', async method => {
      for (const middleware of [[], [reading]]) {
        seen.length = 0;
        await listeningHttp2(transport, mount(new Layer({ middleware })), async connect => {
          const session = connect();
          for (const path of ['/text', '/native'])
            expect(await send(session, method, path, ['one', 'two'])).toEqual({
              status: 200,
              body: '"onetwo"',
            });
        });
        expect(seen).toEqual(middleware.length === 0 ? [] : ['onetwo', 'onetwo', 'onetwo', 'onetwo']);
      }
    });

    // Koa 2 itself does not answer HEAD over HTTP/2.
    const methods = name === 'Koa 2' ? ['GET', 'POST'] : ['GET', 'HEAD', 'POST'];
    it.each(methods)('is counted by bodyLimit() in a %s', async method => {
      const layer = new Layer({ middleware: [bodyLimit({ maxBodySize: 6 })], onError: () => undefined });
      await listeningHttp2(transport, mount(layer), async connect => {
        const session = connect();
        for (const path of ['/text', '/native']) {
          expect(await send(session, method, path, ['one', 'two'])).toMatchObject({ status: 200 });
          expect(await send(session, method, path, ['one', 'four'])).toMatchObject({ status: 413 });
        }
      });
    });
  });
});

it('is empty when the stream ends with its head, whatever the method', async () => {
  const bodies: unknown[] = [];
  const reading: Middleware = async (request, callNext) => {
    bodies.push([request.method, await request.text()]);
    return callNext(request);
  };
  await listeningHttp2('h2c', onNode(new Layer({ middleware: [reading] })), async connect => {
    const session = connect();
    for (const method of ['GET', 'POST']) {
      const stream = session.request({ ':method': method, ':path': '/native' }, { endStream: true });
      let body = '';
      for await (const chunk of stream) body += chunk;
      expect(body).toBe('""');
    }
  });
  expect(bodies).toEqual([
    ['GET', ''],
    ['POST', ''],
  ]);
});
