// The edge cases of a held response, by their numbers in docs/internals/edge-cases.md, which also lists the
// tests of the others.
import http from 'node:http';
import net from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { Depends, HTTPException, Layer, type Middleware, PlainTextResponse, Response } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import express5 from 'express';
import Koa3 from 'koa';
import onFinished from 'on-finished';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire, record } from '../support/wire.js';

const express4 = require('express4') as typeof express5;
type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => unknown;

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
const passing: Middleware = (request, callNext) => callNext(request);
const delayed: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await turn();
  return response;
};
const layered = (middleware: Middleware, listener: Listener): http.RequestListener =>
  toNode(new Layer({ middleware: [middleware], onError: () => undefined }), listener) as http.RequestListener;

/** Expects the same result without a layer, below one that passes on, and below a slow one. */
async function expectNative<T>(listener: Listener, use: (port: number) => Promise<T>): Promise<T> {
  const native = await listening(listener, (_url, port) => use(port));
  for (const middleware of [passing, delayed])
    expect(await listening(layered(middleware, listener), (_url, port) => use(port))).toEqual(native);
  return native;
}
const withoutDates = (bytes: string): string => bytes.replace(/Date: [^\r]*/g, 'Date');

describe('on node:http', () => {
  it('6: callbacks of write and end fire in order, after the real write', async () => {
    const seen = await expectNative(
      (_req, res) => {
        const order: string[] = [];
        res.write('a', () => order.push('a'));
        res.write('b', () => order.push('b'));
        res.end('c', () => {
          order.push('end');
          log.push(...order);
        });
      },
      async port => {
        log.length = 0;
        await exchangeOnWire(port, '/');
        return [...log];
      },
    );
    expect(seen).toEqual(['a', 'b', 'end']);
  });
  const log: string[] = [];

  it("7: write answers false at the high-water mark, and 'drain' comes once", async () => {
    const seen = await expectNative(
      async (_req, res) => {
        log.length = 0;
        res.on('drain', () => log.push('drain'));
        log.push(String(res.write('x')), String(res.write('x'.repeat(res.writableHighWaterMark))));
        await new Promise(resolve => res.once('drain', resolve));
        await turn();
        res.end();
      },
      async port => {
        await exchangeOnWire(port, '/');
        return [...log];
      },
    );
    expect(seen).toEqual(['true', 'false', 'drain']);
  });

  it('10: a status set by the middleware has its own reason phrase', async () => {
    const changing: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      response.status = 404;
      return response;
    };
    const { head } = await listening(
      layered(changing, (_req, res) => res.writeHead(200, 'Quite fine').end()),
      (_url, port) => exchangeOnWire(port, '/'),
    );
    expect(head.split('\r\n')[0]).toBe('HTTP/1.1 404 Not Found');
  });

  it('14: headers cannot change after write or end', async () => {
    await expectNative(
      (_req, res) => {
        res.write('x');
        log.length = 0;
        const changes = [
          () => res.setHeader('a', '1'),
          () => res.removeHeader('a'),
          () => res.appendHeader('a', '1'),
          () => res.setHeaders(new Map([['a', '1']])),
        ];
        for (const change of changes) {
          try {
            change();
            log.push('allowed');
          } catch (error) {
            log.push((error as { code: string }).code);
          }
        }
        res.end();
      },
      async port => {
        await exchangeOnWire(port, '/');
        return [...log];
      },
    );
  });

  it('16: the state right after end is the native one', async () => {
    const seen = await expectNative(
      (_req, res) => {
        res.end('x');
        log.length = 0;
        log.push(
          ...[res.headersSent, res.writableEnded, res.finished, res.writableFinished, res.destroyed].map(
            String,
          ),
        );
      },
      async port => {
        await exchangeOnWire(port, '/');
        return [...log];
      },
    );
    // Node 24 and later differ in whether everything has been handed over by then.
    expect(seen).toEqual(['true', 'true', 'true', expect.any(String), 'false']);
  });

  it.each(['HTTP/1.0\r\n', 'HTTP/1.0\r\nConnection: keep-alive\r\n'])(
    '24: %j is answered as natively',
    async version => {
      // Node refuses bytes after a request that closes the connection.
      const last = version.includes('keep-alive') ? 'GET /last HTTP/1.0\r\n\r\n' : '';
      const ask = async (port: number, path: string): Promise<string> => {
        const { bytes } = await record(port, `GET ${path} ${version}Host: test\r\n\r\n${last}`);
        return withoutDates(bytes);
      };
      await expectNative(
        (req, res) => {
          if (req.url === '/chunks') res.write('a');
          res.end('b');
        },
        async port => [await ask(port, '/whole'), await ask(port, '/chunks')],
      );
    },
  );

  it('25, 26: pipelined answers keep their order, also those that end before their turn', async () => {
    const first = gate();
    const request = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`;
    const bytes = await expectNative(
      (req, res) => {
        if (req.url === '/1') setImmediate(() => res.end('first'));
        else {
          res.write('early ');
          res.end(req.url);
        }
      },
      async port => {
        const all = request('/1') + request('/2') + request('/3', 'Connection: close\r\n');
        return withoutDates((await record(port, all)).bytes);
      },
    );
    first.open();
    expect(bytes.match(/first|early/g)).toEqual(['first', 'early', 'early']);
  });

  it('27: Expect: 100-continue is answered at once, and refused as natively', async () => {
    const head = 'POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n';
    await expectNative(
      async (req, res) => {
        const parts: string[] = [];
        for await (const part of req) parts.push(String(part));
        res.end(parts.join(''));
      },
      async port => withoutDates((await record(port, `${head}Connection: close\r\n\r\nhi`)).bytes),
    );
    const refusing = (wrap: (listener: Listener) => Listener) =>
      new Promise<string>(resolve => {
        const server = http.createServer();
        const refuse = wrap((_req, res) => res.writeHead(413, { Connection: 'close' }).end('too large'));
        server.on('checkContinue', refuse);
        server.listen(0, '127.0.0.1', async () => {
          const { port } = server.address() as net.AddressInfo;
          const { bytes } = await record(port, `${head}\r\n`);
          server.close(() => resolve(withoutDates(bytes)));
        });
      });
    expect(await refusing(listener => layered(delayed, listener))).toBe(await refusing(listener => listener));
  });

  it('31: a pipeline whose source fails cuts the answer, and its callback gets the error', async () => {
    const seen = await expectNative(
      (_req, res) => {
        async function* failing() {
          yield 'first';
          await turn();
          await turn();
          throw new Error('broken');
        }
        pipeline(Readable.from(failing()), res, error => {
          log.length = 0;
          log.push((error as Error).message);
        });
      },
      async port => {
        const { head, body, cut } = await exchangeOnWire(port, '/');
        return [head, body, cut, ...log];
      },
    );
    expect(seen.slice(1)).toEqual(['5\r\nfirst\r\n', true, 'broken']);
  });

  it('32: each event of a stream leaves at once after the release', async () => {
    const next = [gate(), gate()];
    const listener: Listener = async (_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      for (const [id, { opened }] of next.entries()) {
        res.write(`data: ${id}\n\n`);
        await opened;
      }
      res.end('data: end\n\n');
    };
    await listening(layered(delayed, listener), async url => {
      const reader = (await fetch(url)).body?.getReader();
      const seen: string[] = [];
      for (const { open } of next) {
        seen.push(Buffer.from((await reader?.read())?.value ?? []).toString());
        open();
      }
      seen.push(Buffer.from((await reader?.read())?.value ?? []).toString());
      expect(seen).toEqual(['data: 0\n\n', 'data: 1\n\n', 'data: end\n\n']);
    });
  });

  it.each<[string, Listener]>([
    ['34: destroyed before anything', (_req, res) => void res.destroy()],
    [
      '35: ended and destroyed in the next tick',
      (req, res) => {
        res.end('x'.repeat(500_000));
        process.nextTick(() => req.socket.destroy());
      },
    ],
    [
      '36: written and destroyed later',
      async (_req, res) => {
        res.write('half');
        await turn();
        res.destroy();
      },
    ],
  ])('%s', async (_name, listener) => {
    await expectNative(listener, async port => {
      const { head, body } = await exchangeOnWire(port, '/');
      return { head, body };
    });
  });

  it("39: 'prefinish', 'finish' and 'close' come once each", async () => {
    const seen = await expectNative(
      (_req, res) => {
        log.length = 0;
        for (const event of ['prefinish', 'finish', 'close']) res.on(event, () => log.push(event));
        res.end('x');
      },
      async port => {
        await exchangeOnWire(port, '/');
        await turn();
        return [...log];
      },
    );
    expect(seen).toEqual(['prefinish', 'finish', 'close']);
  });

  it('40: data written to the socket itself passes untouched', async () => {
    const bytes = await expectNative(
      (_req, res) => res.socket?.end('HTTP/1.1 299 Own\r\n\r\nraw'),
      async port => (await record(port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n')).bytes,
    );
    expect(bytes).toBe('HTTP/1.1 299 Own\r\n\r\nraw');
  });

  it('40: a detached socket carries another protocol, and dependencies exit when it closes', async () => {
    const events = new EventLog();
    async function* getDb() {
      yield 1;
      events.add('left');
    }
    const layer = new Layer({ middleware: [passing], dependencies: [Depends(getDb)] });
    const listener = toNode(layer, (req, res) => {
      const { socket } = req;
      res.detachSocket(socket);
      socket.end('another protocol');
    }) as http.RequestListener;
    const { bytes } = await listening(listener, async (_url, port) => {
      const recorded = await record(port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n');
      await events.until('left');
      return recorded;
    });
    expect(bytes).toBe('another protocol');
  });

  it('40: a handler switches to another protocol by itself', async () => {
    const bytes = await expectNative(
      (req, res) => {
        res.writeHead(101, { Connection: 'Upgrade', Upgrade: 'own' });
        res.flushHeaders();
        const { socket } = req;
        res.detachSocket(socket);
        socket.end('tunnel');
      },
      async port => withoutDates((await record(port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n')).bytes),
    );
    expect(bytes).toMatch(/^HTTP\/1.1 101 [\s\S]*tunnel$/);
  });

  it('40: an upgrade bypasses the layer', async () => {
    const server = http.createServer(layered(delayed, (_req, res) => res.end('no')));
    server.on('upgrade', (_req, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nupgraded'));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const { bytes } = await record(
      port,
      'GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: own\r\n\r\n',
    );
    await new Promise(resolve => server.close(resolve));
    expect(bytes).toBe('HTTP/1.1 101 Switching Protocols\r\n\r\nupgraded');
  });

  it('41: the answer of a response timeout is held and released', async () => {
    await expectNative(
      (_req, res) => res.setTimeout(10, () => res.writeHead(408).end('too slow')),
      port => exchangeOnWire(port, '/'),
    );
  });

  it('45: a server that closes during the hold delivers the held answer', async () => {
    const held = gate();
    const going = gate();
    const slow: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      held.open();
      await going.opened;
      return response;
    };
    const server = http.createServer(layered(slow, (_req, res) => res.end('held')));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const wire = exchangeOnWire(port, '/');
    await held.opened;
    const closed = new Promise(resolve => server.close(resolve));
    server.closeIdleConnections();
    going.open();
    expect((await wire).body).toBe('held');
    await closed;
  });

  it('58: a layer that is entered after the head leaves the response alone', async () => {
    const reports: string[] = [];
    const stamping = new Layer({
      middleware: [
        async (request, callNext) => {
          const response = await callNext(request);
          response.headers.set('x-late', '1');
          return response;
        },
      ],
      onError: error => reports.push((error as { code?: string }).code ?? error.message),
    });
    const inner = toNode(stamping, (_req, res) => res.end(' and the rest'));
    const { head, body } = await listening(
      (req, res) => {
        res.writeHead(200, { 'Content-Length': 18 });
        res.write('begun');
        inner(req, res);
      },
      (_url, port) => exchangeOnWire(port, '/'),
    );
    expect([/x-late/i.test(head), body]).toEqual([false, 'begun and the rest']);
    expect(reports).toEqual(['HEADERS_SENT']);
  });

  it('69: on-finished attached during the hold fires', async () => {
    await expectNative(
      (_req, res) => {
        log.length = 0;
        res.end('x');
        onFinished(res, error => log.push(`finished ${error}`));
      },
      async port => {
        await exchangeOnWire(port, '/');
        await turn();
        return [...log];
      },
    );
  });

  it('71, 73: a client that resets during a large answer makes the exits run once', async () => {
    const events = new EventLog();
    async function* getDb() {
      yield 1;
      events.add('left');
    }
    const layer = new Layer({ middleware: [delayed], dependencies: [Depends(getDb)] });
    const listener = toNode(layer, (_req, res) => res.end(Buffer.alloc(60_000_000))) as http.RequestListener;
    await listening(listener, async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n'),
      );
      socket.on('error', () => undefined);
      socket.once('data', () => socket.resetAndDestroy());
      await events.until('left');
    });
    await turn();
    expect(events.events).toEqual(['left']);
  });

  it('75: callNext reports the client of a pipelined request that left before its turn', async () => {
    const events = new EventLog();
    const watching: Middleware = async (request, callNext) => {
      try {
        return await callNext(request);
      } catch (error) {
        events.add(`${new URL(request.url).pathname} ${(error as Error).name}`);
        throw error;
      }
    };
    const listener = layered(watching, req => {
      events.add(`at ${req.url}`);
    });
    await listening(listener, async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1', () =>
        socket.write('GET /1 HTTP/1.1\r\nHost: test\r\n\r\nGET /2 HTTP/1.1\r\nHost: test\r\n\r\n'),
      );
      socket.on('error', () => undefined);
      await events.until('at /2');
      socket.destroy();
      await events.until('/1 ClientDisconnect');
      await events.until('/2 ClientDisconnect');
    });
    expect(events.events.toSorted()).toEqual([
      '/1 ClientDisconnect',
      '/2 ClientDisconnect',
      'at /1',
      'at /2',
    ]);
  });

  it('a destroyed connection does not wait for ever for a middleware that never returns', async () => {
    const never: Middleware = async (request, callNext) => {
      await callNext(request);
      return new Promise<never>(() => undefined);
    };
    const listener: Listener = (req, res) => {
      res.end('held for ever');
      req.socket.destroy();
    };
    const seen = await listening(layered(never, listener), (_url, port) =>
      record(port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n'),
    );
    expect(seen).toEqual({ bytes: '', failed: false });
  });

  it('a client that reads nothing stops the producer, as without a layer', async () => {
    const produced = async (wrap: (listener: Listener) => http.RequestListener): Promise<number> => {
      let bytes = 0;
      const source = new Readable({
        read() {
          bytes += 65_536;
          this.push(Buffer.alloc(65_536));
        },
      });
      const listener = wrap((_req, res) => pipeline(source, res, () => undefined));
      return listening(listener, async (_url, port) => {
        const socket = net.connect(port, '127.0.0.1', () => {
          socket.pause();
          socket.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
        });
        socket.on('error', () => undefined);
        // Counts as stopped after a thousand event loop turns without progress.
        for (let still = 0, before = -1; still < 1_000; still += 1) {
          if (bytes !== before || bytes === 0) still = 0;
          before = bytes;
          await turn();
        }
        socket.destroy();
        return bytes;
      });
    };
    const native = await produced(listener => listener as http.RequestListener);
    expect(native).toBeLessThan(64_000_000);
    for (const middleware of [passing, delayed])
      expect(await produced(listener => layered(middleware, listener))).toBeLessThan(
        native * 1.5 + 1_000_000,
      );
  });

  it('holds at most the high-water mark before the release', async () => {
    const held = gate<number>();
    const counting: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      for (let turns = 0; turns < 20; turns += 1) await turn();
      held.open(bytes);
      return response;
    };
    let bytes = 0;
    const listener: Listener = (_req, res) => {
      const source = new Readable({
        highWaterMark: 1_024,
        read() {
          bytes += 1_024;
          this.push(bytes <= 1_000_000 ? Buffer.alloc(1_024) : null);
        },
      });
      pipeline(source, res, () => undefined);
    };
    const { body } = await listening(layered(counting, listener), (_url, port) => exchangeOnWire(port, '/'));
    expect(await held.opened).toBeLessThanOrEqual(
      new http.ServerResponse({} as never).writableHighWaterMark + 4_096,
    );
    expect(body.length).toBeGreaterThan(999_000);
  });

  it('91: ten thousand requests on one connection leave no listener on it', async () => {
    const seen: number[] = [];
    const listener = layered(delayed, (req, res) => {
      const { socket } = req;
      const events = [...socket.eventNames()];
      seen.push(events.reduce((sum, event) => sum + socket.listenerCount(event), 0));
      res.end('x');
    });
    await listening(listener, async (_url, port) => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const get = () =>
        new Promise<void>((resolve, reject) => {
          http
            .get({ port, host: '127.0.0.1', agent }, res => res.resume().once('end', resolve))
            .once('error', reject);
        });
      for (let index = 0; index < 10_000; index += 1) await get();
      agent.destroy();
    });
    expect(seen[9_999]).toBe(seen[1]);
  }, 60_000);
});

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('on %s', (_name, express) => {
  const newApp = (): express5.Express => {
    const app = express();
    app.set('env', 'test');
    return app;
  };
  const stamping: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    response.headers.set('x-after', '1');
    return response;
  };
  const use = (app: express5.Express, middleware: Middleware | Layer) =>
    app.use(toExpress(middleware) as express5.RequestHandler);
  const answer = (app: http.RequestListener, path = '/') =>
    listening(app, async url => {
      const response = await fetch(url + path);
      return { status: response.status, after: response.headers.get('x-after'), body: await response.text() };
    });

  it('38: send, and then next: the 404 is dropped', async () => {
    const app = newApp();
    use(app, delayed);
    app.get('/', (_req, res, next) => {
      res.send('sent');
      next();
    });
    expect(await answer(app)).toMatchObject({ status: 200, body: 'sent' });
  });

  it('55: after-code that throws while the handler streams gets the page of Express alone', async () => {
    const told: string[] = [];
    const app = newApp();
    use(
      app,
      new Layer({
        middleware: [
          async (request, callNext) => {
            await callNext(request);
            throw new Error('after');
          },
        ],
        onError: error => told.push(error.message),
      }),
    );
    app.get('/', (_req, res) => {
      const timer = setInterval(() => res.write('tick'), 1);
      res.once('close', () => clearInterval(timer));
    });
    const { status, body } = await answer(app);
    expect(status).toBe(500);
    expect(body).toMatch(/^<!DOCTYPE html>[\s\S]*Error: after[\s\S]*<\/html>\n$/);
    expect(told).toEqual([]);
  });

  it('62: a sub-app without a layer is held when mounted, called, or of another copy', async () => {
    const sub = express();
    sub.get('/', (_req, res) => {
      res.send('sub');
    });
    const foreign = (express === express5 ? express4 : express5)();
    foreign.get('/', (_req, res) => {
      res.send('foreign');
    });
    const app = newApp();
    use(app, stamping);
    app.use('/mounted', sub);
    app.use('/called', (req, res, next) => sub(req, res, next));
    app.use('/foreign', foreign);
    for (const path of ['/mounted', '/called', '/foreign'])
      expect(await answer(app, path)).toMatchObject({ status: 200, after: '1' });
  });

  it('63: an app of another copy that is called as a function answers by itself', async () => {
    const told: unknown[] = [];
    const foreign = (express === express5 ? express4 : express5)();
    foreign.get('/', (_req, res) => {
      res.send('foreign');
    });
    const app = newApp();
    use(
      app,
      new Layer({ middleware: [stamping], onError: error => told.push((error as { code?: string }).code) }),
    );
    app.use((req, res, next) => foreign(req, res, next));
    expect(await answer(app)).toMatchObject({ status: 200, body: 'foreign' });
    expect([[], ['HEADERS_SENT']]).toContainEqual(told);
  });

  it('64: after-code sees the URL of the layer behind routers and mounts', async () => {
    const seen: string[] = [];
    const app = newApp();
    use(app, async (request, callNext) => {
      const response = await callNext(request);
      seen.push(new URL(request.url).pathname);
      return response;
    });
    const router = express.Router();
    router.get('/leaf', (_req, res) => {
      res.send('x');
    });
    app.use('/api/v1', router);
    await answer(app, '/api/v1/leaf');
    expect(seen).toEqual(['/api/v1/leaf']);
  });

  it.each<[string, (app: express5.Express) => unknown, (app: express5.Express) => unknown]>([
    ['outside', app => app.use(upperCase), () => undefined],
    ['between two layers', () => undefined, app => app.use(upperCase)],
  ])('a foreign method that keeps the body to change it works %s', async (_where, before, after) => {
    const app = newApp();
    before(app);
    use(app, passing);
    after(app);
    use(app, stamping);
    app.get('/whole', (_req, res) => {
      res.send('whole');
    });
    app.get('/parts', async (_req, res) => {
      res.write('in ');
      await turn();
      res.end('parts');
    });
    app.get('/pipe', (_req, res) => {
      Readable.from(['a ', 'pipe']).pipe(res);
    });
    const bodies: string[] = [];
    for (const path of ['/whole', '/parts', '/pipe']) bodies.push((await answer(app, path)).body);
    expect(bodies).toEqual(['WHOLE', 'IN PARTS', 'A PIPE']);
  });

  /** Like a minifier, a signer or a cache: it only knows the length of the complete body. */
  const upperCase: express5.RequestHandler = (_req, res, next) => {
    const { write, end } = res;
    const parts: string[] = [];
    res.write = ((part: unknown) => parts.push(String(part)) > 0) as never;
    res.end = ((part?: unknown) => {
      if (part && typeof part !== 'function') parts.push(String(part));
      Object.assign(res, { write, end });
      const body = parts.join('').toUpperCase();
      res.setHeader('content-length', body.length);
      return res.end(body);
    }) as never;
    next();
  };

  it('a handler that fails after its first write does not block a reader of its body', async () => {
    const app = newApp();
    use(
      app,
      new Layer({
        middleware: [
          async (request, callNext) => {
            const response = await callNext(request);
            await response.text();
            return response;
          },
        ],
        onError: () => undefined,
      }),
    );
    app.get('/', (_req, res, next) => {
      res.write('begun');
      setImmediate(() => next(new Error('broken')));
    });
    expect((await answer(app)).status).toBe(500);
  });

  it('routes added during a request do not make it miss one', async () => {
    const arrived = gate();
    const goOn = gate();
    const app = newApp();
    app.use('/api', toExpress(passing) as express5.RequestHandler);
    app.get('/api', (_req, res) => {
      res.send('api');
    });
    await listening(app, async url => {
      await (await fetch(`${url}/api`)).text();
      app.use(async (req, _res, next) => {
        if (req.path === '/page') {
          arrived.open();
          await goOn.opened;
        }
        next();
      });
      app.get('/page', (_req, res) => {
        res.send('page');
      });
      const page = fetch(`${url}/page`);
      await arrived.opened;
      await (await fetch(`${url}/api`)).text();
      goOn.open();
      expect(await (await page).text()).toBe('page');
    });
  });

  it('76: a response without a socket, as from express-ws, settles when the connection closes', async () => {
    const events = new EventLog();
    async function* getDb() {
      yield 1;
      events.add('left');
    }
    const app = newApp();
    use(app, new Layer({ dependencies: [Depends(getDb)] }));
    app.get('/', (req, _res) => req.socket.end('websocket frames'));
    const server = http.createServer();
    server.on('upgrade', (req, socket) => {
      const dummy = new http.ServerResponse(req);
      app(req as never, dummy as never);
      socket.once('close', () => events.add('closed'));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const asked = 'GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect((await record(port, asked)).bytes).toBe('websocket frames');
    await events.until('left');
    await new Promise(resolve => server.close(resolve));
  });

  it('92: a limited mock of a response is left to the handlers', async () => {
    const handler = toExpress(passing);
    const called: string[] = [];
    const mock = { setHeader: () => called.push('setHeader'), end: () => called.push('end') };
    await new Promise<void>(resolve => {
      handler({ method: 'GET', headers: {} } as never, mock as never, () => {
        mock.end();
        resolve();
      });
    });
    expect(called).toEqual(['end']);
  });
});

describe('on Koa', () => {
  it('13.12: a native answer that comes while the layer still waits is sent', async () => {
    const app = new Koa3();
    app.use(toKoa(delayed));
    app.use(async ctx => {
      ctx.respond = false;
      await turn();
      ctx.res.end('late');
    });
    expect((await listening(app.callback(), (_url, port) => exchangeOnWire(port, '/'))).body).toBe('late');
  });

  it('85: a direct answer is sent although the handler then throws, and the error is reported', async () => {
    const errors: string[] = [];
    const app = new Koa3();
    app.silent = true;
    app.on('error', error => errors.push(error.message));
    app.use(toKoa(delayed));
    app.use(ctx => {
      ctx.res.end('direct');
      throw new Error('then');
    });
    expect((await listening(app.callback(), (_url, port) => exchangeOnWire(port, '/'))).body).toBe('direct');
    expect(errors).toEqual(['then']);
  });

  it("86: callNext rejects with ctx.throw; its page has the middleware's headers if caught", async () => {
    const app = new Koa3();
    app.silent = true;
    const seen: string[] = [];
    app.use(
      toKoa(async (request, callNext) => {
        try {
          return await callNext(request);
        } catch (error) {
          seen.push((error as Error).message);
          if (new URL(request.url).pathname === '/caught')
            return new PlainTextResponse('caught', { status: 418 });
          throw error;
        }
      }),
    );
    app.use(ctx => ctx.throw(418, 'teapot'));
    const bodies = await listening(app.callback(), async url =>
      Promise.all(['/caught', '/thrown'].map(async path => (await fetch(url + path)).text())),
    );
    expect([bodies, seen]).toEqual([
      ['caught', 'teapot'],
      ['teapot', 'teapot'],
    ]);
  });
});

describe('what an exit sees', () => {
  it('80: a throwing exit is reported, the others run, and the response stays', async () => {
    const events = new EventLog();
    async function* outer() {
      try {
        yield 1;
      } catch (error) {
        events.add(`outer sees ${(error as Error).message}`);
        throw error;
      }
    }
    async function* inner() {
      yield 1;
      throw new HTTPException(500, 'exit failed');
    }
    const layer = new Layer({
      dependencies: [Depends(outer), Depends(inner)],
      onError: error => events.add(`reported ${error.message}`),
    });
    const { body } = await listening(
      toNode(layer, (_req, res) => res.end('sent')) as http.RequestListener,
      async (_url, port) => {
        const wire = await exchangeOnWire(port, '/');
        await events.until('reported exit failed');
        return wire;
      },
    );
    expect([body, events.events]).toEqual(['sent', ['outer sees exit failed', 'reported exit failed']]);
  });

  it('21: trailers are dropped with the body they belong to', async () => {
    const replacing: Middleware = async (request, callNext) => new Response('other', await callNext(request));
    const { head } = await listening(
      layered(replacing, (_req, res) => {
        res.writeHead(200, { Trailer: 'X-Sum' });
        res.addTrailers({ 'X-Sum': '1' });
        res.end('body');
      }),
      (_url, port) => exchangeOnWire(port, '/'),
    );
    expect(head).not.toMatch(/trailer/i);
  });
});
