// Tests a stream on Koa's context whose client leaves: Koa destroys it with the response.
import http from 'node:http';
import { Readable } from 'node:stream';
import { type CallnextError, Depends, endpoint, Layer, StreamingResponse } from 'callnext';
import { inject, toKoa } from 'callnext/koa';
import Koa3 from 'koa';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const Koa2 = require('koa2') as typeof Koa3;
const never = new Promise<never>(() => undefined);

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('on %s, a stream whose client leaves', (_name, Koa) => {
  let log: EventLog;
  let told: unknown[];
  let layer: Layer;
  beforeEach(() => {
    log = new EventLog();
    told = [];
    layer = new Layer({
      timeout: 200,
      onError: (error, { phase }) =>
        log.add(`reported ${phase}: ${(error as CallnextError).code ?? error.message}`),
    });
  });

  async function* getDb(): AsyncGenerator<string> {
    try {
      yield 'db';
    } finally {
      log.add('exit');
    }
  }
  async function* rows(closing: () => Promise<unknown>): AsyncGenerator<string> {
    try {
      for (;;) {
        yield 'row';
        await new Promise(resolve => setImmediate(resolve));
      }
    } finally {
      await closing();
      log.add('closed');
    }
  }
  /** Takes longer than a dependency's exit. */
  const slowly = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
  };

  /** Serves one request whose client leaves after the first chunk. Resolves after its last task. */
  async function serve(
    handler: Koa3.Middleware,
    leave = (request: http.ClientRequest): unknown => request.destroy(),
  ): Promise<readonly string[]> {
    const app = new Koa();
    app.on('error', error => told.push(error.code ?? error.message));
    app.use(toKoa(layer) as never);
    app.use(handler);
    await listening(app.callback(), async (_url, port) => {
      const request = http.get({ port, host: '127.0.0.1', agent: false });
      request.on('error', () => undefined);
      const response = await new Promise<http.IncomingMessage>(resolve => request.once('response', resolve));
      response.on('error', () => undefined);
      await new Promise(resolve => response.once('data', resolve));
      leave(request);
      await log.until('exit');
      await layer.close();
    });
    return log.events;
  }

  it('is closed before the dependencies of native code exit', async () => {
    const events = await serve(async ctx => {
      await inject(ctx, Depends(getDb));
      ctx.body = Readable.from(rows(slowly));
    });
    expect(events).toEqual(['closed', 'exit']);
  });

  it('is closed before the dependencies exit after a middleware read part of it', async () => {
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      await response.clone().body?.getReader().read();
      return response;
    });
    const events = await serve(async ctx => {
      await inject(ctx, Depends(getDb));
      ctx.body = Readable.from(rows(slowly));
    });
    expect(events).toEqual(['closed', 'exit']);
  });

  it("keeps its dependencies for the layer's timeout if it never closes", async () => {
    const events = await serve(async ctx => {
      await inject(ctx, Depends(getDb));
      ctx.body = Readable.from(rows(() => never));
    });
    expect(events).toEqual(['reported response: BODY_UNCLOSED', 'exit']);
  });

  it.each([
    ['ends its connection', (request: http.ClientRequest) => request.destroy()],
    ['resets its connection', (request: http.ClientRequest) => request.socket?.resetAndDestroy()],
  ])('of an endpoint, which %s, is not reported to the app', async (_how, leave) => {
    const streaming = endpoint({ db: Depends(getDb) }, () => new StreamingResponse(rows(slowly)));
    expect([await serve(toKoa(streaming) as never, leave), told]).toEqual([['closed', 'exit'], []]);
  });
});
