import { once } from 'node:events';
import type http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Depends, Layer, type Middleware, PlainTextResponse, type RequestScope } from 'callnext';
import compression from 'compression';
import express5 from 'express';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { type Handler, onExpress, seeing } from '../support/hosts.js';
import { transactionIn } from '../support/transaction.js';

let log: EventLog;
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const getTx = transactionIn(() => log);

beforeEach(() => {
  log = new EventLog();
});

/** A layer with a transaction per request. */
function transactional(scope: RequestScope, ...middleware: Middleware[]): Layer {
  return new Layer({ middleware, dependencies: [Depends(getTx, { scope })], onError: () => undefined });
}

const failing: Middleware = async (request, callNext) => {
  await callNext(request);
  throw new Error('middleware');
};
const replacing: Middleware = async (request, callNext) => {
  await callNext(request);
  return new PlainTextResponse('another');
};

/** Sends one request. Resolves with status and body once the transaction was released. */
async function send(listener: http.RequestListener): Promise<[number, string]> {
  return listening(listener, async url => {
    const response = await fetch(url);
    const body = await response.text().catch(() => 'cut');
    await log.until('released');
    return [response.status, body];
  });
}

/** Answers, and uses the transaction in later turns. */
const worksOn: Handler = async res => {
  res.end('answer');
  for (const step of ['first', 'second', 'third']) {
    await turn();
    log.add(step);
  }
};
const rows = ['a', 'b', 'c'];
async function* read(fails: boolean) {
  for (const row of rows) {
    await turn();
    log.add(row);
    yield row.repeat(30_000);
  }
  if (fails) throw new Error('cursor');
}

describe.each(seeing)('a handler at work on %s', (_name, host) => {
  it('keeps its dependencies open until it ends, even after its answer', async () => {
    expect(await send(host(transactional('request'), worksOn))).toEqual([200, 'answer']);
    expect(log.events).toEqual(['BEGIN', 'first', 'second', 'third', 'COMMIT', 'released']);
  });

  it('rolls its dependencies back when it fails after its answer', async () => {
    const handler: Handler = async res => {
      res.end('answer');
      await once(res, 'close');
      await turn();
      throw new Error('late');
    };
    expect(await send(host(transactional('request'), handler))).toEqual([200, 'answer']);
    expect(log.events).toEqual(['BEGIN', 'ROLLBACK: late', 'released']);
  });

  it('keeps injected dependencies of scope "request" open too', async () => {
    const layer = new Layer({ onError: () => undefined });
    const handler: Handler = async (res, inject) => {
      await inject(Depends(getTx));
      await worksOn(res, inject, undefined as never);
    };
    expect(await send(host(layer, handler))).toEqual([200, 'answer']);
    expect(log.events).toEqual(['BEGIN', 'first', 'second', 'third', 'COMMIT', 'released']);
  });

  it('keeps its dependencies open when a middleware fails after its answer', async () => {
    const [status] = await send(host(transactional('request', failing), worksOn));
    expect(status).toBe(500);
    expect(log.events).toEqual(['BEGIN', 'first', 'second', 'third', 'ROLLBACK: middleware', 'released']);
  });

  it('keeps its dependencies open when a middleware replaces its answer', async () => {
    expect(await send(host(transactional('request', replacing), worksOn))).toEqual([200, 'another']);
    expect(log.events).toEqual(['BEGIN', 'first', 'second', 'third', 'COMMIT', 'released']);
  });

  it('keeps layer dependencies of scope "function" open while it streams', async () => {
    const handler: Handler = (res): Promise<void> => pipeline(Readable.from(read(false)), res);
    const [, body] = await send(host(transactional('function'), handler));
    expect(body.length).toBe(90_000);
    expect(log.events).toEqual(['BEGIN', ...rows, 'COMMIT', 'released']);
  });

  it('rolls back layer dependencies of scope "function" when its stream fails', async () => {
    const handler: Handler = (res): Promise<void> => pipeline(Readable.from(read(true)), res);
    expect(await send(host(transactional('function'), handler))).toEqual([200, 'cut']);
    expect(log.events).toEqual(['BEGIN', ...rows, 'ROLLBACK: cursor', 'released']);
  });

  it.each([
    ['fails', failing, 500],
    ['replaces the answer', replacing, 200],
  ])('does not wait for room for ever when a middleware %s', async (_what, middleware, status) => {
    const handler: Handler = async res => {
      for (const row of rows) {
        log.add(row);
        if (!res.write(row.repeat(60_000))) await once(res, 'drain');
      }
      res.end();
    };
    const [answered] = await send(host(transactional('request', middleware), handler));
    expect(answered).toBe(status);
    expect(log.events.slice(0, 4)).toEqual(['BEGIN', ...rows]);
  });
});

describe('a handler below compression', () => {
  it('is abandoned after 5 s when it waits for room in a closed stream', async () => {
    const handler: Handler = async res => {
      res.setHeader('content-type', 'text/plain');
      for (let part = 0; part < 40; part += 1) if (!res.write(randomText(60_000))) await once(res, 'drain');
      res.end();
    };
    const layer = transactional('request', replacing);
    const listener = onExpress(express5)(layer, handler, compression() as express5.RequestHandler);
    expect(await send(listener)).toEqual([200, 'another']);
    expect(log.events).toEqual(['BEGIN', expect.stringMatching(/^ROLLBACK/), 'released']);
  });
});

/** Text that gzip can hardly compress. */
function randomText(length: number): string {
  let text = '';
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text;
}
