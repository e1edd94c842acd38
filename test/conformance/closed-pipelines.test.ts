// Tests `await pipeline(source, res)`, which rejects if the response closes before the source has ended.
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  Depends,
  type Injected,
  Layer,
  type Middleware,
  PlainTextResponse,
  StreamingResponse,
} from 'callnext';
import { errorBoundary, inject as injectExpress, toExpress, wrap } from 'callnext/express';
import { inject as injectKoa, toKoa } from 'callnext/koa';
import { inject as injectNode, toNode } from 'callnext/node';
import express5 from 'express';
import Koa3 from 'koa';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

type Inject = (dependency: Depends<string>) => Promise<string>;
type Handle = (res: http.ServerResponse, inject: Inject) => Promise<void>;
/** Mounts a handler below a layer; `told` receives the errors of the Koa app. */
type Mount = (layer: Layer, handle: Handle, told: (error: Error) => void) => http.RequestListener;

function onExpress(express: typeof express5, how?: 'boundary' | 'wrap'): Mount {
  return (layer, handle) => {
    const app = express();
    app.set('env', 'test');
    if (how !== 'wrap') app.use(toExpress(layer) as never);
    app.get('/', (req, res, next) => {
      const handled = handle(res, dependency => injectExpress(req, dependency));
      // Express 4 does not catch the rejection of an async handler.
      return express === express4 ? void handled.catch(next) : handled;
    });
    if (how === 'boundary') app.use(errorBoundary(layer) as never);
    return (how === 'wrap' ? wrap(app as never, layer) : app) as http.RequestListener;
  };
}

function onKoa(Koa: typeof Koa3): Mount {
  return (layer, handle, told) => {
    const app = new Koa();
    app.silent = true;
    app.on('error', told);
    app.use(toKoa(layer) as never);
    app.use(ctx => {
      ctx.respond = false;
      return handle(ctx.res, dependency => injectKoa(ctx, dependency));
    });
    return app.callback();
  };
}

const hosts: readonly { readonly name: string; readonly mount: Mount }[] = [
  { name: 'Express 5', mount: onExpress(express5) },
  { name: 'Express 5 with an error boundary', mount: onExpress(express5, 'boundary') },
  { name: 'Express 5, wrapped', mount: onExpress(express5, 'wrap') },
  { name: 'Express 4', mount: onExpress(express4) },
  { name: 'Koa 3', mount: onKoa(Koa3) },
  { name: 'Koa 2', mount: onKoa(Koa2) },
  {
    name: 'toNode',
    mount: (layer, handle) =>
      toNode(layer, (req, res) => handle(res, dependency => injectNode(req, dependency))),
  },
];

const large = Buffer.alloc(1_000_000, 'x');
const endless = (): Readable =>
  new Readable({
    read() {
      setImmediate(() => this.push(large));
    },
  });

describe.each(hosts)('on $name, a handler that awaits its pipeline', ({ mount }) => {
  let log: EventLog;
  let told: string[];
  beforeEach(() => {
    log = new EventLog();
    told = [];
  });

  async function* getDb({ backgroundTasks }: Injected): AsyncGenerator<string> {
    backgroundTasks.addTask(log.add, 'task');
    try {
      yield 'db';
      log.add('COMMIT');
    } catch (error) {
      log.add('ROLLBACK');
      throw error;
    }
  }

  /** Serves one request. Resolves after its last task. */
  async function serve(
    middleware: Middleware,
    source: () => Readable,
    client: (request: http.ClientRequest) => Promise<void>,
  ): Promise<readonly string[]> {
    const layer = new Layer({
      middleware: [middleware],
      onError: (_error, { phase }) => log.add(`reported ${phase}`),
    });
    const handle: Handle = async (res, inject) => {
      await inject(Depends(getDb));
      res.statusCode = 201;
      try {
        await pipeline(source(), res);
      } finally {
        log.add('handled');
      }
    };
    const listener = mount(layer, handle, error =>
      told.push((error as NodeJS.ErrnoException).code ?? error.message),
    );
    await listening(listener, async (_url, port) => {
      const request = http.get({ port, host: '127.0.0.1', agent: false });
      request.on('error', () => undefined);
      await client(request);
      await log.until('handled');
      await layer.close();
    });
    return log.events;
  }

  const responseTo = (request: http.ClientRequest): Promise<http.IncomingMessage> =>
    new Promise(resolve =>
      request.once('response', response => resolve(response.on('error', () => undefined))),
    );
  const passing: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    log.add(`after ${response.status}`);
    return response;
  };

  it('commits when the client leaves while it streams', async () => {
    const events = await serve(passing, endless, async request => {
      const response = await responseTo(request);
      await new Promise(resolve => response.once('data', resolve));
      request.destroy();
    });
    expect(events).toEqual(['after 201', 'handled', 'COMMIT', 'task']);
  });

  it('commits when the client leaves while it is held', async () => {
    const holding: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      log.add('held');
      await new Promise(resolve => request.signal.addEventListener('abort', resolve));
      await log.until('handled');
      log.add(`after ${response.status}`);
      return response;
    };
    const events = await serve(holding, endless, async request => {
      await log.until('held');
      // If the client only ends its side, a held answer keeps the connection open for a while.
      request.socket?.resetAndDestroy();
    });
    expect(events).toEqual(['held', 'handled', 'after 201', 'COMMIT', 'task']);
  });

  it('commits without a report when a middleware replaces the response', async () => {
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      return new PlainTextResponse('replaced');
    };
    const events = await serve(replacing, endless, async request => {
      expect(await text(await responseTo(request))).toBe('replaced');
    });
    expect([events, told]).toEqual([['handled', 'COMMIT', 'task'], []]);
  });

  it('commits without a report when a streamed response replaces it', async () => {
    async function* body(): AsyncGenerator<string> {
      yield 'begun, ';
      await new Promise(resolve => setImmediate(resolve));
      yield 'ended';
    }
    const replacing: Middleware = async (request, callNext) => {
      await callNext(request);
      return new StreamingResponse(body());
    };
    const events = await serve(replacing, endless, async request => {
      expect(await text(await responseTo(request))).toBe('begun, ended');
    });
    expect([events, told]).toEqual([['handled', 'COMMIT', 'task'], []]);
  });

  it.each([
    ['fails', new Error('failed')],
    ['closes too early', undefined],
  ])('rolls back when its own source %s', async (_how, error) => {
    let source: Readable | undefined;
    const begin = (): Readable => {
      source = endless();
      return source;
    };
    const events = await serve(passing, begin, async request => {
      const response = await responseTo(request);
      await new Promise(resolve => response.once('data', resolve));
      source?.destroy(error);
    });
    expect(events.filter(event => !event.startsWith('reported'))).toEqual([
      'after 201',
      'handled',
      'ROLLBACK',
    ]);
  });
});

async function text(response: http.IncomingMessage): Promise<string> {
  let whole = '';
  for await (const part of response) whole += part;
  return whole;
}
