import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type AppContext,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  type LayerOptions,
} from 'callnext';
import { toNode } from 'callnext/node';
import { Header, Query } from 'callnext/params';
import { override, TestClient } from 'callnext/testing';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

let log: EventLog;
beforeEach(() => {
  log = new EventLog();
});

/** A dependency that logs its life. */
function life<T>(name: string, value: T) {
  const made = async function* (): AsyncGenerator<T> {
    await undefined;
    log.add(`${name} enter`);
    yield value;
    await undefined;
    log.add(`${name} exit`);
  };
  return Object.defineProperty(made, 'name', { value: name });
}

function newLayer(options: LayerOptions = {}): Layer {
  return new Layer({
    onError: (error, { phase, where }) =>
      log.add(`reported ${phase} of ${where}: ${(error as { code?: string }).code ?? error.message}`),
    ...options,
  });
}

const getSettings = () => ({ url: 'db' });
const settings = Depends(getSettings, { scope: 'app' });
const getPool = dependency({ settings }, async function* getPool({ settings }) {
  log.add(`pool enter ${settings.url}`);
  yield { query: () => settings.url };
  log.add('pool exit');
});
const pool = Depends(getPool, { scope: 'app' });
const getSession = dependency({ pool }, async function* getSession({ pool, request }) {
  log.add(`session enter ${request.path}`);
  yield pool;
  log.add('session exit');
});
const read = endpoint({ session: Depends(getSession), pool }, ({ session, pool, backgroundTasks }) => {
  log.add('endpoint');
  backgroundTasks.addTask(() => log.add('task'));
  return { isShared: session === pool, url: pool.query() };
});

describe.each(frameworks)('a dependency of scope `app` on $name', ({ app }) => {
  it('is entered by the first request and exits when the layer closes', async () => {
    const layer = newLayer();
    await listening(app().use(layer).at('/', read).listener(), async url => {
      expect(await (await fetch(url)).json()).toEqual({ isShared: true, url: 'db' });
      await log.until('task');
      await fetch(url);
    });
    await Promise.all([layer.close(), layer.close({ timeoutMs: 5000 })]);
    await layer.close();
    const request = ['session enter /', 'endpoint', 'session exit', 'task'];
    expect(log.events).toEqual(['pool enter db', ...request, ...request, 'pool exit']);
  });

  it('is entered by `start()` after the lifespan, and exits before it', async () => {
    const cache = Depends(life('cache', 1), { scope: 'app' });
    const layer = newLayer({
      dependencies: [Depends(dependency({ cache }, () => undefined))],
      lifespan: dependency({ pool }, async function* lifespan({ pool }) {
        log.add('lifespan enter');
        yield { url: pool.query() };
        log.add('lifespan exit');
      }),
    });
    await Promise.all([layer.start(), layer.start()]);
    log.add('started');
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await fetch(url);
      await layer.close();
    });
    expect(log.events).toEqual([
      'pool enter db',
      'lifespan enter',
      'cache enter',
      'started',
      'session enter /',
      'endpoint',
      'session exit',
      'task',
      'cache exit',
      'lifespan exit',
      'pool exit',
    ]);
  });

  it('is entered once for concurrent requests', async () => {
    const entering = gate<void>();
    const slow = async function* slow() {
      log.add('enter');
      await entering.opened;
      yield 1;
      log.add('exit');
    };
    const layer = newLayer();
    const at = endpoint({ slow: Depends(slow, { scope: 'app' }) }, ({ slow }) => slow);
    await listening(app().use(layer).at('/', at).listener(), async url => {
      const answers = [fetch(url), fetch(url), fetch(url)];
      await log.until('enter');
      const closing = layer.close();
      entering.open();
      for (const answer of answers) expect([200, 503]).toContain((await answer).status);
      await closing;
    });
    expect(log.events).toEqual(['enter', 'exit']);
  });

  it('fails the request whose entrance fails, and is entered again by the next', async () => {
    let attempts = 0;
    const flaky = async function* () {
      attempts += 1;
      if (attempts === 1) throw new HTTPException(503, 'starting');
      yield attempts;
      log.add('exit');
    };
    const layer = newLayer();
    const at = endpoint({ flaky: Depends(flaky, { scope: 'app' }) }, ({ flaky }) => ({ flaky }));
    await listening(app().use(layer).at('/', at).listener(), async url => {
      expect(await (await fetch(url)).json()).toEqual({ detail: 'starting' });
      expect(await (await fetch(url)).json()).toEqual({ flaky: 2 });
      expect(await (await fetch(url)).json()).toEqual({ flaky: 2 });
    });
    await layer.close();
    expect(log.events).toEqual(['exit']);
  });

  it('is entered by the outermost of nested layers, which share it', async () => {
    const outer = newLayer();
    const inner = newLayer();
    await listening(app().use(outer).at('/outer', read).at('/inner', inner, read).listener(), async url => {
      await fetch(`${url}/inner`);
      await fetch(`${url}/outer`);
      await inner.close();
      log.add('inner closed');
      await outer.close();
    });
    expect(log.events.filter(event => !/^(session|endpoint|task)/.test(event))).toEqual([
      'pool enter db',
      'inner closed',
      'pool exit',
    ]);
  });

  it('belongs to the inner layer if its lifespan entered it', async () => {
    const outer = newLayer();
    const inner = newLayer({
      lifespan: dependency({ pool }, function* ({ pool }) {
        yield { url: pool.query() };
      }),
    });
    await listening(app().use(outer).at('/inner', inner, read).listener(), async url => {
      await fetch(`${url}/inner`);
      await outer.close();
      log.add('outer closed');
      await inner.close();
    });
    expect(log.events.filter(event => !/^(session|endpoint|task)/.test(event))).toEqual([
      'pool enter db',
      'outer closed',
      'pool exit',
    ]);
  });

  it('is shared by several apps with one layer', async () => {
    const layer = newLayer();
    for (const each of [app(), app()])
      await listening(each.use(layer).at('/', read).listener(), url => fetch(url));
    await layer.close();
    expect(log.events.filter(event => event.startsWith('pool'))).toEqual(['pool enter db', 'pool exit']);
  });

  it('is available to guards and `inject`', async () => {
    const layer = newLayer();
    const guarded = app()
      .use(layer)
      .use(Depends(dependency({ pool }, ({ pool }) => void log.add(`guard ${pool.query()}`))) as never)
      .handler('/', async answer => {
        const { query } = (await answer.inject(pool)) as { query(): string };
        answer.send({ url: query() });
      });
    await listening(guarded.listener(), async url => {
      expect(await (await fetch(url)).json()).toEqual({ url: 'db' });
    });
    await layer.close();
    expect(log.events).toEqual(['pool enter db', 'guard db', 'pool exit']);
  });

  it('is refused without a layer that can close', async () => {
    await listening(app().at('/', read).listener(), async url => {
      const silent = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      expect((await fetch(url)).status).toBe(500);
      silent.mockRestore();
    });
    expect(log.events).toEqual([]);
  });
});

describe('a dependency of scope `app`', () => {
  it('is shared by calls of `layer.run`, and outlives them', async () => {
    const layer = newLayer();
    const run = (name: string): Promise<string> =>
      layer.run({ session: Depends(getSession), pool }, ({ session }) => {
        log.add(name);
        return session.query();
      });
    expect(await run('first')).toBe('db');
    await run('second');
    await layer.close();
    expect(log.events).toEqual([
      'pool enter db',
      'session enter run',
      'first',
      'session exit',
      'session enter run',
      'second',
      'session exit',
      'pool exit',
    ]);
  });

  it('receives `signal` and the lifespan state, outside the async context of the request', async () => {
    const store = new AsyncLocalStorage<string>();
    let given: AppContext | undefined;
    const layer = newLayer({
      lifespan: async function* ({ state }) {
        log.add(`lifespan ${Object.keys(state).length}`);
        yield { region: 'eu' };
      },
    });
    const reads = async function* (context: AppContext) {
      given = context;
      log.add(`${context.state.region} ${store.getStore()}`);
      yield 1;
      log.add(`${context.signal.aborted} ${store.getStore()}`);
    };
    await store.run('request', () => layer.run({ reads: Depends(reads, { scope: 'app' }) }, () => undefined));
    expect(given?.signal.aborted).toBe(false);
    await store.run('closing', () => layer.close());
    expect(log.events).toEqual(['lifespan 0', 'eu undefined', 'true undefined']);
  });

  it('has no request, even in untyped code', async () => {
    const asks = dependency({ settings }, ({ request }) => request.path);
    const layer = newLayer();
    const running = layer.run({ asks: Depends(asks, { scope: 'app' }) }, () => undefined);
    await expect(running).rejects.toMatchObject({ code: 'APP_REQUEST' });
  });

  it('fails `start()`, and is entered again by the next', async () => {
    let isDown = true;
    const flaky = async function* () {
      if (isDown) throw new RangeError('down');
      yield 1;
    };
    const layer = newLayer({ dependencies: [pool, Depends(flaky, { scope: 'app' })] });
    await expect(layer.start()).rejects.toThrow('down');
    isDown = false;
    await layer.start();
    await layer.close();
    expect(log.events).toEqual(['pool enter db', 'pool exit']);
  });

  it('is not entered after the layer has closed', async () => {
    const layer = newLayer({ dependencies: [pool] });
    await layer.close();
    await expect(layer.start()).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    await expect(layer.run({ pool }, () => 1)).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    expect(log.events).toEqual([]);
  });

  it('exits as after a success if another exit fails, and `close()` rejects with that', async () => {
    const failing = (name: string, needs: Record<string, Depends<unknown, 'app'>> = {}) => {
      const made = dependency(needs, async function* () {
        yield name;
        log.add(`${name} exit`);
        throw new Error(`${name} failed`);
      });
      return Depends(made, { scope: 'app' });
    };
    const first = failing('first');
    const second = failing('second', { first });
    const third = failing('third', { second, pool });
    const layer = newLayer();
    await layer.run({ third }, () => undefined);
    await expect(layer.close()).rejects.toThrow('third failed');
    expect(log.events).toEqual([
      'pool enter db',
      'third exit',
      'pool exit',
      'second exit',
      'reported exit of second: second failed',
      'first exit',
      'reported exit of first: first failed',
    ]);
  });

  it('is named by `close()` if it exits too slowly, and its late failure is reported', async () => {
    const leaving = gate<void>();
    const layer = newLayer();
    const stuck = async function* stuck() {
      yield 1;
      await leaving.opened;
      throw new Error('late');
    };
    await layer.run({ pool, stuck: Depends(stuck, { scope: 'app' }) }, () => undefined);
    expect(await layer.close({ timeoutMs: 1 })).toEqual({
      responses: [],
      exits: ['stuck', 'getPool'],
      tasks: [],
    });
    leaving.open();
    await log.until('reported exit of stuck: late');
    expect(log.events).toEqual(['pool enter db', 'pool exit', 'reported exit of stuck: late']);
  });

  it('is named and aborted by `close()` while it enters, and exits afterwards', async () => {
    const entering = gate<void>();
    const layer = newLayer();
    const slow = async function* slow({ signal }: AppContext) {
      signal.addEventListener('abort', () => log.add('aborted'));
      log.add('enter');
      await entering.opened;
      yield 1;
      log.add('exit');
      throw new Error('late');
    };
    const running = layer.run({ slow: Depends(slow, { scope: 'app' }) }, async function job() {
      log.add('never');
    });
    await log.until('enter');
    expect(await layer.close({ timeoutMs: 1 })).toEqual({
      responses: ['run job'],
      exits: ['slow'],
      tasks: [],
    });
    entering.open();
    await expect(running).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    expect(log.events).toEqual(['enter', 'aborted', 'exit', 'reported exit of slow: late']);
  });

  it('exits after an unfinished entrance that needs it, and others do not wait', async () => {
    const entering = gate<void>();
    const layer = newLayer();
    const getCache = life('cache', 1);
    const cache = Depends(getCache, { scope: 'app' });
    const getSlow = dependency({ pool }, async function* getSlow() {
      log.add('slow enter');
      await entering.opened;
      yield 1;
      log.add('slow exit');
    });
    const running = layer.run({ cache, slow: Depends(getSlow, { scope: 'app' }) }, () => undefined);
    await log.until('slow enter');
    expect((await layer.close({ timeoutMs: 1 })).exits).toEqual(['getSlow', 'getPool']);
    await log.until('cache exit');
    log.add('opened');
    entering.open();
    await expect(running).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    await log.until('pool exit');
    expect(log.events).toEqual([
      'cache enter',
      'pool enter db',
      'slow enter',
      'cache exit',
      'opened',
      'slow exit',
      'pool exit',
    ]);
  });

  it('keeps `close()` waiting if a request timed out while it entered', async () => {
    const entering = gate<void>();
    const layer = newLayer({ timeout: 5 });
    const slow = async function* slow() {
      await entering.opened;
      log.add('enter');
      yield 1;
      log.add('exit');
    };
    const at = endpoint({ slow: Depends(slow, { scope: 'app' }) }, () => 'late');
    const client = new TestClient(layer, { below: at });
    expect((await client.get('/')).status).toBe(504);
    const closing = layer.close();
    entering.open();
    await closing;
    await client.close();
    expect(log.events.filter(event => !event.startsWith('reported'))).toEqual(['enter', 'exit']);
  });

  it('is disposed when its layer closes', async () => {
    const layer = newLayer();
    const open = () => ({ [Symbol.dispose]: () => log.add('disposed') });
    const opened = Depends(open, { scope: 'app', dispose: true });
    await layer.run({ opened }, () => undefined);
    await layer.run({ opened }, () => undefined);
    await layer.close();
    expect(log.events).toEqual(['disposed']);
  });

  it('does not accumulate failed entrances', async () => {
    const down = (): never => {
      throw new Error('down');
    };
    const layer = newLayer();
    const failures: WeakRef<Error>[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1)
      await layer
        .run({ down: Depends(down, { scope: 'app' }) }, () => 1)
        .catch(error => {
          failures.push(new WeakRef(error));
        });
    expect(new Set(failures.map(failure => failure.deref())).size).toBe(3);
  });

  it('appears in `describe()`, also if a request entered it', async () => {
    const layer = newLayer({
      dependencies: [Depends(getSession)],
      lifespan: dependency({ cache: Depends(life('cache', 1), { scope: 'app' }) }, function* lifespan() {
        yield;
      }),
    });
    expect(layer.describe().app).toEqual(['cache', 'getSettings', 'getPool']);
    expect(String(layer.describe())).toBe(
      'app: cache, getSettings, getPool\nlifespan: lifespan\ndependencies: getSession\n(routes)',
    );
    await layer.run({ queue: Depends(life('queue', 1), { scope: 'app' }) }, () => undefined);
    expect(layer.describe().app).toEqual(['cache', 'getSettings', 'getPool', 'queue']);
    await layer.close();
  });
});

describe('an override of a dependency of scope `app`', () => {
  it('applies to later requests, and exits with the original when the layer closes', async () => {
    const layer = newLayer();
    const query = (): Promise<string> => layer.run({ pool }, ({ pool }) => pool.query());
    expect(await query()).toBe('db');
    const restore = override(layer, getPool, life('fake', { query: () => 'fake' }));
    expect(await query()).toBe('fake');
    expect(await query()).toBe('fake');
    restore();
    expect(await query()).toBe('db');
    await layer.close();
    expect(log.events).toEqual(['pool enter db', 'fake enter', 'fake exit', 'pool exit']);
  });

  it('of a nested dependency enters its users again', async () => {
    const layer = newLayer();
    const query = (): Promise<string> => layer.run({ pool }, ({ pool }) => pool.query());
    expect(await query()).toBe('db');
    const restore = override(layer, getSettings, () => ({ url: 'test' }));
    expect(await query()).toBe('test');
    restore();
    expect(await query()).toBe('db');
    await layer.close();
    expect(log.events).toEqual(['pool enter db', 'pool enter test', 'pool exit', 'pool exit']);
  });

  it('cannot need a request', async () => {
    const layer = newLayer({
      lifespan: dependency({ pool }, function* () {
        yield;
      }),
    });
    override(
      layer,
      getPool,
      dependency({ session: Depends(life('session', 1)) }, () => ({ query: () => '' })),
    );
    await expect(layer.run({ pool }, () => 1)).rejects.toMatchObject({ code: 'DEPENDENCY_SCOPE' });
    await expect(layer.start()).rejects.toMatchObject({
      code: 'DEPENDENCY_SCOPE',
      path: ['lifespan', 'pool', 'session'],
    });
  });
});

describe('TestClient', () => {
  it('enters scope `app` of its layer before the first call, and closes it', async () => {
    const layer = newLayer({ dependencies: [pool] });
    const client = new TestClient(
      toNode(layer, (_req, res) => void res.end('ok')),
      { layer },
    );
    expect(log.events).toEqual([]);
    await Promise.all([client.get('/'), client.get('/')]);
    await client.close();
    expect(log.events).toEqual(['pool enter db', 'pool exit']);
  });

  it('rejects a call with what `start()` rejects with', async () => {
    const layer = newLayer({
      dependencies: [Depends(() => Promise.reject(new Error('down')), { scope: 'app' })],
    });
    const client = new TestClient(layer, { layer });
    await expect(client.get('/')).rejects.toThrow('down');
    await client.close();
  });
});

describe('what a dependency of scope `app` may need', () => {
  const unnamed = () => 1;
  it.each([
    ['scope `function`', Depends(life('inner', 1), { scope: 'function' }), 'function'],
    ['scope `background`', Depends(life('inner', 1), { scope: 'background' }), 'background'],
    ['the default scope', Depends(life('inner', 1)), 'request'],
    ['a plain function without a scope', Depends(unnamed), 'request'],
  ])('cannot be of %s', (_title, inner, scope) => {
    const outer = dependency(
      {
        inner: Depends(
          dependency({ inner }, () => 1),
          { scope: 'app' } as never,
        ),
      },
      () => 1,
    );
    expect(() =>
      endpoint({ outer: Depends(outer) }, function read() {
        return 1;
      }),
    ).toThrow(
      expect.objectContaining({
        code: 'DEPENDENCY_SCOPE',
        path: [
          'read',
          'outer',
          'inner',
          scope === 'request' && inner.dependency === unnamed ? 'unnamed' : 'inner',
        ],
        message: expect.stringContaining(`"${scope}"`),
      }),
    );
    expect(
      () =>
        new Layer({
          lifespan: dependency({ inner }, function* () {
            yield;
          }) as never,
        }),
    ).toThrow(expect.objectContaining({ code: 'DEPENDENCY_SCOPE' }));
  });

  it('cannot be a parameter of a request', () => {
    const paged = dependency({ page: Query(), key: Header() }, ({ page }) => page);
    const inApp = Depends(paged, { scope: 'app' } as never);
    const code = 'APP_PARAMETER';
    const build = () =>
      endpoint({ outer: Depends(dependency({ inApp }, () => 1)) }, function read() {
        return 1;
      });
    const path = ['read', 'outer', 'inApp', 'page'];
    expect(build).toThrow(
      expect.objectContaining({ code, path, message: expect.stringContaining('`Query()`') }),
    );
    const lifespan = dependency({ key: Header() }, function* life() {
      yield;
    });
    expect(() => new Layer({ lifespan: lifespan as never })).toThrow(
      expect.objectContaining({ code, path: ['life', 'key'] }),
    );
    expect(() => new Layer({ dependencies: [Depends.all({ inApp, page: Query() })] })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('cannot be a parameter of an override', async () => {
    const layer = newLayer();
    override(layer, getSettings, dependency({ q: Query(undefined) }, () => ({ url: '' })) as never);
    await expect(layer.run({ pool }, () => 1)).rejects.toMatchObject({ code: 'APP_PARAMETER' });
    await layer.close();
  });

  it.each([
    ['without a cache', () => Depends(unnamed, { scope: 'app', useCache: false } as never), 'OPTION_VALUE'],
    ['as the default', () => new Layer({ defaultScope: 'app' as never }), 'INVALID_SCOPE'],
  ])('is refused %s', (_title, build, code) => {
    expect(build).toThrow(expect.objectContaining({ code }));
  });
});
