import type http from 'node:http';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { JSONResponse, Layer, type Middleware, PlainTextResponse, Response } from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';
import { exchangeOnWire, record } from '../support/wire.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => unknown;

const ofOldBody = [
  'Content-Length',
  'Content-Encoding',
  'ETag',
  'Last-Modified',
  'Accept-Ranges',
  'Content-MD5',
  'Digest',
];

describe.each(mounts)('a native response on $name', ({ app }) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  const described: Listener = (_req, res) => {
    for (const name of ofOldBody) res.setHeader(name, name === 'Content-Length' ? '6' : `"${name}"`);
    res.setHeader('X-Own', '1');
    res.setHeader('Content-Type', 'text/plain');
    res.end('native');
  };
  const seen = (middleware: Middleware, listener = described, method = 'GET') =>
    listening(app().use(middleware).native('/', listener).listener(), (_url, port) =>
      exchangeOnWire(port, '/', method),
    );
  const headersOf = (head: string): string[] =>
    head
      .split('\r\n')
      .slice(1)
      .map(line => line.slice(0, line.indexOf(':')).toLowerCase())
      .filter(name => name !== 'connection' && name !== 'x-powered-by');

  describe('that is transformed keeps its own headers except those about the old body', () => {
    const forms: [string, Middleware, string][] = [
      [
        'into a text',
        async (request, callNext) => {
          const response = await callNext(request);
          return new Response((await response.text()).toUpperCase(), response);
        },
        'NATIVE',
      ],
      [
        'by its headers alone',
        async (request, callNext) => {
          const { headers, status } = await callNext(request);
          return new Response('shorter', { headers, status });
        },
        'shorter',
      ],
      [
        'into JSON',
        async (request, callNext) => new JSONResponse({ a: 1 }, await callNext(request)),
        '{"a":1}',
      ],
    ];
    it.each(forms)('%s', async (_how, middleware, body) => {
      const wire = await seen(middleware);
      expect(wire.body).toBe(body);
      expect(headersOf(wire.head).sort()).toEqual(
        expect.arrayContaining(['content-length', 'content-type', 'x-own']),
      );
      const stale = ofOldBody.slice(1).map(name => name.toLowerCase());
      expect(headersOf(wire.head).filter(name => stale.includes(name))).toEqual([]);
      expect(wire.head).toContain(`content-length: ${body.length}`);
    });

    it('as a stream, in chunks', async () => {
      const wire = await seen(async (request, callNext) => {
        const response = await callNext(request);
        return new Response(response.body?.pipeThrough(new TransformStream()), response);
      });
      expect(wire.body).toBe('6\r\nnative\r\n0\r\n\r\n');
      expect(headersOf(wire.head).sort()).toEqual(['content-type', 'transfer-encoding', 'x-own']);
    });
  });

  it.each<[string, Middleware]>([
    [
      'its bytes',
      async (request, callNext) => {
        const response = await callNext(request);
        return new Response(await response.arrayBuffer(), response);
      },
    ],
    [
      'its text',
      async (request, callNext) => {
        const response = await callNext(request);
        return new Response(await response.text(), response);
      },
    ],
    [
      'its bytes and headers',
      async (request, callNext) => {
        const response = await callNext(request);
        return new Response(await response.bytes(), { headers: response.headers, status: response.status });
      },
    ],
    [
      'its stream',
      async (request, callNext) => {
        const response = await callNext(request);
        return new Response(response.body, response);
      },
    ],
    ['a clone', async (request, callNext) => (await callNext(request)).clone()],
  ])('made anew from %s keeps the headers about its body', async (_of, middleware) => {
    const { head, body } = await seen(middleware);
    expect(body).toBe('native');
    for (const name of ofOldBody.slice(1)) expect(head).toContain(`${name.toLowerCase()}: "${name}"`);
  });

  it('to HEAD keeps the length of a body it does not have, and declares no unknown one', async () => {
    const upper: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response((await response.text()).toUpperCase(), response);
    };
    expect((await seen(upper, described, 'HEAD')).head).toContain('content-length: 6');
    const transforming: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response(response.body?.pipeThrough(new TransformStream()), response);
    };
    const { head, body } = await seen(transforming, described, 'HEAD');
    expect([/content-length/i.test(head), body]).toEqual([false, '']);
  });

  it('of status 304 stays empty when its body is replaced', async () => {
    const listener: Listener = (_req, res) => {
      res.statusCode = 304;
      res.setHeader('ETag', '"1"');
      res.end();
    };
    const replacing: Middleware = async (request, callNext) =>
      new Response('something', await callNext(request));
    const { head, body } = await seen(replacing, listener);
    expect([head.split('\r\n')[0], /content-length|transfer-encoding/i.test(head), body]).toEqual([
      'HTTP/1.1 304 Not Modified',
      false,
      '',
    ]);
  });

  it('whose handler fails halfway cuts off a stream made from it', async () => {
    const goesOn = gate();
    const passingOn: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      async function* made(): AsyncGenerator<Uint8Array> {
        yield* response.body ?? [];
      }
      setImmediate(() => goesOn.open());
      return new Response(made(), response);
    };
    const failing = app()
      .use(new Layer({ middleware: [passingOn], onError: () => undefined }))
      .handler('/', async ({ res }) => {
        res.write('half');
        await goesOn.opened;
        throw new Error('broken');
      });
    const { body, cut } = await listening(failing.listener(), (_url, port) => exchangeOnWire(port, '/'));
    expect([body, cut]).toEqual(['4\r\nhalf\r\n', true]);
  });

  it('of status 206 keeps the headers about its part', async () => {
    const listener: Listener = (_req, res) => {
      res.writeHead(206, { 'Content-Range': 'bytes 0-5/100' }).end('native');
    };
    const upper: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return new Response((await response.text()).toUpperCase(), response);
    };
    expect((await seen(upper, listener)).head).toMatch(/content-range: bytes 0-5\/100/i);
  });

  describe('that is replaced', () => {
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      return new PlainTextResponse('instead');
    };
    const endless = (): Readable =>
      new Readable({
        read() {
          this.push(Buffer.alloc(1024, 'x'));
        },
      }).once('close', () => log.add('source closed'));

    it.each<[string, (source: Readable, res: http.ServerResponse) => void]>([
      ['pipe', (source, res) => void source.pipe(res)],
      ['pipeline', (source, res) => pipeline(source, res, error => log.add(`pipeline: ${error?.code}`))],
    ])('drops what %s writes to it', async (how, begin) => {
      const { body } = await listening(
        app()
          .use(replacing)
          .native('/', (_req, res) => begin(endless(), res))
          .listener(),
        async (_url, port) => {
          const wire = await exchangeOnWire(port, '/');
          await log.until('source closed');
          if (how === 'pipeline') await log.until('pipeline: ERR_STREAM_PREMATURE_CLOSE');
          return wire;
        },
      );
      expect(body).toBe('instead');
    });

    it('calls the callbacks of what was written to it', async () => {
      const { body } = await seen(replacing, (_req, res) => {
        res.write('one', () => log.add('one'));
        res.write('two', () => log.add('two'));
        res.end('three', () => log.add('end'));
      });
      await log.until('end');
      expect([body, log.events]).toEqual(['instead', ['one', 'two', 'end']]);
    });

    it('leaves a source alone that also goes elsewhere', async () => {
      const source = new PassThrough();
      const elsewhere = source.pipe(new PassThrough());
      const { body } = await seen(replacing, (_req, res) => {
        source.pipe(res);
        source.write('both, ');
      });
      source.end('and the rest');
      expect([body, await text(elsewhere)]).toEqual(['instead', 'both, and the rest']);
    });

    it('keeps serving its connection when the handler echoes the request', async () => {
      const answers = await listening(
        app()
          .use(replacing)
          .native('/', (req, res) => req.pipe(res))
          .listener(),
        async (_url, port) => {
          const first = `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`;
          return record(port, `${first}GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`);
        },
      );
      expect(answers.bytes.match(/instead/g)).toHaveLength(2);
    });

    it('keeps its source for a body that is made from it', async () => {
      const transforming: Middleware = async (request, callNext) => {
        const response = await callNext(request);
        return new Response(response.body?.pipeThrough(new TransformStream()), response);
      };
      const { body } = await seen(transforming, (_req, res) =>
        Readable.from(['one', 'two', 'three']).pipe(res),
      );
      // From Node 24 on, everything written in one tick is one chunk.
      const chunks = body.split('\r\n').filter((_line, index) => index % 2 === 1);
      expect([chunks.join(''), body.endsWith('\r\n0\r\n\r\n')]).toEqual(['onetwothree', true]);
    });
  });

  describe('survives a handler that destroys the connection', () => {
    const slow: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      await new Promise(resolve => setImmediate(resolve));
      response.headers.set('X-After', '1');
      return response;
    };
    it.each<[string, Listener]>([
      ['req.socket.destroy()', req => void req.socket.destroy()],
      ['req.destroy()', req => void req.destroy()],
      ['res.destroy()', (_req, res) => void res.destroy()],
      ['req.destroy(error)', req => void req.destroy(new Error('too large'))],
      ['req.socket.end()', req => void req.socket.end()],
      ['req.socket.destroySoon()', req => void req.socket.destroySoon()],
      ['a later tick', req => process.nextTick(() => req.socket.destroy())],
    ])('by %s', async (_how, destroy) => {
      const body = 'x'.repeat(100_000);
      const wire = await seen(slow, (req, res) => {
        res.setHeader('Content-Length', body.length);
        res.end(body);
        destroy(req, res);
      });
      expect([wire.head.split('\r\n')[0], wire.body.length]).toEqual(['HTTP/1.1 200 OK', body.length]);
      expect(wire.head).toContain('X-After: 1');
    });

    it('and is destroyed with an error of Node at once', async () => {
      const wire = await seen(slow, (req, res) => {
        res.end('x');
        req.socket.destroy(Object.assign(new Error('away'), { code: 'ECONNRESET' }));
      });
      expect(wire.head).toBe('');
    });

    it('and at once when nothing is answered', async () => {
      const going = gate();
      const wire = await listening(
        app()
          .use(slow)
          .native('/', req => {
            req.socket.once('close', () => going.open());
            req.socket.destroy();
          })
          .listener(),
        async (_url, port) => {
          const seenNow = await exchangeOnWire(port, '/');
          await going.opened;
          return seenNow;
        },
      );
      expect(wire.head).toBe('');
    });
  });
});
