import { inspect } from 'node:util';
import Router from '@koa/router';
import {
  BackgroundTask,
  Depends,
  dependency,
  type ErrorContext,
  endpoint,
  HTTPException,
  Layer,
  type LayerOptions,
  type Middleware,
  StreamingResponse,
} from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { bodyLimit } from 'callnext/middleware/body-limit';
import { timeout } from 'callnext/middleware/timeout';
import { TestClient, type TestTarget } from 'callnext/testing';
import express from 'express';
import Koa from 'koa';
import { ask } from '../support/ask.js';
import { gate } from '../support/events.js';
import {
  type Answer,
  koa2Framework,
  koa3Framework,
  listening,
  mounts,
  type TestApp,
} from '../support/frameworks.js';

type Told = Pick<ErrorContext, 'phase' | 'where' | 'name'> & { error: Error };

function fails(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

describe.each(mounts)('a report of $name', ({ app }) => {
  /** Returns the reports about one request to `/orders`, after everything has ended. */
  async function told(mount: (app: TestApp) => unknown, options: LayerOptions = {}): Promise<Told[]> {
    const reports: Told[] = [];
    const layer = new Layer({
      ...options,
      onError: (error, { phase, where, name }) => reports.push({ error, phase, where, name }),
    });
    const mounted = app().use(layer);
    mount(mounted);
    await listening(mounted.listener(), async (_url, port) => {
      await ask(port, { method: 'POST', path: '/orders?token=secret', body: 'a body' });
      await layer.close();
    });
    return reports;
  }
  const at =
    (handler: Parameters<typeof endpoint>[1], dependencies = {}) =>
    (mounted: TestApp): TestApp =>
      mounted.at('/orders', endpoint(dependencies, handler));

  it('names the request and the task', async () => {
    const reports = await told(
      at(({ backgroundTasks }) => {
        backgroundTasks.addTask(async function sendMail() {
          throw new Error('smtp down');
        });
        backgroundTasks.addTask(() => fails('nameless')());
      }),
    );
    expect(reports.map(({ phase, where, name }) => [phase, where, name])).toEqual([
      ['background', 'POST /orders', 'sendMail'],
      ['background', 'POST /orders', '#2'],
    ]);
  });

  it('names the dependency, by its key if its function has no name', async () => {
    async function* getTx(): AsyncGenerator<number> {
      yield 1;
      throw new Error('no commit');
    }
    const nameless = (() => [getTx.bind(undefined)])()[0] as typeof getTx;
    Object.defineProperty(nameless, 'name', { value: '' });
    const declared = [
      { tx: Depends(getTx) },
      { tx: Depends(nameless) },
      { tx: Depends(dependency({}, nameless)) },
    ];
    const reports = await Promise.all(declared.map(each => told(at(() => 'ok', each))));
    expect(reports.flat().map(({ phase, where, name }) => [phase, where, name])).toEqual([
      ['exit', 'POST /orders', 'getTx'],
      ['exit', 'POST /orders', 'tx'],
      ['exit', 'POST /orders', 'tx'],
    ]);
  });

  it('names the dependency that failed when it was entered', async () => {
    const layer = { exceptionHandlers: [[Error, () => new Response('handled')]] as never };
    const reports = await told(
      at(() => 'ok', { db: Depends(() => fails('no pool')()) }),
      layer,
    );
    expect(reports.map(({ phase, where, name }) => [phase, where, name])).toEqual([
      ['request', 'POST /orders', 'db'],
    ]);
  });

  it('names the URL in the message of LAYER_TIMEOUT', async () => {
    const [report] = await told(mounted => mounted.native('/orders', () => undefined), { timeout: 5 });
    expect(report).toMatchObject({
      where: 'POST /orders',
      error: { code: 'LAYER_TIMEOUT', message: expect.stringMatching(/5 ms.*\(POST \/orders\)$/) },
    });
  });

  const nothing = (() => undefined) as never as Middleware;
  function* neverYields(): Generator<never> {
    // Deliberately empty.
  }
  const failing: Record<string, [(answer: Answer) => unknown, LayerOptions?]> = {
    NOTHING_RETURNED: [answer => answer.send('ok'), { middleware: [nothing] }],
    NOT_A_RESPONSE: [answer => answer.send('ok'), { middleware: [(() => 'text') as never as Middleware] }],
    CALL_NEXT_TWICE: [
      answer => answer.send('ok'),
      { middleware: [async (_request, callNext) => callNext().then(() => callNext())] },
    ],
    GENERATOR_NEVER_YIELDED: [answer => answer.inject(Depends(neverYields as never))],
    TASK_DROPPED: [
      answer => {
        answer.tasks().addTask(fails('never'));
        answer.status(500).send('no');
      },
    ],
    EXCEPTION_SWALLOWED: [
      async answer => {
        await answer.inject(
          Depends(async function* () {
            try {
              yield 1;
            } catch {
              // Swallowed.
            }
          }),
        );
        throw new Error('handler');
      },
    ],
    MIDDLEWARE_TIMEOUT: [
      ({ res }) => new Promise<void>(resolve => res.once('close', () => resolve())),
      { middleware: [timeout({ timeoutMs: 5 })], timeout: 30 },
    ],
    BODY_LIMIT: [
      answer => answer.send('ok'),
      {
        middleware: [
          async (request, callNext) =>
            callNext(request).then(async response => {
              await request.text();
              return response;
            }),
          bodyLimit({ maxBodySize: 1 }),
        ],
      },
    ],
  };

  it.each(Object.entries(failing))('names the URL in the message of %s', async (code, [handle, options]) => {
    const seen: Error[] = [];
    const catching: Middleware = async (request, callNext) => {
      try {
        return await callNext(request);
      } catch (error) {
        seen.push(error as Error);
        throw error;
      }
    };
    const handled = (_request: unknown, error: Error): Response => {
      seen.push(error);
      return new Response('handled', { status: 500 });
    };
    const reports = await told(mounted => mounted.handler('/orders', handle), {
      ...options,
      middleware: [catching, ...(options?.middleware ?? [])],
      exceptionHandlers: [[HTTPException, handled]],
    });
    const errors = [...seen, ...reports.map(({ error }) => error)].flatMap(error => [error, error.cause]);
    const found = errors.find(error => (error as { code?: string } | undefined)?.code === code) as Error;
    expect(found.message).toMatch(/ \(POST \/orders\)$/);
    expect(found.stack).toContain(found.message);
    expect(inspect(found)).not.toMatch(/path: undefined/);
  });
});

describe('the default report', () => {
  const printed: unknown[][] = [];
  beforeEach(() => {
    printed.length = 0;
    jest.spyOn(console, 'error').mockImplementation((...args) => void printed.push(args));
  });
  afterEach(() => jest.restoreAllMocks());

  async function print(handler: Parameters<typeof endpoint>[1], dependencies = {}): Promise<string> {
    const layer = new Layer();
    const client = new TestClient(layer, { below: endpoint(dependencies, handler), settle: true });
    await client.post('/orders?token=secret');
    await client.close();
    return printed
      .map(args => args.map(arg => (typeof arg === 'string' ? arg : inspect(arg))).join(' '))
      .join('\n');
  }

  it('names the phase, the task and the request, but no query', async () => {
    const text = await print(({ backgroundTasks }) => {
      backgroundTasks.addTask(function sendMail() {
        throw new Error('smtp down');
      });
    });
    expect(text).toMatch(/^callnext \(background\): task sendMail of POST \/orders: Error: smtp down\n/);
    expect(text).not.toContain('secret');
  });

  it('names the dependency, or only the request', async () => {
    const generator = Depends(function* getDb() {
      yield 1;
      throw new Error('no commit');
    });
    const exit = await print(() => 'ok', { db: generator });
    expect(exit).toMatch(/^callnext \(exit\): dependency getDb of POST \/orders: Error: no commit\n/);
    printed.length = 0;
    const body = await print(() => {
      const producer = async function* (): AsyncGenerator<string> {
        yield 'a';
        throw new Error('no more');
      };
      return new StreamingResponse(producer());
    });
    expect(body).toMatch(/^callnext \(response\): POST \/orders: Error: no more\n/);
  });

  it('has no empty property for a misuse', async () => {
    const text = await print(({ backgroundTasks }) => {
      backgroundTasks.addTask(() => undefined);
      throw new Error('failed');
    });
    expect(text).toContain(
      'callnext (background): task #1 of POST /orders: CallnextError: The background task `#1`',
    );
    expect(text).toContain("request: 'POST /orders'");
    expect(text).not.toContain('path: undefined');
  });
});

describe('code without a name', () => {
  const nameless: Middleware = (() => [
    (request: never, callNext: never) => (callNext as (r: never) => never)(request),
  ])()[0] as never;

  it('is named by its place in a layer', () => {
    const layer = new Layer({
      middleware: [(request, callNext) => callNext(request), nameless],
      dependencies: [
        Depends(() => 1),
        Depends(function named() {
          return 1;
        }),
      ],
    });
    layer.addMiddleware((request, callNext) => callNext(request));
    layer.addMiddleware(function known(request, callNext) {
      return callNext(request);
    });
    layer.addMiddleware((request, callNext) => callNext(request));
    const { middleware, dependencies } = layer.describe();
    expect(middleware).toEqual([
      'addMiddleware #3',
      'known',
      'addMiddleware #1',
      'middleware[0]',
      'middleware[1]',
    ]);
    expect(dependencies).toEqual(['dependencies[0]', 'named']);
    expect(String(layer.describe())).not.toContain('anonymous');
  });

  it('is named by its key in a dependency path, and not at all in a refusal', () => {
    const [generator] = (() => [
      function* (): Generator<number> {
        yield 1;
      },
    ])() as [() => Generator<number>];
    const inner = Depends(generator, { scope: 'function' });
    const outer = Depends(dependency({ tx: inner }, generator), { scope: 'request' as never });
    expect(() => endpoint({ db: outer }, () => 1)).toThrow('`endpoint → db → tx`');
    expect(() => endpoint({ db: (() => 1) as never }, () => 1)).toThrow(
      '`endpoint` declares `db` as function `db`',
    );
    expect(() => new Layer({ dependencies: [generator as never] })).toThrow(
      'received a generator function without a name',
    );
  });

  const readItem = (): ReturnType<typeof endpoint> => endpoint({ db: Depends(() => 1) }, () => 'item');
  const apps: [string, () => TestTarget, string][] = [
    [
      'an Express route',
      () => express().get('/items/:id', toExpress(readItem()) as never) as never,
      'GET /items/:id',
    ],
    [
      'a route of an Express router',
      () =>
        express().use('/shop', express.Router().get('/items/:id', toExpress(readItem()) as never)) as never,
      'GET /shop/items/:id',
    ],
    [
      'a route of a Koa router',
      () =>
        new Koa().use(
          new Router()
            .get('/:shop/items/:id', toKoa(readItem()) as never)
            .get('/items/:id', toKoa(readItem()) as never)
            .routes() as never,
        ) as never,
      'GET /items/:id',
    ],
    ['no route', () => readItem(), 'endpoint'],
  ];
  it.each(apps)('is named by its route when %s is known', async (_name, target, name) => {
    const client = new TestClient(target(), { settle: true });
    await client.get(name.startsWith('GET /shop') ? '/shop/items/1' : '/items/1');
    expect(client.trace).toEqual(['db enter', name, 'sent 200']);
    await client.close();
  });

  it("is named by its place if it is a task, in the order and in `close()`'s report", async () => {
    const open = gate();
    const below = endpoint({}, function work({ backgroundTasks }) {
      backgroundTasks.addTask(() => undefined);
      backgroundTasks.addTask(() => open.opened);
      backgroundTasks.addTask(new BackgroundTask(() => undefined));
    });
    const client = new TestClient(new Layer(), { below });
    await client.get('/');
    await expect(client.settled({ timeoutMs: 20 })).rejects.toThrow(/: #2, #3\./);
    open.open();
    await client.settled();
    expect(client.trace.slice(2)).toEqual(['task #1', 'task #2', 'task #3']);
    await client.close();
  });
});

// The other frameworks drop a late error of a handler whose promise they do not have.
describe.each([koa3Framework, koa2Framework])('a late report of $name', ({ app }) => {
  it('is for the layer entered last, also when the request has failed before', async () => {
    const { opened, open } = gate();
    let tell: (report: string) => void = () => undefined;
    const told = new Promise<string>(resolve => {
      tell = resolve;
    });
    const reporter = (name: string) => (error: Error) => tell(`${name}: ${error.message}`);
    const leaving: Middleware = async (_request, callNext) => {
      callNext().catch(() => undefined);
      await undefined;
      throw new Error('early');
    };
    const outer = new Layer({ onError: reporter('outer') });
    const inner = new Layer({ middleware: [leaving], onError: reporter('inner') });
    const mounted = app()
      .use(outer)
      .use(inner)
      .handler('/', async () => {
        await opened;
        throw new Error('late');
      });
    await listening(mounted.listener(), async url => {
      await (await fetch(url)).text();
      open();
      expect(await told).toBe('inner: late');
    });
  });
});
