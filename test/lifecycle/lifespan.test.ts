import { AsyncLocalStorage } from 'node:async_hooks';
import { endpoint, Layer, type Lifespan } from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const state = endpoint({}, ({ request }) => ({ ...request.state }));

describe.each(frameworks)('a lifespan on $name', ({ app }) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  async function* lifespan() {
    log.add('enter');
    yield { pool: 'pool' };
    log.add('exit');
  }

  it('is entered by `start()` and left by `close()`, once each', async () => {
    const layer = new Layer({ lifespan });
    await Promise.all([layer.start(), layer.start()]);
    await listening(app().use(layer).at('/', state).listener(), async url => {
      expect(await (await fetch(url)).json()).toEqual({ pool: 'pool' });
    });
    await Promise.all([layer.close(), layer.close({ timeoutMs: 5000 })]);
    await layer.close();
    expect(log.events).toEqual(['enter', 'exit']);
  });

  it('is entered by the first request while others wait for it', async () => {
    const entering = gate<void>();
    const layer = new Layer({
      lifespan: async function* () {
        log.add('enter');
        await entering.opened;
        yield { ready: true };
      },
    });
    await listening(app().use(layer).at('/', state).listener(), async url => {
      const answers = [fetch(url), fetch(url)];
      await log.until('enter');
      entering.open();
      for (const answer of answers) expect(await (await answer).json()).toEqual({ ready: true });
    });
    await layer.close();
    expect(log.events).toEqual(['enter']);
  });

  it('is left after the last task of the last request', async () => {
    const layer = new Layer({ lifespan });
    const ending = gate<void>();
    const slow = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(async () => {
        log.add('task');
        await ending.opened;
        log.add('task over');
      });
    });
    await listening(app().use(layer).at('/', slow).listener(), async url => {
      await fetch(url);
      await log.until('task');
      const closing = layer.close();
      ending.open();
      await closing;
    });
    expect(log.events).toEqual(['enter', 'task', 'task over', 'exit']);
  });

  it('fails the request that could not enter it, and is entered anew by the next one', async () => {
    let isDown = true;
    const layer = new Layer({
      lifespan: async function* () {
        if (isDown) throw new RangeError('down');
        yield { up: true };
      },
    });
    layer.addExceptionHandler(RangeError, () => new Response('not yet', { status: 503 }));
    await listening(app().use(layer).at('/', state).listener(), async url => {
      const first = await fetch(url);
      expect([first.status, await first.text()]).toEqual([503, 'not yet']);
      isDown = false;
      expect(await (await fetch(url)).json()).toEqual({ up: true });
    });
    await layer.close();
  });

  it('of an inner layer removes what the outer one has put on `request.state`', async () => {
    const outer = new Layer({
      lifespan: function* () {
        yield { who: 'outer', outer: 1 };
      },
    });
    const inner = new Layer({
      lifespan: function* () {
        yield { who: 'inner', inner: 2 };
      },
    });
    await listening(app().use(outer).at('/', inner, state).listener(), async url => {
      expect(await (await fetch(url)).json()).toEqual({ who: 'outer', outer: 1, inner: 2 });
    });
  });

  it('gives each request a state of its own', async () => {
    const layer = new Layer({ lifespan });
    const change = endpoint({}, ({ request }) => {
      const before = { ...request.state };
      request.state.pool = 'changed';
      return before;
    });
    await listening(app().use(layer).at('/', change).listener(), async url => {
      await fetch(url);
      expect(await (await fetch(url)).json()).toEqual({ pool: 'pool' });
    });
  });
});

describe('a lifespan', () => {
  it('runs outside the async context of the request that entered it', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const layer = new Layer({
      lifespan: async function* () {
        seen.push(store.getStore());
        yield;
        seen.push(store.getStore());
      },
    });
    await store.run('request', () => layer.run({}, () => undefined));
    await store.run('closing', () => layer.close());
    expect(seen).toEqual([undefined, undefined]);
  });

  it('rejects `start()` with the reason why it cannot start', async () => {
    const layer = new Layer({
      lifespan: async function* () {
        await Promise.reject(new Error('down'));
        yield;
      },
    });
    await expect(layer.start()).rejects.toThrow('down');
    await expect(layer.run({}, () => 1)).rejects.toThrow('down');
    expect(await layer.close()).toEqual({ responses: [], exits: [], tasks: [] });
  });

  it.each([
    ['is not a function', 'lifespan', 'LIFESPAN'],
    ['is not a generator function', async () => ({}), 'LIFESPAN'],
    [
      'yields something else than an object',
      async function* () {
        yield 1;
      },
      'LIFESPAN',
    ],
    [
      'never yields',
      async function* () {
        // Deliberately empty.
      },
      'GENERATOR_NEVER_YIELDED',
    ],
  ])('that %s is rejected', async (_title, lifespan, code) => {
    await expect(
      (async () => new Layer({ lifespan: lifespan as unknown as Lifespan }).start())(),
    ).rejects.toMatchObject({ code });
  });

  it('that fails on exit fails `close()`', async () => {
    const layer = new Layer({
      lifespan: async function* () {
        yield;
        throw new Error('still in use');
      },
    });
    await layer.start();
    await expect(layer.close()).rejects.toThrow('still in use');
  });

  it('that never finishes is named, and `close()` goes on', async () => {
    const layer = new Layer({
      lifespan: async function* stuckPool() {
        yield;
        await new Promise(() => undefined);
      },
    });
    await layer.start();
    expect(await layer.close({ timeoutMs: 1 })).toEqual({ responses: [], exits: ['stuckPool'], tasks: [] });
  });

  it('does not begin after the layer was closed', async () => {
    const layer = new Layer({
      lifespan: async function* () {
        yield;
      },
    });
    await layer.close();
    await expect(layer.start()).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    await expect(layer.run({}, () => 1)).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
  });

  it('appears in `describe()`', () => {
    const layer = new Layer({
      lifespan: async function* pools() {
        yield;
      },
    });
    expect(layer.describe()).toMatchObject({ lifespan: 'pools' });
    expect(String(layer.describe())).toBe('lifespan: pools\n(routes)');
  });
});
