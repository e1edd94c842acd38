import { AsyncLocalStorage } from 'node:async_hooks';
import { on } from 'node:events';
import http from 'node:http';
import { createGunzip } from 'node:zlib';
import { transformSync } from '@swc/core';
import {
  Depends,
  type Endpoint,
  EventSourceResponse,
  endpoint,
  HTTPException,
  Layer,
  type LayerOptions,
  type Middleware,
  Response,
  ServerSentEvent,
} from 'callnext';
import { gzip } from 'callnext/middleware/gzip';
import { timeout } from 'callnext/middleware/timeout';
import { TestClient } from 'callnext/testing';
import { ask } from '../support/ask.js';
import { EventLog, gate } from '../support/events.js';
import { type Framework, listening, mounts } from '../support/frameworks.js';

describe.each(mounts)('what an endpoint yields, on $name,', ({ app }: Framework) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  async function* getDb() {
    try {
      yield 'db';
      log.add('exit');
    } catch (error) {
      log.add(`exit with ${(error as Error).message}`);
      throw error;
    }
  }
  const db = { db: Depends(getDb) };
  const layerWith = (options: LayerOptions = {}): Layer =>
    new Layer({ onError: (error, { phase }) => log.add(`reported ${phase}: ${error.message}`), ...options });
  const served = (target: Endpoint, options?: LayerOptions): http.RequestListener =>
    app().use(layerWith(options)).at('/', target).listener();
  /** Sends a request whose response is read by hand. */
  const open = (port: number, agent: http.Agent | false = false): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const request = http.get({ port, host: '127.0.0.1', agent }, response => {
        response.on('error', () => undefined);
        resolve(response);
      });
      request.on('error', reject);
    });

  it('closes before the dependencies exit when the client leaves', async () => {
    const target = endpoint(db, async function* ({ request, backgroundTasks }) {
      backgroundTasks.addTask(log.add, 'task');
      const market = new EventTarget();
      const source = on(market, 'price', { signal: request.signal });
      try {
        yield { price: 1 };
        for await (const [price] of source) yield price;
      } finally {
        await new Promise(resolve => setImmediate(resolve));
        log.add('closed');
      }
    });
    await listening(served(target), async (_url, port) => {
      const response = await open(port);
      response.once('data', () => response.destroy());
      await log.until('task');
    });
    expect(log.events).toEqual(['closed', 'exit', 'task']);
  });

  it('ends without a failure when the client leaves before the first value', async () => {
    const target = endpoint(db, async function* ({ request, backgroundTasks }) {
      backgroundTasks.addTask(log.add, 'task');
      log.add('waiting');
      try {
        for await (const [price] of on(new EventTarget(), 'price', { signal: request.signal })) yield price;
      } finally {
        log.add('closed');
      }
    });
    await listening(served(target), async (_url, port) => {
      const request = http.get({ port, host: '127.0.0.1', agent: false });
      request.on('error', () => undefined);
      await log.until('waiting');
      request.destroy();
      await log.until('task');
    });
    expect(log.events).toEqual(['waiting', 'closed', 'exit', 'task']);
  });

  it('is pulled as the client reads', async () => {
    let yielded = 0;
    const line = 'x'.repeat(64 * 1024);
    const target = endpoint({}, function* () {
      try {
        for (; yielded < 2_000; yielded += 1) yield line;
      } finally {
        log.add('closed');
      }
    });
    await listening(served(target), async (_url, port) => {
      const response = await open(port);
      let before = -1;
      // When the count stops rising, the kernel's buffers are full.
      while (yielded !== before) {
        before = yielded;
        for (let turn = 0; turn < 50; turn += 1) await new Promise(resolve => setImmediate(resolve));
      }
      expect(yielded).toBeLessThan(1_000);
      response.destroy();
      await log.until('closed');
    });
  });

  it('arrives complete when large streams share a connection', async () => {
    // Many non-ASCII writes in one tick, whose 'drain' Node 24 loses.
    const text = 'é'.repeat(500);
    const target = endpoint(db, async function* () {
      for (let index = 0; index < 4_000; index += 1) yield { index, text };
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    await listening(served(target), async (_url, port) => {
      const sockets = new Set<unknown>();
      for (let round = 0; round < 2; round += 1) {
        const response = await open(port, agent);
        sockets.add(response.socket);
        let received = '';
        for await (const part of response.setEncoding('utf8')) received += part;
        const lines = received.split('\n');
        expect(lines.length).toBe(4_001);
        expect(JSON.parse(lines[3_999] as string)).toEqual({ index: 3_999, text });
      }
      expect(sockets.size).toBe(1);
    });
    agent.destroy();
  });

  it('arrives value by value, through gzip() too', async () => {
    for (const middleware of [[], [gzip({ minimumSize: 1 })]]) {
      const next = gate();
      const target = endpoint({}, async function* () {
        yield { first: true };
        await next.opened;
        yield { second: true };
      });
      await listening(served(target, { middleware }), async (_url, port) => {
        const response = await new Promise<http.IncomingMessage>(resolve =>
          http.get({ port, agent: false, headers: { 'accept-encoding': 'gzip' } }, resolve),
        );
        const isCoded = middleware.length > 0;
        expect(response.headers['content-encoding']).toBe(isCoded ? 'gzip' : undefined);
        const body = isCoded ? response.pipe(createGunzip()) : response;
        let text = '';
        for await (const part of body) {
          text += part;
          if (text === '{"first":true}\n') next.open();
        }
        expect(text).toBe('{"first":true}\n{"second":true}\n');
      });
    }
  });

  it('is a 504 when timeout() expires, and closes before the dependencies exit', async () => {
    const next = gate();
    const target = endpoint(db, async function* () {
      try {
        await next.opened;
        yield 1;
      } finally {
        await new Promise(resolve => setImmediate(resolve));
        log.add('closed');
      }
    });
    await listening(served(target, { middleware: [timeout({ timeoutMs: 50 })] }), async (_url, port) => {
      expect((await ask(port)).status).toBe(504);
      next.open();
      await log.until('exit with Gateway Timeout');
    });
    expect(log.events).toEqual(['closed', 'exit with Gateway Timeout']);
  });

  it('is read and replaced by middleware', async () => {
    const reading: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      log.add(await response.text());
      return response;
    };
    const replacing: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      const body = response.body as ReadableStream<Uint8Array>;
      async function* twice() {
        for await (const part of body as unknown as AsyncIterable<Uint8Array>) yield* [part, part];
      }
      return new Response(twice(), response);
    };
    const target = endpoint(db, async function* () {
      yield { a: 1 };
      yield { a: 2 };
    });
    await listening(served(target, { middleware: [replacing, reading] }), async (_url, port) => {
      const { text, headers } = await ask(port);
      expect([text, headers['content-type']]).toEqual([
        '{"a":1}\n{"a":1}\n{"a":2}\n{"a":2}\n',
        'application/jsonl',
      ]);
      await log.until('exit');
    });
    expect(log.events).toEqual(['{"a":1}\n{"a":2}\n', 'exit']);
  });

  it('that fails while a middleware reads it is answered as an error', async () => {
    const reading: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      await response.text();
      return response;
    };
    const target = endpoint(db, async function* () {
      try {
        yield { a: 1 };
        throw new HTTPException(409);
      } finally {
        log.add('closed');
      }
    });
    await listening(served(target, { middleware: [reading] }), async (_url, port) => {
      expect((await ask(port)).status).toBe(409);
    });
    expect(log.events).toEqual(['closed', 'exit with Conflict']);
  });

  it('is made in the async context of the endpoint, whoever reads it', async () => {
    const store = new AsyncLocalStorage<string>();
    const reading: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      await response.text();
      return response;
    };
    const storing: Middleware = (request, callNext) => store.run('store', () => callNext(request));
    const target = endpoint({}, async function* () {
      yield [store.getStore()];
      await new Promise(resolve => setImmediate(resolve));
      yield [store.getStore()];
      try {
        yield [store.getStore()];
      } finally {
        log.add(`closed in ${store.getStore()}`);
      }
    });
    for (const middleware of [[storing], [reading, storing]]) {
      await listening(served(target, { middleware }), async (_url, port) => {
        expect((await ask(port)).text).toBe('["store"]\n["store"]\n["store"]\n');
      });
    }
    expect(log.events).toEqual(['closed in store', 'closed in store']);
  });

  it('opens at once for a declared EventSourceResponse, otherwise with its first value', async () => {
    const opened = gate();
    async function* events() {
      await opened.opened;
      yield new ServerSentEvent({ data: 1 });
    }
    const target = endpoint(db, events, { responseClass: EventSourceResponse });
    await listening(served(target), async (_url, port) => {
      const response = await open(port);
      expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
      opened.open();
      let text = '';
      for await (const part of response) text += part;
      expect(text).toBe('data: 1\n\n');
    });
    const waiting = gate();
    const late = endpoint(db, async function* () {
      log.add('waiting');
      await waiting.opened;
      throw new HTTPException(404);
      // biome-ignore lint/correctness/noUnreachable: makes the function a generator
      yield 1;
    });
    await listening(served(late), async (_url, port) => {
      const got = ask(port);
      await log.until('waiting');
      waiting.open();
      expect((await got).status).toBe(404);
    });
  });

  it('may come from a function that returns a generator after its checks', async () => {
    async function* lines() {
      yield { a: 1 };
    }
    const target = endpoint(db, async ({ request }) => {
      if (request.headers.has('x-missing')) throw new HTTPException(404);
      return lines();
    });
    await listening(served(target), async (_url, port) => {
      expect((await ask(port)).text).toBe('{"a":1}\n');
      expect((await ask(port, { headers: { 'x-missing': '1' } })).status).toBe(404);
    });
  });

  it.each(['es5', 'es2015', 'es2017'] as const)('streams when it was compiled to %s', async target => {
    const source = `
      exports.lines = async function* lines({ request }) { yield { method: request.method }; yield { a: 2 }; };
      exports.numbers = function* numbers() { yield 1; yield 2; };`;
    const { code } = transformSync(source, { jsc: { target, parser: { syntax: 'ecmascript' } } });
    const made: Record<'lines' | 'numbers', () => AsyncGenerator> = { lines: never, numbers: never };
    new Function('exports', 'require', code)(made, require);
    await listening(served(endpoint({}, made.lines)), async (_url, port) => {
      expect((await ask(port)).text).toBe('{"method":"GET"}\n{"a":2}\n');
    });
    await listening(served(endpoint({}, made.numbers)), async (_url, port) => {
      expect((await ask(port)).text).toBe('1\n2\n');
    });
  });

  it('can be read by a TestClient', async () => {
    const target = endpoint(db, async function* () {
      yield { a: 1 };
      yield { a: 2 };
    });
    const client = new TestClient(served(target));
    const response = await client.get('/');
    expect([response.headers.get('content-type'), await response.text()]).toEqual([
      'application/jsonl',
      '{"a":1}\n{"a":2}\n',
    ]);
    await client.close();
    expect(log.events).toEqual(['exit']);
  });
});

function never(): never {
  throw new Error('was not compiled');
}
