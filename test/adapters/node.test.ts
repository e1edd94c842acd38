import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Depends, endpoint, HTTPException, Layer, type Middleware, PlainTextResponse } from 'callnext';
import { inject, toNode } from 'callnext/node';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const timing: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('x-timing', '1');
  return response;
};

describe('toNode', () => {
  it('wraps a listener', async () => {
    await listening(
      toNode(timing, (_req, res) => res.writeHead(201, { 'X-A': '1' }).end('native')),
      async url => {
        const response = await fetch(`${url}/path?x=1`);
        expect([response.status, await response.text()]).toEqual([201, 'native']);
        expect([response.headers.get('x-a'), response.headers.get('x-timing')]).toEqual(['1', '1']);
      },
    );
  });

  it('calls the listener with the server as `this`, as Node does', async () => {
    const servers: unknown[] = [];
    const listener = toNode(
      timing,
      toNode(timing, function (this: unknown, _req, res) {
        servers.push(this);
        res.end();
      }),
    );
    const server = http.createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).text();
    server.close();
    server.closeAllConnections();
    expect(servers.map(each => each === server)).toEqual([true]);
  });

  it('serves an endpoint', async () => {
    const log = new EventLog();
    async function* getDb() {
      yield 'db';
      log.add('exit');
    }
    const read = endpoint({ db: Depends(getDb) }, ({ db, request }) => ({
      db,
      x: request.queryParams.get('x'),
      host: request.client?.host,
    }));
    await listening(toNode(read), async url => {
      expect(await (await fetch(`${url}/?x=1`)).json()).toEqual({ db: 'db', x: '1', host: '127.0.0.1' });
      await log.until('exit');
    });
  });

  it('answers a listener that throws with a 500, reports it and stays up', async () => {
    const errors: string[] = [];
    const layer = new Layer({ middleware: [timing], onError: error => errors.push(error.message) });
    const listener = toNode(layer, () => {
      throw new Error('listener failed');
    });
    await listening(listener, async url => {
      for (let turn = 0; turn < 2; turn += 1) {
        const response = await fetch(url);
        expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error']);
      }
    });
    expect(errors).toEqual(['listener failed', 'listener failed']);
  });

  it.each([
    ['holds nothing', false, 200, 'first', ['reported late']],
    ['has injected', true, 500, 'Internal Server Error', ['rollback late', 'reported late']],
  ])(
    'answers a listener that fails after its answer and %s',
    async (_what, injects, status, body, events) => {
      const log = new EventLog();
      async function* transaction() {
        try {
          yield;
        } catch (error) {
          log.add(`rollback ${(error as Error).message}`);
          throw error;
        }
      }
      const layer = new Layer({
        middleware: [timing],
        onError: error => log.add(`reported ${error.message}`),
      });
      const listener = toNode(layer, async (req, res) => {
        if (injects) await inject(req, Depends(transaction));
        res.end('first');
        throw new Error('late');
      });
      await listening(listener, async url => {
        const response = await fetch(url);
        expect([response.status, await response.text()]).toEqual([status, body]);
        await layer.close();
      });
      expect(log.events).toEqual(events);
    },
  );

  it.each<[string, object, number, string, string[]]>([
    ['hides the message of a client error', { status: 404 }, 404, '{"detail":"Not Found"}', []],
    ['hides that of a server error', { status: 503 }, 503, '{"detail":"Service Unavailable"}', ['secret']],
    ['shows it where the error says so', { statusCode: 409, expose: true }, 409, '{"detail":"secret"}', []],
    [
      'leaves out headers of another body',
      { status: 400, headers: { 'content-encoding': 'gzip', 'x-a': '1' } },
      400,
      '{"detail":"Bad Request"}',
      [],
    ],
    ['ignores invalid headers', { status: 400, headers: { 'x y': '\n' } }, 400, 'Bad Request', []],
    ['knows no other status', { status: 200 }, 500, 'Internal Server Error', ['secret']],
  ])(
    'answers an error with a status where no framework does: %s',
    async (_what, fields, status, body, told) => {
      const fail = (): never => {
        throw Object.assign(new Error('secret'), fields);
      };
      const errors: string[] = [];
      const onError = (error: Error): void => void errors.push(error.message);
      const layer = (middleware: Middleware[] = []): Layer => new Layer({ middleware, onError });
      const listeners = [
        toNode(layer([timing]), fail),
        toNode(layer([fail]), () => undefined),
        toNode(layer([timing]), toNode(endpoint({}, fail))),
      ];
      for (const listener of listeners) {
        await listening(listener, async url => {
          const response = await fetch(url);
          expect([response.status, await response.text()]).toEqual([status, body]);
        });
      }
      expect(errors).toEqual(listeners.flatMap(() => told));
    },
  );

  it('answers an HTTPException that its handler rethrows', async () => {
    const layer = new Layer().addExceptionHandler(HTTPException, (_request, thrown) => {
      throw thrown;
    });
    const exception = new HTTPException(401, 'who?', { headers: { 'www-authenticate': 'Basic' } });
    const refuses: Middleware = () => {
      throw exception;
    };
    await listening(
      toNode(new Layer({ middleware: [refuses] }), () => undefined),
      async url => {
        expect((await fetch(url)).status).toBe(401);
      },
    );
    const fail = (): never => {
      throw exception;
    };
    await listening(toNode(layer, toNode(endpoint({}, fail))), async url => {
      const response = await fetch(url);
      expect([response.status, response.headers.get('www-authenticate'), await response.text()]).toEqual([
        401,
        'Basic',
        '{"detail":"who?"}',
      ]);
    });
  });

  it('keeps pipelined answers in order', async () => {
    const layer = new Layer({
      middleware: [
        async (request, callNext) => {
          if (request.url.endsWith('/slow')) await new Promise(resolve => setImmediate(resolve));
          return callNext(request);
        },
      ],
    });
    const listener = toNode(layer, (req, res) => res.end(req.url));
    await listening(listener, async (_url, port) => {
      const { record } = await import('../support/wire.js');
      const request = (path: string, more = ''): string =>
        `GET ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`;
      const { bytes } = await record(
        port,
        request('/slow') + request('/two') + request('/three', 'Connection: close\r\n'),
      );
      expect(bytes.match(/\/(slow|two|three)/g)).toEqual(['/slow', '/two', '/three']);
    });
  });

  it('answers by itself when a middleware does', async () => {
    await listening(
      toNode(
        () => new PlainTextResponse('short'),
        () => undefined,
      ),
      async url => {
        expect(await (await fetch(url)).text()).toBe('short');
      },
    );
  });
});
