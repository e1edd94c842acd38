import { Readable } from 'node:stream';
import {
  BackgroundTask,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
  StreamingResponse,
} from 'callnext';
import { cors } from 'callnext/middleware/cors';
import { processTime } from 'callnext/middleware/process-time';
import { rateLimit } from 'callnext/middleware/rate-limit';
import { requestId } from 'callnext/middleware/request-id';
import { serverTiming } from 'callnext/middleware/server-timing';
import { timeout } from 'callnext/middleware/timeout';
import { RateLimiterMemory, RateLimiterUnion } from 'rate-limiter-flexible';
import { ask, askThrough, hosts } from '../support/ask.js';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Python's format of a float below 1. */
const pythonFloat = /^(?:0\.\d+|\d(?:\.\d+)?e-\d\d)$/;

describe.each(hosts)('on $name', host => {
  it('processTime() reports the duration in seconds', async () => {
    const got = await askThrough(host, [processTime()], {}, {});
    expect(got.headers['x-process-time']).toMatch(pythonFloat);
    const named = await askThrough(host, [processTime({ header: 'X-Took' })], { status: 404 }, {});
    expect(named.headers['x-took']).toMatch(pythonFloat);
  });

  it('requestId() generates an id and keeps a plain one from the client', async () => {
    const seen: unknown[] = [];
    const below: Middleware = (request, callNext) => {
      seen.push(request.state.requestId, request.headers.get('x-request-id'));
      return callNext(request);
    };
    const made = await askThrough(host, [requestId(), below], {}, {});
    expect(made.headers['x-request-id']).toMatch(uuid);
    expect(seen).toEqual([made.headers['x-request-id'], made.headers['x-request-id']]);
    const given = (id: string) => askThrough(host, [requestId()], {}, { headers: { 'x-request-id': id } });
    expect((await given('abc-1.2_3')).headers['x-request-id']).toBe('abc-1.2_3');
    expect((await given('two words')).headers['x-request-id']).toMatch(uuid);
    expect((await given('x'.repeat(129))).headers['x-request-id']).toMatch(uuid);
  });

  it('requestId() generates and keeps ids as its options say', async () => {
    const own = requestId({ header: 'x-trace', generator: () => 'made', validator: id => id === 'known' });
    const asked = (id: string) => askThrough(host, [own], {}, { headers: { 'x-trace': id } });
    expect((await asked('known')).headers['x-trace']).toBe('known');
    expect((await asked('other')).headers['x-trace']).toBe('made');
  });

  it('requestId() keeps no id without `keep` and rejects an id that is not a string', async () => {
    const given = (options: object) =>
      askThrough(host, [requestId(options)], {}, { headers: { 'x-request-id': 'evil <x>' } });
    expect((await given({ validator: async () => false })).headers['x-request-id']).toMatch(uuid);
    for (const generator of [async () => 'z', () => undefined, () => 5, () => ''])
      expect((await given({ generator })).status).toBe(500);
  });

  it('rateLimit() refuses a client over the limit and reports what remains', async () => {
    const limited = rateLimit({ limiter: new RateLimiterMemory({ points: 2, duration: 60 }) });
    const layer = new Layer({ middleware: [limited] });
    const app = host.framework.app().use(layer);
    if (host.isNative) app.handler('/', answer => answer.send('answer'));
    else
      app.at(
        '/',
        endpoint({}, () => 'answer'),
      );
    await listening(app.listener(), async (_url, port) => {
      const left = async () => {
        const { status, headers } = await ask(port);
        return [
          status,
          headers['ratelimit-limit'],
          headers['ratelimit-remaining'],
          headers['ratelimit-reset'],
          headers['retry-after'],
        ];
      };
      expect(await left()).toEqual([200, '2', '1', '60', undefined]);
      expect(await left()).toEqual([200, '2', '0', '60', undefined]);
      expect(await left()).toEqual([429, '2', '0', '60', '60']);
      expect((await ask(port)).text).toBe('{"detail":"Too Many Requests"}');
    });
  });
});

describe.each(frameworks)('on $name', framework => {
  it('processTime() and requestId() set their headers on a 500 page of the framework', async () => {
    const layer = new Layer({ middleware: [processTime(), requestId()], onError: () => undefined });
    const fail = (): never => {
      throw new Error('unexpected');
    };
    const app = framework.app().use(layer).at('/endpoint', endpoint({}, fail)).handler('/native', fail);
    await listening(app.listener(), async (_url, port) => {
      for (const path of ['/endpoint', '/native']) {
        const got = await ask(port, { path });
        expect(got.status).toBe(500);
        expect(got.headers['x-process-time']).toMatch(pythonFloat);
        expect(got.headers['x-request-id']).toMatch(uuid);
      }
    });
  });

  it('requestId() sets the id on the request that native code reads', async () => {
    const app = framework
      .app()
      .use(new Layer({ middleware: [requestId()] }))
      .handler('/', ({ req, send }) => send(String(req.headers['x-request-id'])));
    await listening(app.listener(), async (_url, port) => {
      const got = await ask(port);
      expect(got.text).toBe(got.headers['x-request-id']);
    });
  });

  it('serverTiming() names each middleware below it, each dependency and the endpoint', async () => {
    const inner: Middleware = async function inner(request, callNext) {
      const response = await callNext(request);
      return response;
    };
    const pool = () => 'pool';
    const getDb = dependency({ pool: Depends(pool) }, async function* getDb() {
      yield 'db';
    });
    const readItem = endpoint({ db: Depends(getDb) }, function readItem() {
      return 'item';
    });
    const app = framework
      .app()
      .use(new Layer({ middleware: [requestId(), serverTiming(), cors(), inner] }))
      .at('/endpoint', readItem)
      .at('/nested', new Layer({ middleware: [inner] }))
      .at('/nested', readItem)
      .handler('/native', answer => answer.send('native'))
      .at(
        '/alone',
        new Layer({
          middleware: [
            function answers() {
              return Response.json('alone');
            },
          ],
        }),
      );
    await listening(app.listener(), async (_url, port) => {
      const names = async (path: string) => {
        const header = String((await ask(port, { path })).headers['server-timing']);
        const entries = header.split(', ').map(entry => /^([\w-]+);dur=(\d+(?:\.\d{1,3})?)$/.exec(entry));
        return entries.map(entry => entry?.[1]);
      };
      expect(await names('/endpoint')).toEqual(['cors', 'inner', 'pool', 'getDb', 'readItem', 'total']);
      expect(await names('/nested')).toEqual([
        'cors',
        'inner',
        'inner',
        'pool',
        'getDb',
        'readItem',
        'total',
      ]);
      expect(await names('/native')).toEqual(['cors', 'inner', 'handler', 'total']);
      expect(await names('/alone')).toEqual(['cors', 'inner', 'answers', 'total']);
    });
  });

  it('serverTiming() measures only when enabled, and puts slow time where it was spent', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const slow: Middleware = async function slow(request, callNext) {
      now += 5;
      const response = await callNext(request);
      now += 2;
      return response;
    };
    const getSlowly = async () => {
      now += 30;
    };
    const layer = new Layer({
      middleware: [serverTiming({ total: false, enabled: ({ url }) => !url.endsWith('?off') }), slow],
    });
    const app = framework
      .app()
      .use(layer)
      .at(
        '/',
        endpoint({ it: Depends(getSlowly) }, async function read() {
          now += 100;
          return 1;
        }),
      );
    try {
      await listening(app.listener(), async (_url, port) => {
        expect((await ask(port)).headers['server-timing']).toBe('slow;dur=7, getSlowly;dur=30, read;dur=100');
        expect((await ask(port, { path: '/?off' })).headers['server-timing']).toBeUndefined();
      });
    } finally {
      clock.mockRestore();
    }
  });

  it('serverTiming() shows exits that come before the response, and the handler', async () => {
    let now = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
    const taking = (name: string, entering: number, exiting: number) => {
      const produce = async function* () {
        now += entering;
        try {
          yield name;
        } finally {
          now += exiting;
        }
      };
      return Object.defineProperty(produce, 'name', { value: name });
    };
    const getDb = taking('getDb', 10, 1);
    const getTransaction = taking('getTransaction', 3, 7);
    const layer = new Layer({ middleware: [serverTiming({ total: false })] });
    const parts = { db: Depends(getDb), transaction: Depends(getTransaction, { scope: 'function' }) };
    const app = framework
      .app()
      .use(layer)
      .at(
        '/write',
        endpoint(parts, function write() {
          now += 20;
        }),
      )
      .at(
        '/fail',
        endpoint(parts, function fail() {
          throw new HTTPException(409);
        }),
      )
      .at(
        '/throw',
        endpoint(parts, function broken() {
          throw new Error('broken');
        }),
      )
      .handler('/native', async answer => {
        await answer.inject(parts.transaction);
        now += 20;
        answer.send('native');
      });
    try {
      await listening(app.listener(), async (_url, port) => {
        const entries = async (path: string) => (await ask(port, { path })).headers['server-timing'];
        const exit = 'getTransaction_exit;desc="getTransaction exit";dur=7';
        expect(await entries('/write')).toBe(`getDb;dur=10, getTransaction;dur=3, write;dur=20, ${exit}`);
        expect(await entries('/fail')).toBe(
          `getDb;dur=10, getTransaction;dur=3, fail;dur=0, ${exit}, getDb_exit;desc="getDb exit";dur=1`,
        );
        expect(await entries('/throw')).toBe(
          `getDb;dur=10, getTransaction;dur=3, broken;dur=0, ${exit}, getDb_exit;desc="getDb exit";dur=1`,
        );
        expect(await entries('/native')).toBe(`getTransaction;dur=3, handler;dur=23, ${exit}`);
      });
    } finally {
      clock.mockRestore();
    }
  });

  it('serverTiming() describes names that are not tokens', async () => {
    const strange = Object.defineProperty(
      (request: never, callNext: (request: never) => Promise<Response>) => callNext(request),
      'name',
      { value: 'say "é" to\\me' },
    );
    const app = framework
      .app()
      .use(new Layer({ middleware: [serverTiming({ total: false }), strange as never] }))
      .at(
        '/',
        endpoint({}, function e() {
          return 1;
        }),
      );
    await listening(app.listener(), async (_url, port) => {
      expect((await ask(port)).headers['server-timing']).toMatch(
        /^say_to_me;desc="say \\"\?\\" to\\\\me";dur=[\d.]+, e;dur=[\d.]+$/,
      );
    });
  });

  it('timeout() answers with a 504, aborts the signal and lets running code keep its resources', async () => {
    const log = new EventLog();
    const goOn = gate();
    async function* getDb() {
      try {
        yield 'db';
        log.add('exit');
      } catch (error) {
        log.add(`thrown in: ${(error as Error).message}`);
        throw error;
      }
    }
    const late = endpoint({ db: Depends(getDb) }, async ({ request, backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task'));
      backgroundTasks.addTask(new BackgroundTask(() => log.add('always'), [], { when: 'always' }));
      await new Promise<void>(resolve => request.signal.addEventListener('abort', () => resolve()));
      log.add(`aborted: ${(request.signal.reason as { code: string }).code}`);
      await goOn.opened;
      log.add('through');
      return 'late';
    });
    const layer = new Layer({
      middleware: [timeout({ timeoutMs: 20 })],
      onError: error => log.add(`reported: ${(error as { code?: string }).code ?? error.message}`),
    });
    const app = framework.app().use(layer).at('/', late);
    await listening(app.listener(), async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.text]).toEqual([504, '{"detail":"Gateway Timeout"}']);
      goOn.open();
      await log.until('always');
    });
    expect(log.events).toEqual([
      'aborted: MIDDLEWARE_TIMEOUT',
      'through',
      'thrown in: Gateway Timeout',
      'reported: TASK_DROPPED',
      'always',
    ]);
  });

  it('timeout() ignores responses that are in time, and bodies that stream on', async () => {
    const more = gate();
    const signals: AbortSignal[] = [];
    async function* chunks() {
      yield 'a';
      await more.opened;
      yield 'b';
    }
    const app = framework
      .app()
      .use(new Layer({ middleware: [timeout({ timeoutMs: 100 })] }))
      .at(
        '/never',
        endpoint(
          {},
          ({ request }) => new Promise(resolve => request.signal.addEventListener('abort', resolve)),
        ),
      )
      .at(
        '/',
        endpoint({}, ({ request }) => {
          signals.push(request.signal);
          return new StreamingResponse(chunks());
        }),
      );
    await listening(app.listener(), async (url, port) => {
      const stream = await fetch(url);
      // The earlier request's time is also up when this one's is.
      expect((await ask(port, { path: '/never' })).status).toBe(504);
      more.open();
      expect(await stream.text()).toBe('ab');
    });
    expect(signals[0]?.aborted).toBe(false);
  });

  it('timeout() uses the handler for its exception, and lets native code finish', async () => {
    const goOn = gate();
    const written = gate<unknown>();
    const layer = new Layer({ middleware: [timeout({ timeoutMs: 20 })], onError: () => undefined });
    layer.addExceptionHandler(504, (_request, exception) =>
      Response.json({ code: (exception.cause as { code: string }).code }, { status: 503 }),
    );
    const app = framework
      .app()
      .use(layer)
      .native('/', async (_req, res) => {
        await goOn.opened;
        res.end('late');
        written.open(res.writableEnded);
      });
    await listening(app.listener(), async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.text]).toEqual([503, '{"code":"MIDDLEWARE_TIMEOUT"}']);
      goOn.open();
      await written.opened;
    });
  });

  it.each([
    ['`timeout()`', {}],
    ['its layer', { timeout: 20 }],
  ])('a 504 of %s is not reported as misuse by the middleware below it', async (_what, options) => {
    const goOn = gate();
    const codes: unknown[] = [];
    const stacked: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      response.headers.set('x-late', '1');
      response.status = 201;
      return response;
    };
    const onError = (error: Error): unknown => codes.push((error as { code?: unknown }).code);
    const middleware = [timeout({ timeoutMs: 20 }), requestId(), processTime(), stacked];
    const outer = new Layer({
      middleware: 'timeout' in options ? middleware.slice(1) : middleware,
      onError,
      ...options,
    });
    const inner = new Layer({ middleware: [processTime(), stacked], onError });
    const app = framework
      .app()
      .use(outer)
      .use(inner)
      .handler('/', async answer => {
        await goOn.opened;
        answer.send(Readable.from(['late'], { objectMode: false }));
      });
    await listening(app.listener(), async (_url, port) => {
      const { status, headers } = await ask(port);
      expect([status, headers['x-late']]).toEqual([504, undefined]);
      goOn.open();
      await outer.close();
      await inner.close();
    });
    expect(codes).toEqual('timeout' in options ? ['LAYER_TIMEOUT'] : []);
  });

  it('rateLimit() counts with several limiters together', async () => {
    const few = new RateLimiterMemory({ keyPrefix: 'few', points: 1, duration: 60 });
    const many = new RateLimiterMemory({ keyPrefix: 'many', points: 5, duration: 10 });
    const layer = new Layer({ middleware: [rateLimit({ limiter: new RateLimiterUnion(few, many) })] });
    const app = framework
      .app()
      .use(layer)
      .at(
        '/',
        endpoint({}, () => 'answer'),
      );
    await listening(app.listener(), async (_url, port) => {
      const first = await ask(port);
      expect([first.status, first.headers['ratelimit-remaining'], first.headers['ratelimit-reset']]).toEqual([
        200,
        '0',
        '60',
      ]);
      const second = await ask(port);
      expect([second.status, second.headers['retry-after']]).toEqual([429, '60']);
    });
  });

  it('rateLimit() counts by key and points, and fails when the store fails', async () => {
    const limiter = new RateLimiterMemory({ points: 3, duration: 60 });
    const limited = rateLimit({
      limiter,
      key: request => request.headers.get('x-key') ?? undefined,
      points: request => Number(request.queryParams.get('points') ?? 1),
    });
    const failing = rateLimit({
      limiter: { consume: () => Promise.reject(new Error('The store is gone.')) },
    });
    const app = framework
      .app()
      .at('/limited', new Layer({ middleware: [limited] }))
      .at('/failing', new Layer({ middleware: [failing], onError: () => undefined }))
      .at(
        '/',
        endpoint({}, () => {
          throw new HTTPException(400);
        }),
      );
    await listening(app.listener(), async (_url, port) => {
      const asked = async (path: string, key?: string) => {
        const { status, headers } = await ask(port, {
          path,
          headers: key === undefined ? {} : { 'x-key': key },
        });
        return [status, headers['ratelimit-remaining']];
      };
      expect(await asked('/limited?points=2', 'a')).toEqual([400, '1']);
      expect(await asked('/limited?points=2', 'a')).toEqual([429, '0']);
      expect(await asked('/limited', 'b')).toEqual([400, '2']);
      expect(await asked('/limited')).toEqual([400, undefined]);
      expect((await asked('/failing'))[0]).toBe(500);
    });
  });
});

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['1:2:3::', '1:2:3:0::/64'],
])('rateLimit() counts %s as %s', async (address, key) => {
  const counted: string[] = [];
  const limiter = {
    consume: async (each: string) => {
      counted.push(each);
      return { msBeforeNext: 1, remainingPoints: 1 };
    },
  };
  const request = { client: { host: address, port: 1 }, errorHeaders: new Headers() };
  await rateLimit({ limiter })(request as never, async () => new Response() as never);
  expect(counted).toEqual([key]);
});

it.each([
  [
    () => processTime({ header: 'x y' }),
    'The option `header` of `processTime()` must be the name of a header',
  ],
  [
    () => requestId({ generator: 'uuid' as never }),
    'The option `generator` of `requestId()` must be a function',
  ],
  [
    () => timeout({} as never),
    'The option `timeoutMs` of `timeout()` must be a whole number from 1 to 2147483647',
  ],
  [() => timeout({ timeoutMs: 0 }), 'The option `timeoutMs`'],
  [() => rateLimit({} as never), 'The option `limiter` of `rateLimit()` must be a limiter'],
  [
    () => serverTiming({ enabled: true as never }),
    'The option `enabled` of `serverTiming()` must be a function',
  ],
  [() => timeout(undefined as never), 'The options of `timeout()` must be an object, received `undefined`'],
])('rejects invalid options when it is built: %s', (build, message) => {
  expect(build).toThrow(message);
});

it('describe() shows each middleware with its options', () => {
  const layer = new Layer({
    middleware: [
      requestId({ header: 'x-id' }),
      cors({ allowOrigins: ['https://a.example'], allowOriginRegex: /b+/ }),
      rateLimit({ limiter: new RateLimiterMemory({ points: 1, duration: 1 }) }),
      function mine(request, callNext) {
        return callNext(request);
      },
    ],
  });
  const { middleware, options } = layer.describe();
  expect(middleware).toEqual(['requestId', 'cors', 'rateLimit', 'mine']);
  expect(options[1]).toMatchObject({
    allowOrigins: ['https://a.example'],
    allowMethods: ['GET'],
    maxAge: 600,
  });
  expect(options[3]).toBeUndefined();
  expect(String(layer.describe())).toBe(
    [
      'requestId { header: "x-id", generator: randomUUID, validator: isPlain }',
      '  cors { allowOrigins: ["https://a.example"], allowMethods: ["GET"], allowHeaders: [], ' +
        'allowCredentials: false, allowOriginRegex: /b+/, allowPrivateNetwork: false, exposeHeaders: [], ' +
        'maxAge: 600 }',
      '    rateLimit { limiter: [RateLimiterMemory], key: networkOf, points: one }',
      '      mine',
      '        (routes)',
    ].join('\n'),
  );
});
