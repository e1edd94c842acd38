import type http2 from 'node:http2';
import { Depends, Layer, type Middleware, PlainTextResponse } from 'callnext';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { ask, type Http2Listener, listeningHttp2, transports } from '../support/http2.js';

/** Mounts native code, below a layer or bare. */
type Mount = (layer: Layer | undefined, listener: Http2Listener) => Http2Listener;

const onNode: Mount = (layer, listener) => (layer ? (toNode(layer, listener as never) as never) : listener);

const onKoa: Mount = (layer, listener) => {
  const app = new Koa3();
  app.silent = true;
  if (layer) app.use(toKoa(layer) as never);
  app.use(ctx => {
    ctx.respond = false;
    ctx.res.statusCode = 200;
    return listener(ctx.req as never, ctx.res as never) as Promise<void>;
  });
  return app.callback() as never;
};

const mounts: [string, Mount][] = [
  ['node:http2', onNode],
  ['Koa 3', onKoa],
];

const passing: Middleware = (request, callNext) => callNext(request);
const delaying: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await new Promise(resolve => setImmediate(resolve));
  return response;
};
const reading: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await response.arrayBuffer();
  return response;
};

const mixed: [string, Http2Listener][] = [
  [
    'a head, a write to the stream, an end',
    (_req, res) => {
      res.writeHead(201, { 'x-a': '1' });
      res.stream.write('direct');
      res.end('b');
    },
  ],
  [
    'a write, a write to the stream, a write, an end',
    (_req, res) => {
      res.setHeader('x-a', '1');
      res.write('a');
      res.stream.write('direct');
      res.write('c');
      res.end('d');
    },
  ],
  [
    'a head, and the end of the stream',
    (_req, res) => {
      res.writeHead(201, { 'x-a': '1' });
      res.stream.end('direct');
    },
  ],
  [
    'a write to the stream, and an end',
    (_req, res) => {
      res.stream.write('direct');
      res.end('b');
    },
  ],
  [
    'an answer of the stream, and an end',
    (_req, res) => {
      res.stream.respond({ ':status': 202, 'x-a': '1' });
      res.write('a');
      res.end('b');
    },
  ],
  [
    'a file of the stream below a head that was set',
    (_req, res) => {
      res.setHeader('x-unused', '1');
      res.stream.respondWithFile(__filename, { 'x-a': '1' });
    },
  ],
  [
    'a head, and a second one by the stream that is caught',
    (_req, res) => {
      res.writeHead(201, { 'x-a': '1' });
      let code = 'none';
      try {
        res.stream.respond({ ':status': 202 });
      } catch (error) {
        code = (error as { code: string }).code;
      }
      res.end(code);
    },
  ],
  [
    'later writes to the stream behind a flushed head',
    async (_req, res) => {
      (res as never as { flushHeaders(): void }).flushHeaders();
      for (const piece of ['a', 'b']) {
        await new Promise(resolve => setImmediate(resolve));
        res.stream.write(piece);
        res.write(piece.toUpperCase());
      }
      res.end();
    },
  ],
  [
    "Node's own methods, called directly",
    (_req, res) => {
      const { write, end } = Object.getPrototypeOf(res);
      res.setHeader('x-a', '1');
      write.call(res, 'a');
      res.write('b');
      end.call(res, 'c');
    },
  ],
];

/** Native middleware that patches a method of the response, like compression. */
function covering(listener: Http2Listener): Http2Listener {
  return (req, res) => {
    const { write } = res;
    res.write = ((...args: never[]) => Reflect.apply(write, res, args)) as typeof res.write;
    return listener(req, res);
  };
}

it.each(mixed)('two holds release before data written to the stream: %s', async (_title, listener) => {
  const native = await listeningHttp2('h2c', listener, ask);
  for (const middleware of [passing, delaying, reading]) {
    const layer = new Layer({ middleware: [middleware], onError: () => undefined });
    const inner = onNode(new Layer({ middleware: [passing], onError: () => undefined }), listener);
    expect(await listeningHttp2('h2c', onNode(layer, covering(inner)), ask)).toEqual(native);
  }
});

describe.each(mounts)('data written to the stream beside its response on %s', (_name, mount) => {
  it.each(mixed)('equals what is sent without a layer: %s', async (title, listener) => {
    const native = await listeningHttp2('h2c', mount(undefined, listener), ask);
    expect([title, native.code]).toEqual([title, 0]);
    for (const middleware of [passing, delaying, reading]) {
      const layer = new Layer({ middleware: [middleware], onError: () => undefined });
      expect(await listeningHttp2('h2c', mount(layer, listener), ask)).toEqual(native);
    }
  });
});

const ends: [string, (stream: http2.ServerHttp2Stream) => void][] = [
  ['destroys the session', stream => stream.session?.destroy()],
  ['destroys the session with an error', stream => stream.session?.destroy(new Error('mine'))],
  ['destroys the stream', stream => stream.destroy()],
  ['destroys the stream with an error', stream => stream.destroy(new Error('mine'))],
  ['closes the stream', stream => stream.close()],
  ['closes the stream with an error code', stream => stream.close(2)],
];

const answers: [string, Http2Listener][] = [
  ['has not answered', () => undefined],
  ['has answered', (_req, res) => res.end('native')],
  ['streams', (_req, res) => res.write('native')],
];

describe.each(transports)('native code over %s', transport => {
  describe.each(mounts)('on %s', (_name, mount) => {
    it.each(ends)('that %s during a hold leaves nothing open and is not an error', async (_how, end) => {
      for (const [state, answer] of answers) {
        const log = new EventLog();
        const released = gate();
        async function* getDb(): AsyncGenerator<string> {
          try {
            yield 'db';
          } finally {
            log.add('left');
          }
        }
        const holding: Middleware = async (request, callNext) => {
          request.signal.addEventListener('abort', () => released.open());
          const response = await callNext(request);
          await released.opened;
          response.headers.set('x-late', '1');
          return response;
        };
        const layer = new Layer({
          middleware: [holding],
          dependencies: [Depends(getDb)],
          onError: error => log.add(`${error}`),
        });
        const listener = mount(layer, (req, res) => {
          answer(req, res);
          setImmediate(() => end(res.stream));
          setImmediate(() => setImmediate(() => released.open()));
        });
        await listeningHttp2(transport, listener, async connect => {
          await ask(() => connect());
          await log.until('left');
          await layer.close();
        });
        expect([state, ...log.events]).toEqual([state, 'left']);
      }
    });
  });
});

describe.each(transports)('over %s', transport => {
  it('a replacement response is complete, whatever is written to the stream', async () => {
    const sent = gate();
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      setImmediate(sent.open);
      return new PlainTextResponse('instead');
    };
    const listener: Http2Listener = async (_req, res) => {
      res.write('native');
      await sent.opened;
      res.stream.write('late');
      res.stream.end('later');
    };
    const layer = new Layer({ middleware: [replacing], onError: () => undefined });
    const seen = await listeningHttp2(transport, onNode(layer, listener), ask);
    expect(seen).toMatchObject({ headers: { ':status': 200 }, body: 'instead', code: 0 });
  });
});
