import http from 'node:http';
import {
  Depends,
  type Endpoint,
  EventSourceResponse,
  endpoint,
  HTMLResponse,
  HTTPException,
  Layer,
  type Middleware,
  PlainTextResponse,
  Response,
  ServerSentEvent,
  StreamingResponse,
} from 'callnext';
import { toNode } from 'callnext/node';
import { ask } from '../support/ask.js';
import { EventLog } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';

/** Serves an endpoint, with or without a layer. */
type Serve = (target: Endpoint, layer?: Layer) => http.RequestListener;

const places: { name: string; serve: Serve }[] = [
  ...mounts.map(({ name, app }) => ({
    name,
    serve: (target: Endpoint, layer = new Layer()) => app().use(layer).at('/', target).listener(),
  })),
  {
    name: 'toNode',
    serve: (target, layer = new Layer()) =>
      toNode(layer, (req, res) => void toNode(target)(req, res as never)) as http.RequestListener,
  },
];

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe.each(places)('an endpoint that is a generator, on $name,', ({ serve }) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  const reporting = (middleware: Middleware[] = []): Layer =>
    new Layer({
      middleware,
      onError: (error, { phase }) => log.add(`reported ${phase}: ${codeOf(error)}`),
    });
  const yielding = (name: string) =>
    async function* () {
      log.add(`${name} enter`);
      try {
        yield name;
        log.add(`${name} exit`);
      } catch (error) {
        log.add(`${name} exit with ${codeOf(error as Error)}`);
        throw error;
      }
    };
  const scopes = {
    b: Depends(yielding('background'), { scope: 'background' }),
    r: Depends(yielding('request'), { scope: 'request' }),
    f: Depends(yielding('function'), { scope: 'function' }),
  };
  const wayIn = ['background enter', 'request enter', 'function enter'];
  const noting: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    log.add(`after ${response.status}`);
    return response;
  };

  it.each<[string, Endpoint, string | undefined, string]>([
    [
      'plain data',
      endpoint({}, async function* () {
        yield { a: 'é\n' };
        yield 'text';
        yield null;
        yield undefined;
        yield [1];
      }),
      'application/jsonl',
      '{"a":"é\\n"}\n"text"\nnull\nnull\n[1]\n',
    ],
    [
      'promises of a generator that is not async',
      endpoint({}, function* () {
        yield Promise.resolve({ a: 1 });
        yield { a: 2 };
      }),
      'application/jsonl',
      '{"a":1}\n{"a":2}\n',
    ],
    [
      'nothing',
      endpoint({}, async function* () {
        yield* [];
      }),
      'application/jsonl',
      '',
    ],
    [
      'text',
      endpoint({}, function* () {
        yield 'a\n';
        yield '';
        yield Buffer.from('b');
      }),
      'text/plain; charset=utf-8',
      'a\nb',
    ],
    [
      'bytes',
      endpoint({}, async function* () {
        yield Uint8Array.of(97);
        yield new DataView(Uint8Array.of(0, 98, 0).buffer, 1, 1);
        yield Uint8Array.of(99).buffer;
      }),
      'application/octet-stream',
      'abc',
    ],
    [
      'events',
      endpoint({}, async function* () {
        yield new ServerSentEvent({ event: 'tick', data: 1 });
        yield { price: 2 };
      }),
      'text/event-stream; charset=utf-8',
      'event: tick\ndata: 1\n\ndata: {"price":2}\n\n',
    ],
    [
      'plain data for a declared EventSourceResponse',
      endpoint(
        {},
        async function* () {
          yield { price: 2 };
        },
        { responseClass: EventSourceResponse },
      ),
      'text/event-stream; charset=utf-8',
      'data: {"price":2}\n\n',
    ],
    [
      'text for a declared class of its own',
      endpoint(
        {},
        function* () {
          yield '<p>';
          yield '</p>';
        },
        { responseClass: HTMLResponse },
      ),
      'text/html; charset=utf-8',
      '<p></p>',
    ],
    [
      'text for a declared StreamingResponse',
      endpoint(
        {},
        function* () {
          yield 'raw';
        },
        { responseClass: StreamingResponse },
      ),
      undefined,
      'raw',
    ],
  ])('streams %s', async (_name, target, type, body) => {
    await listening(serve(target), async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.headers['content-type'], got.text]).toEqual([200, type, body]);
      const { headers, ...head } = await ask(port, { method: 'HEAD' });
      expect([head.status, head.text, headers['content-type']]).toEqual([200, '', type]);
    });
  });

  it('has the status and headers that it sets before its first value', async () => {
    const target = endpoint(
      {},
      async function* ({ response }) {
        response.headers.set('content-type', 'application/x-ndjson');
        response.headers.set('x-total', '1');
        response.setCookie('seen', '1');
        await tick();
        response.status = 203;
        yield 1;
      },
      { status: 201 },
    );
    await listening(serve(target), async (_url, port) => {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await ask(port, { method });
        expect([status, headers['content-type'], headers['x-total'], headers['set-cookie']]).toEqual([
          203,
          'application/x-ndjson',
          '1',
          ['seen=1; Path=/; SameSite=Lax'],
        ]);
      }
    });
  });

  it('has the order of a stream', async () => {
    const target = endpoint(scopes, async function* ({ backgroundTasks }) {
      log.add('begun');
      try {
        backgroundTasks.addTask(log.add, 'task');
        yield 1;
        log.add('resumed');
        backgroundTasks.addTask(log.add, 'late task');
        yield 2;
      } finally {
        await tick();
        log.add('closed');
      }
    });
    await listening(serve(target, reporting([noting])), async (_url, port) => {
      expect((await ask(port)).text).toBe('1\n2\n');
      await log.until('background exit');
    });
    const out = ['function exit', 'after 200', 'resumed', 'closed', 'request exit', 'task', 'late task'];
    expect(log.events).toEqual([...wayIn, 'begun', ...out, 'background exit']);
  });

  it('closes before the dependencies exit, on HEAD and when it is replaced', async () => {
    const target = endpoint(scopes, async function* () {
      try {
        yield 1;
        log.add('resumed');
      } finally {
        await tick();
        log.add('closed');
      }
    });
    const replacing: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      return request.headers.has('x-replace') ? new PlainTextResponse('other') : response;
    };
    const listener = serve(target, reporting([replacing]));
    const out = [...wayIn, 'function exit', 'closed', 'request exit', 'background exit'];
    for (const asked of [{ method: 'HEAD' }, { headers: { 'x-replace': '1' } }]) {
      log.events.length = 0;
      await listening(listener, async (_url, port) => {
        await ask(port, asked);
        await log.until('background exit');
      });
      expect(log.events).toEqual(out);
    }
  });

  it('closes before its dependencies get a failure that follows the first value', async () => {
    const target = endpoint(scopes, async function* () {
      try {
        yield 1;
      } finally {
        await tick();
        log.add('closed');
      }
    });
    const failing: Middleware = async (request, callNext) => {
      await callNext(request);
      throw new HTTPException(409);
    };
    await listening(serve(target, reporting([failing])), async (_url, port) => {
      expect((await ask(port)).status).toBe(409);
      await log.until('background exit with 409');
    });
    const out = ['function exit', 'closed', 'request exit with 409', 'background exit with 409'];
    expect(log.events).toEqual([...wayIn, ...out]);
  });

  it.each<[string, number, string, () => Generator | AsyncGenerator]>([
    [
      'an HTTPException',
      404,
      '404',
      // biome-ignore lint/correctness/useYield: fails before its `yield`
      async function* () {
        await tick();
        throw new HTTPException(404);
      },
    ],
    [
      'of a generator that is not async, an error',
      500,
      'broken',
      // biome-ignore lint/correctness/useYield: fails before its `yield`
      function* () {
        throw new Error('broken');
      },
    ],
    [
      'a rejected promise',
      500,
      'broken',
      function* () {
        yield Promise.reject(new Error('broken'));
      },
    ],
    [
      'a value that is not JSON',
      500,
      'NOT_SERIALIZABLE',
      async function* () {
        yield { a: [1n] };
      },
    ],
    [
      'a function',
      500,
      'NOT_SERIALIZABLE',
      async function* () {
        yield () => 1;
      },
    ],
    [
      'a response',
      500,
      'STREAM_VALUE',
      async function* () {
        yield new Response('no');
      },
    ],
    [
      'a response that is returned',
      500,
      'STREAM_RETURNED',
      // biome-ignore lint/correctness/useYield: returns before its `yield`
      async function* () {
        return new Response('no');
      },
    ],
  ])('answers a failure before its first value: %s', async (_name, status, failure, make) => {
    const target = endpoint(scopes, ({ backgroundTasks }) => {
      backgroundTasks.addTask(log.add, 'task');
      return make();
    });
    await listening(serve(target, reporting([noting])), async (_url, port) => {
      const got = await ask(port);
      expect(got.status).toBe(status);
      expect(got.text).not.toContain('[1');
      await log.until(`background exit with ${failure}`);
    });
    const exits = ['function', 'request', 'background'].map(name => `${name} exit with ${failure}`);
    expect(log.events.slice(0, 6)).toEqual([...wayIn, ...exits]);
    expect(log.events).not.toContain('task');
  });

  it.each<[string, string, () => AsyncGenerator<unknown> | Generator<unknown>]>([
    [
      'an error',
      'broken',
      async function* () {
        yield 'first';
        throw new Error('broken');
      },
    ],
    [
      'an object after text',
      'STREAM_VALUE',
      function* () {
        yield 'first';
        yield { a: 1 };
      },
    ],
    [
      'bytes after JSON',
      'STREAM_VALUE',
      function* () {
        yield ['first'];
        yield Buffer.from('bytes');
      },
    ],
    [
      'a circle after JSON',
      'NOT_SERIALIZABLE',
      function* () {
        yield ['first'];
        const circle: unknown[] = [];
        circle.push(circle);
        yield circle;
      },
    ],
  ])('cuts the connection on a failure after its first value: %s', async (_name, failure, make) => {
    const target = endpoint(scopes, ({ backgroundTasks }) => {
      backgroundTasks.addTask(log.add, 'task');
      return slowly(make(), log);
    });
    await listening(serve(target, reporting()), async (_url, port) => {
      const cut = await new Promise<boolean>(resolve => {
        const request = http.get({ port, host: '127.0.0.1', agent: false }, response => {
          response.once('data', () => log.add('received'));
          response.on('error', () => undefined);
          response.on('close', () => resolve(!response.complete));
        });
        request.on('error', () => undefined);
      });
      expect(cut).toBe(true);
      await log.until(`background exit with ${failure}`);
    });
    const after = [`reported response: ${failure}`, 'reported background: TASK_DROPPED'];
    const exits = [`request exit with ${failure}`, `background exit with ${failure}`];
    expect(log.events.filter(event => event !== 'received')).toEqual([
      ...wayIn,
      'function exit',
      'closed',
      ...after,
      ...exits,
    ]);
  });
});

async function* slowly(source: AsyncIterable<unknown> | Iterable<unknown>, log: EventLog) {
  try {
    let isFirst = true;
    for await (const value of source) {
      yield value;
      if (isFirst) await log.until('received');
      isFirst = false;
    }
  } finally {
    log.add('closed');
  }
}

function codeOf(error: Error): string {
  const { code, status } = error as { code?: string; status?: number };
  return code ?? (status === undefined ? error.message : String(status));
}
