import { createHash } from 'node:crypto';
import {
  Depends,
  endpoint,
  HTTPException,
  Layer,
  PlainTextResponse,
  type Request,
  StreamingResponse,
} from 'callnext';
import { toExpress } from 'callnext/express';
import { type Inspector, type InspectorOptions, inspector as newInspector } from 'callnext/inspector';
import { toKoa } from 'callnext/koa';
import { collectingQueue, memoryQueue, task } from 'callnext/tasks';
import { TestClient } from 'callnext/testing';
import express from 'express';
import helmet from 'helmet';
import Koa from 'koa';
import { linesOf, textOf } from '../../adapters/inspector/shown/lines.js';
import { marksOf } from '../../adapters/inspector/shown/order.js';
import { outOfOrder } from '../../adapters/inspector/shown/verdict.js';
import { gate } from '../support/events.js';
import { frameworks } from '../support/frameworks.js';
import { readBatch } from './read-batch.js';

const made: Inspector[] = [];

function inspector(options?: InspectorOptions): Inspector {
  const one = newInspector(options);
  made.push(one);
  return one;
}

// Jest runs other files in the same process, which must not be recorded.
afterEach(() => {
  for (const one of made.splice(0)) one[Symbol.dispose]();
});

const ok = endpoint({}, function ok() {
  return 'ok';
});

describe.each(frameworks)('the inspector on $name', framework => {
  it('serves its page, and at the same path the events', async () => {
    const client = new TestClient(framework.app().at('/inspector', inspector()).at('/ok', ok).listener());
    const page = await client.get('/inspector', { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(await page.text()).toContain('<title>callnext inspector</title>');
    await client.get('/ok');
    await client.settled();
    const { records, limit, isFirst } = await readBatch(client);
    expect(records).toMatchObject([{ method: 'GET', path: '/ok', status: 200, isOver: true }]);
    expect({ limit, isFirst }).toEqual({ limit: 100, isFirst: true });
    await client.close();
  });

  it('does not show its own requests, also inside layers and for other methods', async () => {
    const layer = new Layer({
      middleware: [async (request, callNext) => callNext(request)],
      dependencies: [Depends(async ({ backgroundTasks }) => backgroundTasks.addTask(() => undefined))],
    });
    const client = new TestClient(
      framework.app().use(layer).at('/inspector', inspector()).at('/ok', ok).listener(),
    );
    await client.get('/inspector');
    const refused = await client.post('/inspector');
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    for (const accept of ['text/html', 'text/event-stream']) {
      const head = await client.head('/inspector', { headers: { accept } });
      expect([head.status, await head.text()]).toEqual([200, '']);
    }
    await client.get('/ok');
    await client.settled();
    const { records } = await readBatch(client);
    expect(records.map(({ path }) => path)).toEqual(['/ok']);
    await client.close();
  });

  it('keeps names and errors, but no query strings, headers, bodies or values', async () => {
    const fail = endpoint({ user: Depends(async () => 'secret value') }, async function fail({ request }) {
      await request.text();
      throw new HTTPException(403, 'not yours');
    });
    const client = new TestClient(framework.app().at('/inspector', inspector()).at('/fail', fail).listener());
    await client.post('/fail?token=secret-query', {
      body: 'secret body',
      headers: { authorization: 'secret header' },
    });
    await client.settled();
    const { records, eventId } = await readBatch(client);
    expect(JSON.stringify(records)).not.toContain('secret');
    expect(eventId).toMatch(/^[\da-f]{8}\.\d+$/);
    expect(records[0]?.steps).toMatchObject([
      { stage: 'dependency', name: 'user' },
      { stage: 'endpoint', name: 'fail', failure: { name: 'HTTPException', message: 'not yours' } },
      { stage: 'send', status: 403, outcome: 'sent' },
    ]);
    await client.close();
  });

  it('marks a rollback with a dropped task, a client that left, and a body that failed', async () => {
    async function* getDb() {
      yield 'db';
    }
    const left = gate();
    const endpoints = {
      '/rollback': endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
        backgroundTasks.addTask(function sendMail() {
          return;
        });
        throw new HTTPException(409, 'out of stock');
      }),
      '/left': endpoint({ db: Depends(getDb) }, ({ request }) => {
        request.signal.addEventListener('abort', () => left.open());
        return new StreamingResponse(
          (async function* () {
            yield 'first';
            await left.opened;
          })(),
        );
      }),
      '/cut': endpoint({ db: Depends(getDb) }, () => {
        return new StreamingResponse(
          (async function* () {
            yield 'first';
            throw new Error('no more');
          })(),
        );
      }),
    };
    const app = framework
      .app()
      .use(new Layer({ onError: () => undefined }))
      .at('/inspector', inspector());
    for (const [path, target] of Object.entries(endpoints)) app.at(path, target);
    const client = new TestClient(app.listener());
    await client.get('/rollback');
    const stream = await client.get('/left', { stream: true });
    for await (const _chunk of stream.body ?? []) break;
    await expect(client.get('/cut').then(response => response.text())).rejects.toThrow();
    await left.opened;
    await client.settled();
    const { records } = await readBatch(client);
    expect(
      Object.fromEntries(records.map(each => [each.path, marksOf(each).map(({ text }) => text)])),
    ).toEqual({
      '/rollback': ['rolled back', 'task dropped'],
      '/left': ['client left'],
      '/cut': ['cut', 'rolled back'],
    });
    await client.close();
  });

  it('shows the life of dependencies of scope `app`', async () => {
    async function* getPool() {
      yield 'pool';
    }
    const layer = new Layer();
    const read = endpoint({ pool: Depends(getPool, { scope: 'app' }) }, () => 'ok');
    const app = framework.app().at('/inspector', inspector()).use(layer).at('/read', read);
    const client = new TestClient(app.listener());
    await client.get('/read');
    await client.get('/read');
    await client.settled();
    const { app: open } = await readBatch(client);
    expect(open).toEqual([
      { id: expect.any(Number), name: 'getPool', enteredAt: expect.any(Number), took: expect.any(Number) },
    ]);
    await layer.close();
    const { app: closed } = await readBatch(client);
    expect(closed).toEqual([{ ...open[0], exitedAt: expect.any(Number) }]);
    await client.close();
  });
});

describe('the native code below a layer', () => {
  it('is a step of its own, unless it only passes the request on', async () => {
    const app = express();
    app.use('/inspector', toExpress(inspector()));
    app.use(toExpress(new Layer({ middleware: [async (request, callNext) => callNext(request)] })));
    app.get('/native', (_req, res) => res.json(1));
    app.get('/ours', toExpress(ok));
    const client = new TestClient(app);
    await client.get('/native');
    await client.get('/ours');
    await client.settled();
    const { records } = await readBatch(client);
    expect(
      records.map(({ path, route, steps }) => [path, route, ...steps.map(({ stage }) => stage)]),
    ).toEqual([
      ['/native', '/native', 'middleware', 'native', 'send'],
      ['/ours', '/ours', 'middleware', 'endpoint', 'send'],
    ]);
    await client.close();
  });
});

it('shows functions that `layer.run` calls', async () => {
  const client = new TestClient(express().use('/inspector', toExpress(inspector())));
  await new Layer().run({ value: Depends(() => 1) }, function nightly({ backgroundTasks }) {
    backgroundTasks.addTask(function report() {
      return;
    });
  });
  const { records } = await readBatch(client);
  expect(records).toMatchObject([{ method: 'run', path: 'nightly', isOver: true }]);
  expect(linesOf(records[0] as never).map(({ text }) => text)).toEqual([
    'value enter',
    'nightly',
    'task report',
  ]);
  await client.close();
});

describe('durable tasks', () => {
  async function* getDb() {
    yield 'db';
  }

  /** Adds a task in a request: the records, their lines, and the client's trace. */
  async function shown(handler: () => unknown, taskQueue: ReturnType<typeof memoryQueue>) {
    const layer = new Layer({ taskQueue, onError: () => undefined });
    const sendMail = task('send-mail', { db: Depends(getDb) }, handler, { attempts: 1 });
    const create = endpoint({}, function create({ backgroundTasks }) {
      backgroundTasks.addTask(sendMail);
    });
    const app = express().use('/inspector', toExpress(inspector()));
    app.use(toExpress(layer)).post('/create', toExpress(create));
    const client = new TestClient(app);
    await client.post('/create');
    await client.settled();
    const { trace } = client;
    await layer.close();
    const { records } = await readBatch(client);
    await client.close();
    const lines = records.map(each =>
      linesOf(each).flatMap(({ isTraced, text }) => (isTraced ? [text] : [])),
    );
    return { records, lines, trace };
  }

  it('are shown where they are stored, and as a row of their own where they run', async () => {
    const { records, lines, trace } = await shown(() => undefined, memoryQueue());
    expect(records.slice(0, 2)).toMatchObject([
      { method: 'POST', path: '/create', isOver: true },
      { method: 'task', path: 'send-mail', isOver: true },
    ]);
    expect(lines.slice(0, 2)).toEqual([
      ['create', 'sent 200', 'queue send-mail'],
      ['getDb enter', 'task send-mail', 'getDb exit'],
    ]);
    expect(lines.flat()).toEqual(trace);
    expect(records.map(outOfOrder)).toEqual(records.map(() => undefined));
  });

  it('show their failure', async () => {
    const { records } = await shown(() => {
      throw new Error('no server');
    }, memoryQueue());
    expect(records[1]).toMatchObject({ method: 'task', failure: { name: 'Error', message: 'no server' } });
    expect(textOf(records[1] as never)).toContain('task        send-mail failed: Error: no server');
  });

  it('show a queue that refuses them', async () => {
    const queue = collectingQueue();
    queue.failNext(new Error('down'));
    const { records } = await shown(() => undefined, queue);
    expect(textOf(records[0] as never)).toMatch(
      /queue {7}send-mail failed: Error: down\n.* reported {4}CallnextError/,
    );
  });
});

it('keeps as many requests as `limit` says, and 200 steps of each', async () => {
  const many = endpoint({}, ({ backgroundTasks }) => {
    for (let index = 0; index < 300; index += 1) backgroundTasks.addTask(() => undefined);
  });
  const client = new TestClient(
    express()
      .use('/inspector', toExpress(inspector({ limit: 2 })))
      .use('/many', toExpress(many)),
  );
  for (let index = 0; index < 5; index += 1) await client.get(`/many/${index}`);
  await client.settled();
  const { records, limit } = await readBatch(client);
  expect(limit).toBe(2);
  expect(records.map(({ path, steps, omitted }) => [path, steps.length, omitted])).toEqual([
    ['/many/3', 200, 102],
    ['/many/4', 200, 102],
  ]);
  await client.close();
});

it('shows a request that is still running', async () => {
  const go = gate();
  const slow = endpoint({}, async () => go.opened);
  const client = new TestClient(
    express().use('/inspector', toExpress(inspector())).use('/slow', toExpress(slow)),
  );
  const answered = client.get('/slow');
  let records: Awaited<ReturnType<typeof readBatch>>['records'] = [];
  while (records.length === 0) ({ records } = await readBatch(client));
  expect(records).toMatchObject([{ path: '/slow', isOver: false }]);
  expect(records[0]?.status).toBeUndefined();
  go.open();
  await answered;
  await client.close();
});

/** What the package `koa-helmet` does. */
function koaHelmet({ req, res }: Koa.Context, next: Koa.Next): Promise<void> {
  return new Promise((resolve, reject) => helmet()(req, res, () => next().then(resolve, reject)));
}

describe('the policy of the page', () => {
  const policies = [
    ['on Express', () => express().use('/', toExpress(inspector()))],
    ['on Express, beside helmet', () => express().use(helmet()).use('/', toExpress(inspector()))],
    ['on Koa', () => new Koa().use(toKoa(inspector())).callback()],
    ['on Koa, beside helmet', () => new Koa().use(koaHelmet).use(toKoa(inspector())).callback()],
  ] as const;
  it.each(policies)('allows its own script and style only, %s', async (_title, listenerOf) => {
    const client = new TestClient(listenerOf() as never);
    const response = await client.get('/');
    const html = await response.text();
    const hashOf = (tag: string): string => {
      const [, text = ''] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html) ?? [];
      return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    };
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; script-src ${hashOf('script')}; style-src ${hashOf('style')}; ` +
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(html).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)=|style="|onclick=/);
    expect(html.length).toBeLessThan(30_000);
    await client.close();
  });
});

it('stops recording when it is disposed of', async () => {
  const inspect = inspector();
  const client = new TestClient(express().use('/inspector', toExpress(inspect)).use('/ok', toExpress(ok)));
  await client.get('/ok/1');
  await client.settled();
  inspect[Symbol.dispose]();
  await client.get('/ok/2');
  await client.settled();
  const { records } = await readBatch(client);
  expect(records.map(({ path }) => path)).toEqual(['/ok/1']);
  await client.close();
});

describe('`allow`', () => {
  it('is asked for the page and for the events', async () => {
    const asked: string[] = [];
    const allow = async (request: Request): Promise<boolean> => {
      asked.push(String(request.headers.get('accept')));
      return request.headers.get('authorization') === 'Bearer admin';
    };
    const client = new TestClient(express().use(toExpress(inspector({ allow }))), {
      headers: { authorization: 'Bearer admin' },
    });
    expect((await client.get('/', { headers: { accept: 'text/html' } })).status).toBe(200);
    await readBatch(client, { path: '/' });
    for (const accept of ['text/html', 'text/event-stream'])
      expect((await client.get('/', { headers: { accept, authorization: 'Bearer other' } })).status).toBe(
        403,
      );
    expect(asked).toEqual(['text/html', 'text/event-stream', 'text/html', 'text/event-stream']);
    await client.close();
  });

  it.each([
    ['throws', 500, () => Promise.reject(new Error('no database'))],
    ['returns no boolean', 403, () => 'yes' as never],
  ])('refuses if it %s', async (_title, status, allow) => {
    const app = express()
      .set('env', 'test')
      .use(toExpress(inspector({ allow })));
    const client = new TestClient(app);
    const response = await client.get('/');
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain('callnext inspector');
    await client.close();
  });
});

describe('in production', () => {
  const before = process.env.NODE_ENV;
  beforeEach(() => {
    process.env.NODE_ENV = 'production';
  });
  afterEach(() => {
    process.env.NODE_ENV = before;
  });

  it('is refused without `allow`', () => {
    expect(() => inspector()).toThrow(expect.objectContaining({ code: 'INSPECTOR_IN_PRODUCTION' }));
    expect(() => inspector({ limit: 5 })).toThrow('Pass `{ allow: request => … }`');
  });

  it('is refused without `allow` to every request, if `NODE_ENV` is set after it was made', async () => {
    process.env.NODE_ENV = 'development';
    const early = inspector();
    process.env.NODE_ENV = 'production';
    const errors: unknown[] = [];
    const layer = new Layer();
    layer.addExceptionHandler(Error, async (_request, error) => {
      errors.push(error);
      return new PlainTextResponse('refused', { status: 500 });
    });
    const client = new TestClient(express().use(toExpress(layer), toExpress(early)));
    expect((await client.get('/')).status).toBe(500);
    expect((await client.get('/', { headers: { accept: 'text/event-stream' } })).status).toBe(500);
    expect(errors).toMatchObject(Array(2).fill({ code: 'INSPECTOR_IN_PRODUCTION' }));
    await client.close();
  });

  it('is there with `allow`', async () => {
    const client = new TestClient(express().use(toExpress(inspector({ allow: () => true }))));
    expect((await client.get('/')).status).toBe(200);
    await client.close();
  });
});

it.each([
  [{ limit: 0 }, 'OPTION_VALUE'],
  [{ limit: 1.5 }, 'OPTION_VALUE'],
  [{ limit: 1_001 }, 'OPTION_VALUE'],
  [{ allow: true }, 'OPTION_VALUE'],
  [{ allowed: () => true }, 'UNKNOWN_OPTION'],
  [[], 'OPTIONS'],
])('refuses the options %j', (options, code) => {
  expect(() => inspector(options as never)).toThrow(expect.objectContaining({ code }));
});
