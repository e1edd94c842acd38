import http, { type RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Depends, dependency, endpoint, HTTPException, JSONResponse, Layer, type Middleware } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import { override, TestClient, type TestClientOptions, type TestTarget } from 'callnext/testing';
import express from 'express';
import Koa from 'koa';
import { gate } from '../support/events.js';

async function* getDb(): AsyncGenerator<{ name: string }> {
  yield { name: 'real' };
}
const getUser = dependency({ db: Depends(getDb) }, function getUser({ db }) {
  return `user of ${db.name}`;
});
const timing: Middleware = async function timing(request, callNext) {
  const response = await callNext(request);
  response.headers.set('x-timing', '1');
  return response;
};
async function notify(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve));
}
const readUser = endpoint({ user: Depends(getUser) }, function readUser({ user, backgroundTasks }) {
  backgroundTasks.addTask(notify);
  return { user };
});

const steps = [
  'timing before',
  'getDb enter',
  'getUser enter',
  'readUser',
  'timing after 200',
  'sent 200',
  'getDb exit',
  'task notify',
];

function newLayer(): Layer {
  return new Layer({ middleware: [timing], onError: () => undefined });
}

const targets: [string, (layer: Layer) => TestTarget][] = [
  [
    'an Express app',
    layer => express().use(toExpress(layer)).get('/', toExpress(readUser)) as RequestListener,
  ],
  ['a Koa app', layer => new Koa().use(toKoa(layer) as never).use(toKoa(readUser) as never) as never],
  ['a listener of Node', layer => toNode(layer, toNode(readUser))],
  ['a server of Node', layer => http.createServer(toNode(layer, toNode(readUser)))],
];

describe.each([
  ['in process', {}],
  ['over a socket', { socket: true }],
] as [string, TestClientOptions][])('TestClient %s', (_way, options) => {
  it.each(targets)('calls %s and returns the order', async (_name, target) => {
    const client = new TestClient(target(newLayer()), options);
    const response = await client.get('/');
    expect([response.status, response.headers.get('x-timing'), await response.json()]).toEqual([
      200,
      '1',
      { user: 'user of real' },
    ]);
    await client.settled();
    expect(client.trace).toEqual(steps);
    client.clearTrace();
    expect(client.trace).toEqual([]);
    await client.close();
  });

  it('calls a layer alone, around an endpoint or around nothing', async () => {
    const layer = newLayer();
    const alone = new TestClient(layer, options);
    expect((await alone.get('/')).status).toBe(404);
    const around = new TestClient(layer, { ...options, below: readUser });
    expect(await (await around.get('/')).json()).toEqual({ user: 'user of real' });
    const endpointAlone = new TestClient(readUser, options);
    expect((await endpointAlone.get('/')).headers.get('x-timing')).toBeNull();
    for (const client of [alone, around, endpointAlone]) await client.close();
  });

  const newApp = (): RequestListener => {
    const app = express();
    app.get('/login', (_req, res) => {
      res.cookie('session', 'a b', { path: '/account', httpOnly: true });
      res.cookie('secure', '1', { secure: true });
      res.redirect(303, '/account/me');
    });
    app.get(
      '/account/me',
      (req, res) => void res.json({ cookie: req.headers.cookie, host: req.headers.host }),
    );
    app.get('/logout', (_req, res) => void res.clearCookie('session', { path: '/account' }).end());
    app.all('/echo', express.text({ type: () => true }), (req, res) => {
      const { method, headers, body } = req;
      res.json({ method, type: headers['content-type'], length: headers['content-length'], body });
    });
    app.all('/moved', (_req, res) => res.redirect(307, '/echo'));
    app.all('/posted', (_req, res) => res.redirect(302, '/echo'));
    app.get('/again', (_req, res) => res.redirect('/again'));
    app.get('/coded', (_req, res) => void res.set('content-encoding', 'gzip').end(gzipSync('coded')));
    app.get('/empty', (_req, res) => void res.status(204).end());
    app.get('/cut', (_req, res) => {
      res.writeHead(200, { 'content-length': 10 }).write('cut');
      setImmediate(() => res.destroy());
    });
    app.get('/gone', (_req, res) => void res.destroy());
    return app as RequestListener;
  };

  it('keeps cookies as a browser does, and follows redirects', async () => {
    const client = new TestClient(newApp(), options);
    const response = await client.get('/login');
    expect([response.url, response.redirected]).toEqual(['http://localhost/account/me', true]);
    expect(await response.json()).toEqual({ cookie: 'session=a%20b; secure=1', host: 'localhost' });
    expect(client.cookies.toObject()).toEqual({ session: 'a b', secure: '1' });
    expect(client.cookies.get('session')).toBe('a b');
    const manual = await client.get('/login', { redirect: 'manual' });
    expect([manual.status, manual.headers.get('location')]).toEqual([303, '/account/me']);
    await client.get('/logout');
    client.cookies.delete('secure');
    client.cookies.set('own', '1');
    const [own] = [await (await client.get('/account/me')).json()];
    expect(own).toEqual({ cookie: 'own=1', host: 'localhost' });
    await client.close();
  });

  it('sends bodies as fetch does, and JSON', async () => {
    const client = new TestClient(newApp(), { ...options, headers: { 'x-all': '1' } });
    const sent = async (...args: Parameters<TestClient['fetch']>): Promise<unknown> =>
      (await client.fetch(...args)).json();
    const ofJSON = { method: 'PUT', type: 'application/json', length: '7', body: '{"a":1}' };
    expect(await sent('/echo', { method: 'PUT', json: { a: 1 } })).toEqual(ofJSON);
    expect(await sent('/moved', { method: 'PUT', json: { a: 1 } })).toEqual(ofJSON);
    expect(await sent('/posted', { method: 'POST', json: { a: 1 } })).toMatchObject({ method: 'GET' });
    expect(await sent(new Request('http://localhost/echo', { method: 'POST', body: 'text' }))).toMatchObject({
      length: '4',
      body: 'text',
    });
    const stream = new Blob(['a', 'b']).stream();
    expect(await sent('/echo', { method: 'POST', body: stream as never })).toEqual({
      method: 'POST',
      body: 'ab',
    });
    expect((await client.head('/echo')).status).toBe(200);
    expect((await client.get('/empty')).body).toBeNull();
    expect(await (await client.get('/coded')).text()).toBe('coded');
    await client.close();
  });

  it('rejects when the connection fails and when redirects never end', async () => {
    const client = new TestClient(newApp(), options);
    await expect(client.get('/gone')).rejects.toThrow();
    await expect((await client.get('/cut')).text()).rejects.toThrow();
    await expect(client.get('/again')).rejects.toThrow(TypeError);
    await expect(client.get('/again', { redirect: 'error' })).rejects.toThrow(TypeError);
    const aborted = client.get('/account/me', { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow();
    await client.settled();
    await client.close();
  });

  it('reports what is unfinished when its time is up, and failures in order', async () => {
    const release = gate();
    const failing = endpoint({ db: Depends(getDb) }, function failing({ backgroundTasks, request }) {
      if (request.url.endsWith('/fails')) throw new HTTPException(409);
      backgroundTasks.addTask(function waits() {
        return release.opened;
      });
      return 'ok';
    });
    const client = new TestClient(newLayer(), { ...options, below: failing });
    expect((await client.get('/fails')).status).toBe(409);
    await client.settled();
    expect(client.trace).toEqual([
      'timing before',
      'getDb enter',
      'failing',
      'getDb exit with HTTPException',
      'timing after 409',
      'sent 409',
    ]);
    expect(await (await client.get('/')).json()).toBe('ok');
    await expect(client.settled({ timeoutMs: 20 })).rejects.toMatchObject({
      code: 'NOT_SETTLED',
      message: expect.stringContaining('waits'),
    });
    release.open();
    await client.settled();
    await client.close();
  });
});

it('leaves the lifespan of a given layer when its requests have finished', async () => {
  const log: string[] = [];
  const layer = new Layer({
    async *lifespan() {
      log.push('start');
      yield {};
      log.push('stop');
    },
  });
  {
    await using client = new TestClient(layer, {
      layer,
      below: endpoint({}, ({ backgroundTasks }) => {
        backgroundTasks.addTask(async () => {
          await notify();
          log.push('task');
        });
        return log.length;
      }),
    });
    expect(await (await client.get('/')).json()).toBe(1);
  }
  expect(log).toEqual(['start', 'task', 'stop']);
});

it('rejects a target that answers no requests', () => {
  expect(() => new TestClient({} as never)).toThrow(expect.objectContaining({ code: 'TEST_TARGET' }));
});

describe('override', () => {
  const layer = newLayer();
  const client = new TestClient(layer, { below: readUser });
  const user = async (): Promise<unknown> =>
    ((await (await client.get('/')).json()) as { user: string }).user;
  afterAll(() => client.close());

  it('replaces a dependency until it is restored, in any order', async () => {
    const first = override(layer, getDb, () => ({ name: 'first' }));
    const second = override(layer, getDb, async function* () {
      yield { name: 'second' };
    });
    expect(await user()).toBe('user of second');
    first();
    expect(await user()).toBe('user of second');
    second();
    second();
    expect(await user()).toBe('user of real');
    expect(layer.dependencyOverrides.size).toBe(0);
  });

  it('stays in force until it is restored itself, whatever is restored before', async () => {
    const first = override(layer, getDb, () => ({ name: 'first' }));
    override(layer, getDb, () => ({ name: 'second' }))();
    const third = override(layer, getDb, () => ({ name: 'third' }));
    first();
    expect(await user()).toBe('user of third');
    third();
    expect(await user()).toBe('user of real');
    expect(layer.dependencyOverrides.size).toBe(0);
  });

  it('keeps the name of the dependency it replaces', async () => {
    using _restored = override(layer, getDb, () => ({ name: 'fake' }));
    await client.settled();
    client.clearTrace();
    await user();
    expect(client.trace.slice(0, 3)).toEqual(['timing before', 'getDb enter', 'getUser enter']);
  });

  it('falls back to an earlier override, also with `using`', async () => {
    layer.dependencyOverrides.set(getDb, () => ({ name: 'set' }));
    {
      using _restored = override(layer, getUser, () => 'nobody');
      expect(await user()).toBe('nobody');
    }
    const restore = override(layer, getDb, () => ({ name: 'override' }));
    expect(await user()).toBe('user of override');
    restore();
    expect(await user()).toBe('user of set');
    layer.dependencyOverrides.clear();
  });
});

it('reports a JSON response that a middleware makes', async () => {
  const guard: Middleware = function guard() {
    return new JSONResponse({ detail: 'no' }, { status: 403 });
  };
  const client = new TestClient(new Layer({ middleware: [timing, guard] }));
  expect((await client.get('/')).status).toBe(403);
  await client.settled();
  expect(client.trace).toEqual([
    'timing before',
    'guard before',
    'guard after 403',
    'timing after 403',
    'sent 403',
  ]);
  await client.close();
});
