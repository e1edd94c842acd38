import { createReadStream, readFileSync } from 'node:fs';
import type http from 'node:http';
import { ServerResponse } from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { type CallnextError, Layer, type Middleware } from 'callnext';
import { type Answer, type Framework, listening, mounts, type TestApp } from '../support/frameworks.js';
import { exchangeOnWire, type WireResponse } from '../support/wire.js';

const small = path.join(__dirname, '../fixtures/small.txt');
const large = Buffer.alloc(300_000, 'large body ');

/** FastAPI's tutorial middleware. */
const timing: Middleware = async (request, callNext) => {
  const start = performance.now();
  const response = await callNext(request);
  response.headers.set('X-Process-Time', String((performance.now() - start) / 1000));
  return response;
};

interface Case {
  readonly title: string;
  readonly method?: string;
  readonly requestHeaders?: string[];
  /** For the handler's error, which it may leave to the framework. */
  readonly mount: (app: TestApp) => TestApp;
}

const handled = (title: string, handle: (answer: Answer) => unknown, more: Partial<Case> = {}): Case => ({
  title,
  mount: app => app.handler('/', handle),
  ...more,
});

const raw = (
  title: string,
  listener: (req: http.IncomingMessage, res: http.ServerResponse) => unknown,
  more: Partial<Case> = {},
): Case => ({ title, mount: app => app.native('/', listener), ...more });

const cases: Case[] = [
  handled('an object', answer => answer.send({ ok: true, list: [1, 2] })),
  handled('a string', answer => answer.send('<p>text</p>')),
  handled('a buffer', answer => answer.send(Buffer.from([0, 255, 1]))),
  handled('nothing', answer => answer.status(200).send('')),
  handled('a status of its own', answer => answer.status(418).send('teapot')),
  handled('a redirect', answer => answer.redirect('/elsewhere?a=b')),
  handled('a large body', answer => answer.send(large)),
  handled('a piped file', answer => answer.set('Content-Type', 'text/plain').send(createReadStream(small))),
  handled('a piped large stream', answer => answer.send(Readable.from([large, large]))),
  handled('HEAD', answer => answer.send({ ok: true }), { method: 'HEAD' }),
  handled('204', answer => answer.status(204).send(null)),
  handled('304', answer => answer.set('ETag', '"1"').status(304).send(null)),
  handled('a conditional request', answer => answer.set('ETag', '"1"').send('body'), {
    requestHeaders: ['If-None-Match: "1"'],
  }),
  handled('a slow answer', async answer => {
    await new Promise(resolve => setImmediate(resolve));
    answer.send('slow');
  }),
  handled('several cookies', answer => {
    answer.res.setHeader('Set-Cookie', ['a=1', 'b=2; Path=/']);
    answer.send('cookies');
  }),
  { title: 'no route at all', mount: app => app },
  raw('end with a string', (_req, res) => res.end('x')),
  raw('end with an encoding', (_req, res) => res.end('é', 'latin1')),
  raw('end with base64', (_req, res) => res.end('aGVsbG8=', 'base64')),
  raw('end without a body', (_req, res) => res.end()),
  raw('an empty write before the end', (_req, res) => {
    res.write('');
    res.end();
  }),
  raw('writes and an end', (_req, res) => {
    res.write('one');
    res.write('two');
    res.end('three');
  }),
  raw('writeHead with an object', (_req, res) =>
    res.writeHead(201, { 'X-A': '1', 'Content-Type': 'text/plain' }).end('x'),
  ),
  raw('writeHead with a reason', (_req, res) => res.writeHead(200, 'Fine', { 'X-A': '1' }).end('x')),
  raw('writeHead with an array', (_req, res) =>
    res.writeHead(200, ['X-A', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('x'),
  ),
  raw('writeHead over setHeader', (_req, res) => {
    res.setHeader('X-A', 'before');
    res.writeHead(200, { 'x-a': 'after', 'Content-Length': 1 }).end('x');
  }),
  raw('writeHead and no body', (_req, res) => res.writeHead(404).end()),
  raw('a statusMessage', (_req, res) => {
    res.statusMessage = 'Quite fine';
    res.end('x');
  }),
  raw('a status that changes after the end', (_req, res) => {
    res.end('x');
    res.statusCode = 500;
  }),
  raw('flushHeaders, then a body', (_req, res) => {
    res.flushHeaders();
    res.end('later');
  }),
  raw('a body in pieces over time', async (_req, res) => {
    for (const piece of ['a', 'b', 'c']) {
      res.write(piece);
      await new Promise(resolve => setImmediate(resolve));
    }
    res.end();
  }),
  raw('an explicit content-length with writes', (_req, res) => {
    res.setHeader('Content-Length', 6);
    res.write('abc');
    res.end('def');
  }),
  raw('no automatic date or connection', (_req, res) => {
    res.sendDate = false;
    res.removeHeader('connection');
    res.end('x');
  }),
  raw('trailers', (_req, res) => {
    res.writeHead(200, { Trailer: 'X-Sum' });
    res.write('body');
    res.addTrailers({ 'X-Sum': '42' });
    res.end();
  }),
  raw('early hints', (_req, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' });
    res.end('x');
  }),
  raw('204 with a body', (_req, res) => res.writeHead(204).end('ignored')),
  raw('a header with several values', (_req, res) => {
    res.setHeader('X-List', ['a', 'b']);
    res.appendHeader('X-List', 'c');
    res.end('x');
  }),
  raw('corked writes', (_req, res) => {
    res.cork();
    res.write('a');
    res.write('b');
    res.uncork();
    res.end();
  }),
  raw('a second end', (_req, res) => {
    res.end('first');
    res.end();
  }),
  raw('HEAD with a body', (_req, res) => res.end('body'), { method: 'HEAD' }),
  raw('HTTP/1.0 semantics by Connection: close', (_req, res) => res.end('x')),
  raw('an answer that is destroyed half-way', async (_req, res) => {
    res.write('half');
    await new Promise(resolve => setImmediate(resolve));
    res.destroy();
  }),
  raw('an end that is destroyed at once', (_req, res) => {
    res.end('whole');
    res.destroy();
  }),
];

function withoutTiming(response: WireResponse): WireResponse {
  return { ...response, head: response.head.replace(/\r\nX-Process-Time: [^\r]*/i, '') };
}

const noop = (): void => undefined;
const delayed: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await new Promise(resolve => setImmediate(resolve));
  return response;
};
const reading: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await response.arrayBuffer().catch(() => undefined);
  return response;
};
const passing: Middleware = (request, callNext) => callNext(request);

async function answerOf(
  framework: Framework,
  each: Case,
  ...middleware: Middleware[]
): Promise<WireResponse> {
  // Express 4 sets its own headers once any middleware is mounted, so every app has one.
  const app = middleware.reduce((mounted, one) => mounted.use(one), framework.app().around(noop, noop));
  return listening(each.mount(app).listener(), (_url, port) =>
    exchangeOnWire(port, '/', each.method, each.requestHeaders),
  );
}

describe.each(mounts)(
  'native responses on $name have the same bytes on the wire as without a layer',
  framework => {
    it.each(cases)('$title', async each => {
      const native = await answerOf(framework, each);
      expect(await answerOf(framework, each, passing)).toEqual(native);
      expect(await answerOf(framework, each, delayed)).toEqual(native);
      expect(await answerOf(framework, each, passing, delayed)).toEqual(native);
      const timed = await answerOf(framework, each, timing);
      expect(withoutTiming(timed)).toEqual(native);
      expect(timed.head).toMatch(/X-Process-Time: [\d.]+/i);
      if (!native.cut) expect(await answerOf(framework, each, reading)).toEqual(native);
    });
  },
);

describe.each(mounts.filter(({ isKoa }) => !isKoa))('res.sendFile on $name', framework => {
  const sendFile: Case = handled('a file', ({ res }) =>
    (res as http.ServerResponse & { sendFile(path: string): void }).sendFile(small),
  );

  it.each([[], ['Range: bytes=2-6'], ['If-Modified-Since: Wed, 01 Jan 2098 00:00:00 GMT']])(
    'is the same with %s',
    async (...requestHeaders) => {
      const native = await answerOf(framework, { ...sendFile, requestHeaders });
      const timed = await answerOf(framework, { ...sendFile, requestHeaders }, timing);
      expect(withoutTiming(timed)).toEqual(native);
      expect(timed.head).toMatch(/X-Process-Time/);
      if (requestHeaders.length === 0) expect(timed.body).toBe(readFileSync(small, 'latin1'));
    },
  );
});

describe.each(mounts)('methods of the prototype called directly on $name', framework => {
  const direct = raw('direct calls', (_req, res) => {
    ServerResponse.prototype.write.call(res, 'a', 'utf8');
    Reflect.apply(ServerResponse.prototype.end, res, ['b']);
  });

  it('cannot be held and are sent directly', async () => {
    const native = await answerOf(framework, direct);
    expect(await answerOf(framework, direct, passing)).toEqual(native);
    const errors: Error[] = [];
    const layer = new Layer({ middleware: [timing], onError: error => errors.push(error) });
    const app = direct.mount(framework.app().around(noop, noop).use(layer));
    const sent = await listening(app.listener(), (_url, port) => exchangeOnWire(port, '/'));
    expect(sent).toEqual(native);
    expect(errors.map(error => (error as CallnextError).code)).toEqual(['HEADERS_SENT']);
  });
});
