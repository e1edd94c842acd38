import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { Depends, dependency, HTTPException, Layer, type Middleware } from 'callnext';
import { errorBoundary, inject as injectExpress, toExpress } from 'callnext/express';
import compression from 'compression';
import express5 from 'express';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { type Handler, type Host, onExpress, onKoa, onNode, seeing } from '../support/hosts.js';
import { transactionIn } from '../support/transaction.js';

const express4 = require('express4') as typeof express5;

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

let log: EventLog;
let layer: Layer;
const passing: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  log.add(`after ${response.status}`);
  return response;
};
const getTx = transactionIn(() => log);
const tx = Depends(getTx, { scope: 'function' });

beforeEach(() => {
  log = new EventLog();
  layer = new Layer({
    middleware: [passing],
    onError: error => log.add((error as { code?: string }).code ?? error.message),
  });
});

/** Sends one request. Resolves with the body once the dependency was released. */
async function send(listener: http.RequestListener, headers = {}): Promise<string> {
  return listening(listener, async url => {
    const body = await (await fetch(url, { headers })).text();
    await log.until('released');
    return body;
  });
}

describe.each(seeing)('a dependency of scope "function" in a handler of %s', (_name, host) => {
  it('exits when the handler finishes, and the answer continues after that', async () => {
    const handler: Handler = async (res, inject) => {
      const { query } = await inject(tx);
      res.end('answer');
      log.add('answered');
      await turn();
      query('UPDATE');
    };
    expect(await send(host(layer, handler))).toBe('answer');
    expect(log.events).toEqual(['BEGIN', 'answered', 'UPDATE', 'COMMIT', 'released', 'after 200']);
  });

  it('stays open for the whole of an export', async () => {
    const handler: Handler = async (res, inject) => {
      const { query } = await inject(tx);
      for (const row of ['a', 'b', 'c']) {
        query(`SELECT ${row}`);
        res.write(row);
        await turn();
      }
      res.end();
    };
    expect(await send(host(layer, handler))).toBe('abc');
    expect(log.events).toEqual([
      'BEGIN',
      'SELECT a',
      'SELECT b',
      'SELECT c',
      'COMMIT',
      'released',
      'after 200',
    ]);
  });

  it('gets the failure of the handler after its answer', async () => {
    const handler: Handler = async (res, inject) => {
      await inject(tx);
      res.end('answer');
      await turn();
      throw new Error('late');
    };
    const status = await listening(host(layer, handler), async url => (await fetch(url)).status);
    expect(status).toBe(500);
    // The middleware has not seen the answer, which the failure replaces.
    expect(log.events.slice(0, 3)).toEqual(['BEGIN', 'ROLLBACK: late', 'released']);
    expect(log.events).not.toContain('after 200');
  });

  it('replaces the answer with the failure of its exit', async () => {
    async function* failing() {
      yield;
      log.add('released');
      throw new HTTPException(409, 'conflict');
    }
    const handler: Handler = async (res, inject) => {
      await inject(Depends(failing, { scope: 'function' }));
      res.end('answer');
      await turn();
    };
    expect(await send(host(layer, handler))).toBe('{"detail":"conflict"}');
    expect(log.events).toEqual(['released', 'after 409']);
  });

  it('exits before an answer whose handler only waits for a client to leave', async () => {
    const handler: Handler = async (res, inject) => {
      const aborter = new AbortController();
      res.once('close', () => aborter.abort());
      await inject(tx);
      res.end('answer');
      await turn();
      log.add('through');
    };
    await send(host(layer, handler));
    expect(log.events).toEqual(['BEGIN', 'through', 'COMMIT', 'released', 'after 200']);
  });

  describe('delays no answer that its handler waits for', () => {
    const large = 'x'.repeat(300_000);
    const waiting: readonly [string, string, (res: http.ServerResponse) => Promise<unknown>][] = [
      ['pipeline', 'piped', res => pipeline(Readable.from(['pip', 'ed']), res)],
      ['a large pipeline', large, res => pipeline(Readable.from(large.match(/.{10000}/g) ?? []), res)],
      [
        'finish, after the end',
        'answer',
        res => {
          res.end('answer');
          return once(res, 'finish');
        },
      ],
      [
        'finish, from before the end on',
        'answer',
        res => {
          const done = finished(res);
          res.end('answer');
          return done;
        },
      ],
      ['the callback of end', 'answer', res => new Promise<void>(resolve => res.end('answer', resolve))],
      [
        'the callback of write',
        'answer',
        async res => {
          await new Promise(resolve => res.write('ans', resolve));
          res.end('wer');
        },
      ],
      [
        'drain',
        `${large}end`,
        async res => {
          if (!res.write(large)) await once(res, 'drain');
          res.end('end');
        },
      ],
      [
        'close',
        'answer',
        res => {
          res.end('answer');
          return once(res, 'close');
        },
      ],
    ];

    it.each(waiting)('%s', async (_what, body, wait) => {
      const handler: Handler = async (res, inject) => {
        const { query } = await inject(tx);
        await wait(res);
        query('through');
      };
      expect(await send(host(layer, handler))).toBe(body);
      expect(log.events).toEqual(['BEGIN', 'after 200', 'through', 'COMMIT', 'released']);
    });

    it('an event stream until the client leaves', async () => {
      const handler: Handler = async (res, inject) => {
        const { query } = await inject(tx);
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write('data: 1\n\n');
        while (!res.destroyed) await turn();
        query('through');
      };
      await listening(host(layer, handler), async (_url, port) => {
        const socket = net.connect(port, '127.0.0.1', () =>
          socket.write('GET / HTTP/1.1\r\nHost: t\r\n\r\n'),
        );
        await once(socket, 'data');
        socket.destroy();
        await log.until('released');
      });
      expect(log.events).toEqual(['BEGIN', 'after 200', 'through', 'COMMIT', 'released']);
    });
  });

  describe('with a fake clock', () => {
    beforeEach(() => {
      const others = ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask'] as const;
      jest.useFakeTimers({
        doNotFake: [...others, 'setInterval', 'clearInterval', 'Date', 'hrtime', 'performance'],
      });
    });
    afterEach(() => jest.useRealTimers());

    /** Advances the clock until an event occurs. */
    const untilWith = async (event: string): Promise<void> => {
      let isThere = false;
      void log.until(event).then(() => {
        isThere = true;
      });
      while (!isThere) {
        jest.advanceTimersByTime(1000);
        await turn();
      }
    };

    it('releases an answer after a while if its handler never ends', async () => {
      const ending = gate();
      const handler: Handler = async (res, inject) => {
        await inject(tx);
        res.end('answer');
        await ending.opened;
        log.add('through');
      };
      await listening(host(layer, handler), async url => {
        const answering = fetch(url);
        await untilWith('after 200');
        expect(await (await answering).text()).toBe('answer');
        ending.open();
        await log.until('released');
      });
      expect(log.events).toEqual(['BEGIN', 'after 200', 'through', 'COMMIT', 'released']);
    });

    it('is taken back if the handler waits for room on the connection of a client that left', async () => {
      const handler: Handler = async (res, inject) => {
        await inject(tx);
        for (;;) if (!res.write('x'.repeat(100_000))) await once(res, 'drain');
      };
      await listening(host(layer, handler), async (_url, port) => {
        const socket = net.connect(port, '127.0.0.1', () =>
          socket.write('GET / HTTP/1.1\r\nHost: t\r\n\r\n'),
        );
        await once(socket, 'data');
        socket.destroy();
        await untilWith('released');
      });
      expect(log.events).toEqual([
        'BEGIN',
        'after 200',
        'ROLLBACK: The client closed the connection before the response was complete.',
        'released',
      ]);
    });
  });
});

describe('a dependency of scope "function" on Express 5', () => {
  const host = onExpress(express5);

  it('of a guard exits when the handler finishes', async () => {
    const app = express5().set('env', 'test').use(toExpress(layer));
    app.get('/', toExpress(tx), async (_req, res) => {
      res.json('answer');
      await turn();
      log.add('through');
    });
    await send(app as http.RequestListener);
    expect(log.events).toEqual(['BEGIN', 'through', 'COMMIT', 'released', 'after 200']);
  });

  it('does not wait for outer middleware that itself waits for the response', async () => {
    const logging: express5.RequestHandler = async (_req, res, next) => {
      next();
      await finished(res);
      log.add('logged');
    };
    const handler: Handler = async (res, inject) => {
      await inject(tx);
      await turn();
      res.end('answer');
    };
    await send(host(layer, handler, logging));
    await log.until('logged');
    expect(log.events).toEqual(['BEGIN', 'COMMIT', 'released', 'after 200', 'logged']);
  });

  it('waits below compression too, in the first request as in later ones', async () => {
    const handler: Handler = async (res, inject) => {
      const { query } = await inject(Depends(getTx, { scope: 'function' }));
      res.setHeader('content-type', 'text/plain');
      res.end('x'.repeat(2000));
      await turn();
      query('UPDATE');
    };
    const listener = host(layer, handler, compression() as express5.RequestHandler);
    const order = ['BEGIN', 'UPDATE', 'COMMIT', 'released', 'after 200'];
    for (let requests = 1; requests <= 2; requests += 1) {
      log = new EventLog();
      await send(listener, { 'accept-encoding': 'gzip' });
      expect(log.events).toEqual(order);
    }
  });

  it('exits at the answer if the app has no tap, as on Express 4', async () => {
    const app = express5()
      .set('env', 'test')
      .use(toExpress(layer, { errorTap: false }));
    app.get('/', async (req, res) => {
      await injectExpress(req, tx);
      res.json('answer');
      await log.until('after 200');
      log.add('through');
    });
    await send(app as http.RequestListener);
    await log.until('through');
    expect(log.events).toEqual(['BEGIN', 'COMMIT', 'released', 'after 200', 'through']);
  });

  it('begins anew when an error handler goes on without the error', async () => {
    const app = express5().set('env', 'test').use(toExpress(layer));
    app.get('/', async req => {
      await injectExpress(req, tx);
      throw new Error('first');
    });
    app.use(((_error, _req, _res, next) => next()) as express5.ErrorRequestHandler);
    app.get('/', async (req, res) => {
      await injectExpress(req, tx);
      res.json('second');
      await turn();
      log.add('through');
    });
    expect(await send(app as http.RequestListener)).toBe('"second"');
    await log.until('after 200');
    const events = [
      'BEGIN',
      'ROLLBACK: first',
      'released',
      'BEGIN',
      'through',
      'COMMIT',
      'released',
      'after 200',
    ];
    expect(log.events).toEqual(events);
  });

  it('leaves rejections and router signals of a handler to Express', async () => {
    const app = express5().set('env', 'test').use(toExpress(layer));
    app.get('/', async (req, _res) => {
      await injectExpress(req, tx);
      throw 'route';
    });
    app.get('/', (_req, res) => {
      res.json('next route');
    });
    app.use(errorBoundary(layer));
    expect(await send(app as http.RequestListener)).toBe('"next route"');
    expect(log.events).toEqual(['BEGIN', 'COMMIT', 'released', 'after 200']);
  });
});

describe('a handler that writes after its dependencies of scope "function" exited', () => {
  const late: Handler = async (res, inject) => {
    await inject(tx);
    res.write('1');
    await log.until('after 200');
    res.write('2');
    res.write('3');
    res.end();
  };
  /** Endings that are not observed: a handler of Express 4, and one that continues in a callback. */
  const unseeing: readonly [string, Host, Handler][] = [
    ['Express 4', onExpress(express4), late],
    ['Express 5, in a callback', onExpress(express5), (...given) => void late(...given)],
    ['node:http, in a callback', onNode, (...given) => void late(...given)],
    ['Koa, in a callback', onKoa(Koa3), (...given) => void late(...given)],
  ];

  it('is reported with the exited dependency, not with a plain function around it', async () => {
    const reports: Error[] = [];
    layer = new Layer({ middleware: [passing], onError: error => reports.push(error) });
    const getName = dependency({ tx }, function getName() {
      return 'name';
    });
    const handler: Handler = (res, inject, req) => {
      const around = <T>(): Promise<T> => inject(Depends(getName, { scope: 'function' })) as Promise<T>;
      return late(res, around, req);
    };
    const inCallback: Handler = (...given) => void handler(...given);
    expect(await send(onExpress(express5)(layer, inCallback))).toBe('123');
    expect(reports[0]?.message).toMatch(/`GET \/` wrote .* `getTx`/);
  });

  it.each(unseeing)('is reported once per request: %s', async (_name, host, handler) => {
    const reports: Error[] = [];
    layer = new Layer({ middleware: [passing], onError: error => reports.push(error) });
    expect(await send(host(layer, handler))).toBe('123');
    expect(log.events).toEqual(['BEGIN', 'COMMIT', 'released', 'after 200']);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({ code: 'INJECT_USED_LATE' });
    expect(reports[0]?.message).toMatch(/`GET \/` wrote .* `getTx`/);
  });

  it('is not reported when others write for it: compression', async () => {
    const handler: Handler = async (res, inject) => {
      await inject(tx);
      res.setHeader('content-type', 'text/plain');
      res.end('x'.repeat(2000));
    };
    await send(onExpress(express4)(layer, handler, compression() as express5.RequestHandler));
    await log.until('after 200');
    expect(log.events).toEqual(['BEGIN', 'COMMIT', 'released', 'after 200']);
  });

  it('is not reported if it injected nothing of that scope', async () => {
    const handler: Handler = async (res, inject) => {
      await inject(Depends(getTx));
      res.write('1');
      await log.until('after 200');
      res.end('2');
    };
    await send(onExpress(express4)(layer, handler));
    expect(log.events).toEqual(['BEGIN', 'after 200', 'COMMIT', 'released']);
  });
});
