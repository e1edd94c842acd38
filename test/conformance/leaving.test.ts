import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { Depends, Layer, type Middleware } from 'callnext';
import { inject as injectExpress, toExpress } from 'callnext/express';
import { inject as injectKoa, toKoa } from 'callnext/koa';
import { timeout } from 'callnext/middleware/timeout';
import express5 from 'express';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { type Answer, listening, mounts, type TestApp } from '../support/frameworks.js';
import { skippingTime } from '../support/patience.js';
import { transactionIn } from '../support/transaction.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

let log: EventLog;
beforeEach(() => {
  log = new EventLog();
});

const getTx = transactionIn(() => log);
const passing: Middleware = async (request, callNext) => {
  try {
    const response = await callNext(request);
    log.add(`after ${response.status}`);
    return response;
  } catch (error) {
    log.add(`caught ${(error as Error).name}`);
    throw error;
  }
};
const inTime = timeout({ timeoutMs: 20 });

function newLayer(options: ConstructorParameters<typeof Layer>[0]): Layer {
  return new Layer({ onError: (error, { phase }) => log.add(`${phase}: ${error.message}`), ...options });
}

/** Sends a raw request, leaves after the answer begins or while the handler runs, and waits for an event. */
async function leave(
  listener: http.RequestListener,
  when: 'answered' | 'at work',
  until = 'released',
): Promise<void> {
  await listening(listener, async (_url, port) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n'));
    socket.on('error', () => undefined);
    if (when === 'answered') await once(socket, 'data');
    else await log.until('INSERT 1');
    socket.destroy();
    await log.until(until);
  });
}

describe.each(mounts)('native code whose client leaves, on $name', ({ app }) => {
  describe('after a timeout', () => {
    /** A handler that uses its dependency after its client has left, and then calls `end`. */
    const inserting = (end: (answer: Answer) => unknown) => async (answer: Answer) => {
      const gone = once(answer.req.socket, 'close');
      const tx = await answer.inject(Depends(getTx));
      tx.query('INSERT 1');
      await gone;
      await turn();
      tx.query('INSERT 2');
      await end(answer);
    };
    const order = ['BEGIN', 'INSERT 1', 'INSERT 2', 'ROLLBACK: Gateway Timeout', 'released'];

    it.each([
      ['answers', (answer: Answer) => answer.send('late')],
      ['throws', () => Promise.reject(new Error('late failure'))],
    ])('keeps its dependency until it %s', async (_how, end) => {
      const layer = newLayer({ middleware: [inTime], onError: () => undefined });
      await leave(app().use(layer).handler('/', inserting(end)).listener(), 'answered');
      expect(log.events).toEqual(order);
    });

    it('keeps the dependency of a guard until it answers', async () => {
      const mounted = app()
        .use(newLayer({ middleware: [inTime] }))
        .at('/', Depends(getTx))
        .handler('/', async answer => {
          const gone = once(answer.req.socket, 'close');
          log.add('INSERT 1');
          await gone;
          await turn();
          log.add('INSERT 2');
          answer.send('late');
        });
      await leave(mounted.listener(), 'answered');
      expect(log.events).toEqual(order);
    });

    it('of the layer keeps it for the timeout again', async () => {
      const layer = newLayer({ timeout: 300, onError: () => undefined });
      const handler = inserting(answer => answer.send('late'));
      await leave(app().use(layer).handler('/', handler).listener(), 'answered');
      expect(log.events).toEqual(order);
    });

    it('of the layer loses it after that', async () => {
      const layer = newLayer({ timeout: 20, onError: () => undefined });
      const stuck = async (answer: Answer): Promise<void> => {
        (await answer.inject(Depends(getTx))).query('INSERT 1');
        await new Promise(() => undefined);
      };
      await leave(app().use(layer).handler('/', stuck).listener(), 'answered');
      expect(log.events).toEqual(['BEGIN', 'INSERT 1', 'ROLLBACK: Gateway Timeout', 'released']);
    });
  });

  describe('before its answer', () => {
    const guarded = (end: (answer: Answer) => unknown): TestApp =>
      app()
        .use(newLayer({ middleware: [passing] }))
        .at('/', Depends(getTx))
        .handler('/', async answer => {
          const gone = once(answer.res, 'close');
          log.add('INSERT 1');
          await gone;
          await turn();
          log.add('INSERT 2');
          await end(answer);
        });

    it('keeps the dependency of a guard until it answers, which then exits as on success', async () => {
      await leave(guarded(answer => answer.send('late')).listener(), 'at work');
      expect(log.events).toEqual(['BEGIN', 'INSERT 1', 'INSERT 2', 'after 200', 'COMMIT', 'released']);
    });

    it('throws its failure into the dependency of a guard', async () => {
      const failing = guarded(() => Promise.reject(new Error('failed')));
      await leave(failing.listener(), 'at work', 'response: failed');
      expect(log.events).toEqual([
        'BEGIN',
        'INSERT 1',
        'INSERT 2',
        'ROLLBACK: failed',
        'released',
        'caught Error',
        'response: failed',
      ]);
    });
  });
});

describe('native code that never answers the client that left', () => {
  /** Ends without an answer once its response is closed. */
  const inserting = async (res: http.ServerResponse, injecting: Promise<{ query(sql: string): void }>) => {
    const tx = await injecting;
    tx.query('INSERT 1');
    await once(res, 'close');
    await turn();
    tx.query('INSERT 2');
  };

  it('keeps its dependencies until it finishes, which exit as on success: Express 5', async () => {
    const app = express5().use(toExpress(newLayer({ middleware: [passing] })));
    app.get('/', (req, res) => inserting(res, injectExpress(req, Depends(getTx))));
    await leave(app as http.RequestListener, 'at work');
    const order = ['BEGIN', 'INSERT 1', 'INSERT 2', 'caught ClientDisconnect', 'COMMIT', 'released'];
    expect(log.events).toEqual(order);
  });

  it('keeps them until it finishes after a timeout, although the client stays: Express 5', async () => {
    const app = express5().use(toExpress(newLayer({ middleware: [inTime] })));
    app.get('/', (req, res) => inserting(res, injectExpress(req, Depends(getTx))));
    await listening(app as http.RequestListener, async url => {
      expect((await fetch(url)).status).toBe(504);
      await log.until('released');
    });
    expect(log.events).toEqual(['BEGIN', 'INSERT 1', 'INSERT 2', 'ROLLBACK: Gateway Timeout', 'released']);
  });

  it.each([
    ['Koa 3', Koa3],
    ['Koa 2', Koa2],
  ])('keeps them until it finishes when it answers on `ctx.res` itself: %s', async (_name, Koa) => {
    const app = new Koa();
    app.silent = true;
    app.use(toKoa(newLayer({ middleware: [inTime] })));
    app.use(async ctx => {
      const gone = once(ctx.req.socket, 'close');
      const tx = await injectKoa(ctx, Depends(getTx));
      tx.query('INSERT 1');
      await gone;
      ctx.respond = false;
      await turn();
      tx.query('INSERT 2');
    });
    await leave(app.callback(), 'answered');
    expect(log.events).toEqual(['BEGIN', 'INSERT 1', 'INSERT 2', 'ROLLBACK: Gateway Timeout', 'released']);
  });

  it('keeps what it injected until it answers, though its promise settled before: Express 5', async () => {
    const app = express5().use(toExpress(newLayer({ middleware: [passing] })));
    app.get('/', async (req, res) => {
      const tx = await injectExpress(req, Depends(getTx));
      res.once('close', async () => {
        await turn();
        tx.query('INSERT 2');
        res.json('late');
      });
      tx.query('INSERT 1');
    });
    await leave(app as http.RequestListener, 'at work');
    expect(log.events).toEqual(['BEGIN', 'INSERT 1', 'INSERT 2', 'after 200', 'COMMIT', 'released']);
  });

  it.each([
    ['before the answer, on Express 4', express4, [], 'COMMIT'],
    ['before the answer, on Express 5, in a callback', express5, [], 'COMMIT'],
    ['after a timeout, on Express 4', express4, [inTime], 'ROLLBACK: Gateway Timeout'],
  ])('keeps those of a guard for five seconds: %s', async (_what, express, middleware, outcome) => {
    const app = express().use(toExpress(newLayer({ middleware })));
    const left = gate();
    app.get('/', toExpress(Depends(getTx)), (_req, res) => {
      res.once('close', () => left.open());
      res.socket?.once('close', () => left.open());
      log.add('INSERT 1');
    });
    await listening(app as http.RequestListener, async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: t\r\n\r\n'));
      if (middleware.length > 0) await once(socket, 'data');
      else await log.until('INSERT 1');
      await skippingTime(async pass => {
        const closed = once(socket, 'close');
        socket.destroy();
        await Promise.all([left.opened, closed]);
        await pass(4_999);
        expect(log.events).toEqual(['BEGIN', 'INSERT 1']);
        await pass(1);
        await log.until('released');
      });
    });
    expect(log.events).toEqual(['BEGIN', 'INSERT 1', outcome, 'released']);
  });
});
