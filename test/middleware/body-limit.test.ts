import http from 'node:http';
import { PassThrough, pipeline } from 'node:stream';
import { bodyParser } from '@koa/bodyparser';
import { endpoint, Layer, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { bodyLimit } from 'callnext/middleware/body-limit';
import express from 'express';
import Koa from 'koa';
import multer from 'multer';
import { type Asked, ask } from '../support/ask.js';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening, mounts } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const ten = 'x'.repeat(10);
const eleven = `${ten}x`;
const post = (body: string, path = '/'): Asked => ({
  method: 'POST',
  path,
  body,
  headers: { 'content-length': String(body.length) },
});

/** Sends chunks without a declared length. */
function postChunks(
  port: number,
  path: string,
  chunks: readonly string[],
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ port, host: '127.0.0.1', method: 'POST', path, agent: false }, received => {
      let text = '';
      received.on('data', part => {
        text += part;
      });
      received.on('end', () => resolve({ status: received.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    for (const chunk of chunks) sent.write(chunk);
    sent.end();
  });
}

const tooLarge = { status: 413, text: '{"detail":"Content Too Large"}' };

describe.each(frameworks)('bodyLimit() on $name', framework => {
  const ran: string[] = [];
  const serve = <T>(use: (port: number) => Promise<T>): Promise<T> => {
    ran.length = 0;
    const app = framework
      .app()
      .use(new Layer({ middleware: [bodyLimit({ maxBodySize: 10 })], onError: () => undefined }))
      .at(
        '/text',
        endpoint({}, async ({ request }) => request.text()),
      )
      .at(
        '/stream',
        endpoint({}, async ({ request }) => {
          let size = 0;
          for await (const chunk of request.body ?? []) size += chunk.length;
          return size;
        }),
      )
      .at(
        '/unread',
        endpoint({}, () => {
          ran.push('unread');
          return 'unread';
        }),
      )
      .native('/native', async (req, res) => {
        let size = 0;
        try {
          for await (const chunk of req) size += chunk.length;
          res.end(String(size));
        } catch (error) {
          res.statusCode = (error as { status: number }).status;
          res.end('caught');
        }
      })
      .native('/ignoring', (_req, res) => {
        ran.push('ignoring');
        res.end('ignored');
      });
    return listening(app.listener(), (_url, port) => use(port));
  };

  it('accepts a body of exactly the limit, however it is read', () =>
    serve(async port => {
      expect((await ask(port, post(ten, '/text'))).text).toBe(`"${ten}"`);
      expect((await ask(port, post(ten, '/stream'))).text).toBe('10');
      expect((await ask(port, post(ten, '/native'))).text).toBe('10');
      expect((await ask(port, post(ten, '/ignoring'))).text).toBe('ignored');
      expect((await postChunks(port, '/text', ['12345', '67890'])).text).toBe('"1234567890"');
    }));

  it('refuses a body whose declared length is too large before the endpoint begins', () =>
    serve(async port => {
      for (const path of ['/text', '/stream', '/unread'])
        expect(await ask(port, post(eleven, path))).toMatchObject(tooLarge);
      expect(ran).toEqual([]);
    }));

  it('refuses a body without a declared length in the code that reads it', () =>
    serve(async port => {
      expect(await postChunks(port, '/text', [ten, 'x'])).toEqual(tooLarge);
      expect(await postChunks(port, '/stream', [ten, 'x'])).toEqual(tooLarge);
      expect(await postChunks(port, '/unread', [ten, 'x'])).toEqual({ status: 200, text: '"unread"' });
    }));

  it('refuses the body in native code that reads it', () =>
    serve(async port => {
      expect(await ask(port, post(eleven, '/native'))).toMatchObject({ status: 413 });
      expect(await postChunks(port, '/native', [ten, 'x'])).toMatchObject({ status: 413 });
    }));

  it('replaces the answer of native code that did not read the body', () =>
    serve(async port => {
      expect(await ask(port, post(eleven, '/ignoring'))).toMatchObject({
        status: 413,
        text: 'Content Too Large',
      });
      expect(ran).toEqual(['ignoring']);
    }));

  it.each([
    [10, 20, 15, 200],
    [20, 10, 15, 413],
  ])('uses the innermost limit: %d outside, %d inside', async (outer, inner, size, status) => {
    const limit = (maxBodySize: number) => new Layer({ middleware: [bodyLimit({ maxBodySize })] });
    const app = framework
      .app()
      .use(limit(outer))
      .at('/', limit(inner))
      .at(
        '/',
        endpoint({}, async ({ request }) => (await request.text()).length),
      );
    await listening(app.listener(), async (_url, port) => {
      expect((await ask(port, post('y'.repeat(size)))).status).toBe(status);
      expect((await postChunks(port, '/', ['y'.repeat(size)])).status).toBe(status);
    });
  });

  it('keeps the connection alive after a refusal', () =>
    serve(
      port =>
        new Promise<void>((resolve, reject) => {
          const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
          const body = 'z'.repeat(300_000);
          const sent = http.request(
            { port, host: '127.0.0.1', method: 'POST', path: '/native', agent },
            first => {
              first.resume();
              first.on('end', () => {
                http
                  .get({ port, host: '127.0.0.1', path: '/ignoring', agent }, second => {
                    expect([first.statusCode, second.statusCode]).toEqual([413, 200]);
                    second.resume().on('end', () => {
                      agent.destroy();
                      resolve();
                    });
                  })
                  .on('error', reject);
              });
            },
          );
          sent.on('error', reject);
          sent.end(body);
        }),
    ));
});

function answerAtClose(req: http.IncomingMessage, res: http.ServerResponse): void {
  req.on('error', () => undefined);
  req.on('close', () => {
    res.statusCode = 413;
    res.end('closed');
  });
}

describe.each(frameworks)('bodyLimit() on $name and careless native code', framework => {
  const serve = <T>(
    listener: (req: http.IncomingMessage, res: http.ServerResponse) => unknown,
    use: (port: number) => Promise<T>,
  ): Promise<T> => {
    const app = framework
      .app()
      .use(new Layer({ middleware: [bodyLimit({ maxBodySize: 10 })], onError: () => undefined }))
      .native('/', listener);
    return listening(app.listener(), (_url, port) => use(port));
  };

  it.each([
    [
      'pipes without listening to errors',
      (req: http.IncomingMessage, res: http.ServerResponse) => {
        const through = new PassThrough().resume();
        req.pipe(through);
        through.on('end', () => res.end('ended'));
      },
    ],
    [
      'listens to data alone',
      (req: http.IncomingMessage, res: http.ServerResponse) => {
        req.on('data', () => undefined).on('end', () => res.end('ended'));
      },
    ],
    [
      'waits for the close',
      (req: http.IncomingMessage, res: http.ServerResponse) => {
        answerAtClose(req, res);
        req.resume();
      },
    ],
    [
      'waits for the close, reading by itself',
      (req: http.IncomingMessage, res: http.ServerResponse) => {
        answerAtClose(req, res);
        req.on('readable', () => req.read());
      },
    ],
    [
      'pipes by pipeline',
      (req: http.IncomingMessage, res: http.ServerResponse) => {
        pipeline(req, new PassThrough().resume(), error => {
          res.statusCode = (error as { status?: number } | null)?.status ?? 200;
          res.end('piped');
        });
      },
    ],
  ])('answers with a 413 when native code %s', (_name, listener) =>
    serve(listener, async port => {
      expect((await ask(port, post('x'.repeat(400)))).status).toBe(413);
      expect((await postChunks(port, '/', [ten, 'x'.repeat(400)])).status).toBe(413);
    }),
  );

  it('refuses native code a body that a middleware was refused before', async () => {
    const peeking: Middleware = async (request, callNext) => {
      await request.text().catch(() => undefined);
      return callNext(request);
    };
    const sizes: unknown[] = [];
    const app = framework
      .app()
      .use(new Layer({ middleware: [bodyLimit({ maxBodySize: 10 }), peeking], onError: () => undefined }))
      .native('/', async (req, res) => {
        try {
          let size = 0;
          for await (const chunk of req) size += chunk.length;
          sizes.push(size);
        } catch (error) {
          res.statusCode = (error as { status: number }).status;
        }
        res.end();
      });
    await listening(app.listener(), async (_url, port) => {
      for (const size of [30, 5000, 300_000])
        expect((await postChunks(port, '/', ['x'.repeat(size)])).status).toBe(413);
    });
    expect(sizes).toEqual([]);
  });

  it('cuts the connection after the head if native code has no error listener', async () => {
    const told: string[] = [];
    const app = framework
      .app()
      .use(
        new Layer({
          middleware: [bodyLimit({ maxBodySize: 1000 })],
          onError: error => told.push(error.message),
        }),
      )
      .native('/', (req, res) => void req.pipe(res));
    await listening(app.listener(), async (_url, port) => {
      await new Promise<void>(resolve => {
        const sent = http.request({ port, host: '127.0.0.1', method: 'POST', agent: false }, received => {
          received.once('data', () => sent.write('x'.repeat(600)));
          received.on('error', () => resolve());
        });
        sent.on('error', () => resolve());
        sent.write('x'.repeat(600));
      });
    });
    expect(told).toEqual(['Content Too Large']);
  });

  it('answers for native code that listens to errors and does nothing', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const failed = gate();
      const listener = (req: http.IncomingMessage) => {
        req.on('error', () => failed.open());
        req.resume();
      };
      await serve(listener, async port => {
        const asked = ask(port, post('x'.repeat(400)));
        await failed.opened;
        jest.advanceTimersByTime(5_000);
        expect((await asked).status).toBe(413);
      });
    } finally {
      jest.useRealTimers();
    }
  });

  it('refuses bytes that arrived before the limit was set', async () => {
    const isHere = gate();
    const later: Middleware = async (request, callNext) => {
      await isHere.opened;
      return callNext(request);
    };
    const app = framework
      .app()
      .use(new Layer({ middleware: [later, bodyLimit({ maxBodySize: 10 })], onError: () => undefined }))
      .native('/', async (req, res) => {
        try {
          for await (const _chunk of req);
        } catch (error) {
          res.statusCode = (error as { status: number }).status;
        }
        res.end();
      });
    const listener = app.listener();
    const watched: http.RequestListener = (req, res) => {
      listener(req, res);
      const look = (): void => void (req.readableLength >= 400 ? isHere.open() : setImmediate(look));
      look();
    };
    await listening(watched, async (_url, port) => {
      expect((await postChunks(port, '/', ['x'.repeat(400)])).status).toBe(413);
    });
  });
});

it.each([
  [
    'express.json()',
    express.json({ limit: '50mb' }),
    { 'content-type': 'application/json' },
    JSON.stringify('x'.repeat(1_000_000)),
  ],
  [
    'multer',
    multer().any(),
    { 'content-type': 'multipart/form-data; boundary=b' },
    `--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n${'x'.repeat(1_000_000)}\r\n--b--`,
  ],
] as const)('refuses in %s and keeps the connection alive', async (_name, parser, headers, body) => {
  const app = express()
    .set('env', 'test')
    .use(toExpress(bodyLimit({ maxBodySize: 10 })))
    .post('/', parser, (_req, res) => void res.send('parsed'))
    .get('/', (_req, res) => void res.send('next'));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const asked = (port: number, options: http.RequestOptions, sent?: string) =>
    new Promise<[number, http.IncomingMessage['socket']]>((resolve, reject) => {
      const request = http.request({ port, host: '127.0.0.1', agent, ...options }, received => {
        const { statusCode = 0, socket } = received;
        received.resume().on('end', () => resolve([statusCode, socket]));
      });
      request.on('error', reject);
      request.end(sent);
    });
  await listening(app, async (_url, port) => {
    const [refused, first] = await asked(port, { method: 'POST', headers }, body);
    const [answered, second] = await asked(port, { method: 'GET' });
    expect([refused, answered, first === second]).toEqual([413, 200, true]);
    agent.destroy();
  });
});

it.each([
  ['Express 5', express],
  ['Express 4', require('express4') as typeof express],
])('drops the late 404 page of %s, which waits for the whole request', async (_name, framework) => {
  const log = new EventLog();
  const app = framework()
    .set('env', 'test')
    .use((req, _res, next) => {
      req.once('end', () => log.add('read'));
      next();
    })
    .use(toExpress(new Layer({ middleware: [bodyLimit({ maxBodySize: 10 })], onError: () => undefined })));
  await listening(app as http.RequestListener, async (_url, port) => {
    expect(await postChunks(port, '/nowhere', [ten, ten, ten])).toEqual(tooLarge);
    // finalhandler sets its headers after the request has ended: an exception there would end the process.
    await log.until('read');
    expect(await ask(port)).toMatchObject({ status: 404 });
  });
});

const large = ten.repeat(30_000);
const uploads = [
  ['that announces itself', `Content-Length: ${large.length}\r\n\r\n${large}`],
  ['in chunks', `Transfer-Encoding: chunked\r\n\r\n${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`],
] as const;

/** The answer to an upload whose handler fails without reading it, and to the next request. */
async function failUnread(
  { app }: (typeof mounts)[number],
  layer: Layer | undefined,
  upload: string,
): Promise<string> {
  const failure = Object.assign(new Error('failed'), { stack: 'Error: failed' });
  const mounted = layer ? app().use(layer) : app();
  const listener = mounted
    .handler('/failing', () => Promise.reject(failure))
    .handler('/next', answer => answer.send('next'))
    .listener();
  const requests = [
    `POST /failing HTTP/1.1\r\nHost: test\r\n${upload}`,
    'GET /next HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n',
  ];
  const { bytes } = await listening(listener, (_url, port) => record(port, requests.join('')));
  return bytes.replace(/\r\nDate: [^\r]*/g, '');
}

describe.each(mounts)('a handler on $name that fails without reading the oversized body', framework => {
  it.each(uploads)('gets the error page of the app, for a body %s', async (_how, upload) => {
    const errors: Error[] = [];
    const layer = new Layer({ middleware: [bodyLimit({ maxBodySize: 10 })], onError: e => errors.push(e) });
    const limited = await failUnread(framework, layer, upload);
    expect(limited).toMatch(/^HTTP\/1.1 500 .*\r\n\r\nnext$/s);
    expect(limited).toBe(await failUnread(framework, undefined, upload));
    expect(errors).toEqual([]);
  });
});

it('refuses an oversized body in a parser of Express', async () => {
  const app = express()
    .set('env', 'test')
    .use(toExpress(bodyLimit({ maxBodySize: 10 })))
    .use(express.json())
    .post('/', (req, res) => void res.json(req.body));
  await listening(app, async (_url, port) => {
    const json = { 'content-type': 'application/json' };
    expect((await ask(port, { method: 'POST', headers: json, body: '{"a":1}' })).text).toBe('{"a":1}');
    const got = await ask(port, { method: 'POST', headers: json, body: '{"a":12345678}' });
    expect(got).toMatchObject(tooLarge);
  });
});

it('refuses an oversized body in a parser of Koa', async () => {
  const app = new Koa();
  app.silent = true;
  app
    .use(toKoa(bodyLimit({ maxBodySize: 10 })))
    .use(bodyParser())
    .use(ctx => {
      ctx.body = ctx.request.body as object;
    });
  await listening(app.callback(), async (_url, port) => {
    const json = { 'content-type': 'application/json' };
    expect((await ask(port, { method: 'POST', headers: json, body: '{"a":1}' })).text).toBe('{"a":1}');
    expect(await ask(port, { method: 'POST', headers: json, body: '{"a":12345678}' })).toMatchObject(
      tooLarge,
    );
  });
});

it.each([[{}], [{ maxBodySize: -1 }], [{ maxBodySize: '1mb' }]])('rejects %j when it is built', options => {
  expect(() => bodyLimit(options as never)).toThrow(
    'The option `maxBodySize` of `bodyLimit()` must be a whole number',
  );
});
