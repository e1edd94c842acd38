import {
  BackgroundTask,
  BackgroundTasks,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  PlainTextResponse,
} from 'callnext';
import { EventLog } from '../support/events.js';
import { listening, mounts, type TestApp } from '../support/frameworks.js';

describe.each(mounts)('layers in layers on $name', ({ app }) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  /** The client's response, after all layers have finished. */
  async function ask(
    native: TestApp,
    layers: Layer[],
    path = '/',
  ): Promise<{ status: number; body: string }> {
    return listening(native.listener(), async url => {
      const response = await fetch(url + path);
      const body = await response.text();
      for (const layer of layers) await layer.close();
      return { status: response.status, body };
    });
  }
  const telling = (name: string, options = {}): Layer =>
    new Layer({
      onError: (error, { phase }) => log.add(`${name} reported ${phase}: ${error.message.slice(0, 30)}`),
      ...options,
    });
  const failingExit = (name: string) =>
    async function* () {
      yield name;
      throw new Error(`${name} exit`);
    };

  it('look up handlers from the inner layer outwards, by status or class', async () => {
    class AppError extends RangeError {}
    const outer = telling('outer', {
      exceptionHandlers: [
        [AppError, () => new PlainTextResponse('outer, by class', { status: 400 })],
        [404, () => new PlainTextResponse('outer 404', { status: 404 })],
      ],
    });
    const inner = telling('inner', {
      exceptionHandlers: [[RangeError, () => new PlainTextResponse('inner, by ancestor', { status: 400 })]],
    });
    const failing = endpoint({}, ({ request }) => {
      throw request.url.endsWith('/class') ? new AppError() : new HTTPException(404);
    });
    const native = app().use(outer).at('/in', inner, failing).at('/', failing);
    await listening(native.listener(), async url => {
      const bodies = ['/in/class', '/in/status', '/class'].map(async path =>
        (await fetch(url + path)).text(),
      );
      expect(await Promise.all(bodies)).toEqual(['inner, by ancestor', 'outer 404', 'outer, by class']);
    });
  });

  it('let the inner handler for Error answer inside the middleware of the outer layer', async () => {
    const outer = telling('outer', {
      middleware: [
        async (request: never, callNext: (request: never) => Promise<Response>) => {
          const response = await callNext(request);
          log.add(`outer after ${response.status}`);
          return response;
        },
      ],
    });
    const inner = telling('inner').addExceptionHandler(
      Error,
      () => new PlainTextResponse('inner page', { status: 500 }),
    );
    const failing = endpoint({}, () => {
      throw new Error('boom');
    });
    expect(await ask(app().use(outer).at('/', inner, failing), [outer])).toEqual({
      status: 500,
      body: 'inner page',
    });
    expect(log.events).toEqual(['inner reported request: boom', 'outer after 500']);
  });

  it.each(['outer', 'inner'])(
    "report an exit's failure to the `onError` of the %s layer if entered there",
    async name => {
      const dependenciesOf = (layer: string) => (layer === name ? [Depends(failingExit('its'))] : []);
      const outer = telling('outer', { dependencies: dependenciesOf('outer') });
      const inner = telling('inner', { dependencies: dependenciesOf('inner') });
      const read = endpoint({}, () => 'fine');
      expect((await ask(app().use(outer).at('/', inner, read), [outer])).status).toBe(200);
      expect(log.events).toEqual([`${name} reported exit: its exit`]);
    },
  );

  it('report tasks, and exits below it, to the innermost one', async () => {
    const outer = telling('outer');
    const inner = telling('inner');
    const quiet = new Layer();
    const read = endpoint({ db: Depends(failingExit('db')) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(
        new BackgroundTask(
          () => {
            throw new Error('task');
          },
          [],
          { when: 'always' },
        ),
      );
    });
    await ask(app().use(outer).at('/', inner, quiet, read), [outer]);
    expect(log.events).toEqual(['inner reported exit: db exit', 'inner reported background: task']);
  });

  it('apply the overrides of the innermost layer that has any, also to its dependencies', async () => {
    const getName = () => 'real';
    const noted = dependency({ name: Depends(getName, { useCache: false }) }, ({ name }) => log.add(name));
    const outer = telling('outer', { dependencies: [Depends(noted)] });
    const inner = telling('inner', { dependencies: [Depends(noted, { useCache: false })] });
    outer.dependencyOverrides.set(getName, () => 'outer fake');
    inner.dependencyOverrides.set(getName, () => 'inner fake');
    await ask(
      app()
        .use(outer)
        .at(
          '/',
          inner,
          endpoint({}, () => 1),
        ),
      [outer],
    );
    expect(log.events).toEqual(['outer fake', 'inner fake']);
  });

  it('use an inner default scope for what is below it', async () => {
    const outer = telling('outer');
    const inner = telling('inner', { defaultScope: 'function' });
    async function* db() {
      yield 1;
      throw new HTTPException(409, 'commit');
    }
    const write = endpoint({ db: Depends(db) }, () => 'fine');
    expect((await ask(app().use(outer).at('/', inner, write), [outer])).status).toBe(409);
  });
});

describe.each(mounts)('overrides on $name', ({ app }) => {
  it('keep the place, scope and cache key at every depth and for any kind of function', async () => {
    const log = new EventLog();
    const getDb = () => 'db';
    const getUser = dependency({ db: Depends(getDb, { scope: 'function' }) }, ({ db }) => `user of ${db}`);
    const layer = new Layer();
    layer.dependencyOverrides.set(
      getDb,
      dependency({ base: Depends(() => 'base') }, async function* ({ base }) {
        log.add('enter');
        yield `${base} fake`;
        log.add('exit');
      }),
    );
    const read = endpoint(
      { user: Depends(getUser), db: Depends(getDb, { scope: 'function' }) },
      ({ user, db, backgroundTasks }) => {
        backgroundTasks.addTask(() => log.add('task'));
        return [user, db];
      },
    );
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      log.add('after');
      return response;
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      expect(await (await fetch(url)).json()).toEqual(['user of base fake', 'base fake']);
      await layer.close();
    });
    expect(log.events).toEqual(['enter', 'exit', 'after', 'task']);
  });

  it('that form a cycle or break a scope fail the request with the path, and nothing hangs', async () => {
    const errors: Error[] = [];
    const layer = new Layer({
      exceptionHandlers: [
        [
          Error,
          (_request, error) => {
            errors.push(error);
            return new PlainTextResponse('', { status: 500 });
          },
        ],
      ],
      onError: () => undefined,
    });
    const leaf = () => 1;
    const branch = dependency({ leaf: Depends(leaf) }, function branch({ leaf: value }) {
      return value;
    });
    const short = () => 2;
    const native = app()
      .use(layer)
      .at(
        '/injected',
        endpoint({ branch: Depends(branch), again: Depends(branch) }, () => 'never'),
      )
      .at(
        '/scope',
        endpoint({ short: Depends(short) }, () => 'never'),
      )
      .handler('/', async answer => {
        await Promise.all([answer.inject(Depends(branch)), answer.inject(Depends(leaf))]);
      });
    layer.dependencyOverrides.set(leaf, branch);
    layer.dependencyOverrides.set(
      short,
      dependency({ inner: Depends(() => 1, { scope: 'function' }) }, async function* longer({ inner }) {
        yield inner;
      }),
    );
    await listening(native.listener(), async url => {
      for (const path of ['/injected', '/scope', '/']) expect((await fetch(url + path)).status).toBe(500);
    });
    expect(errors).toMatchObject([
      { code: 'DEPENDENCY_CYCLE', path: ['endpoint', 'branch', 'branch'] },
      { code: 'DEPENDENCY_SCOPE' },
      { code: 'DEPENDENCY_CYCLE', path: ['inject', 'branch', 'branch'] },
    ]);
  });
});

describe.each(mounts)('background tasks on $name', ({ app }) => {
  it('are refused after their request has ended', async () => {
    const layer = new Layer();
    let kept: BackgroundTasks | undefined;
    const keep = endpoint({}, ({ backgroundTasks }) => {
      kept = backgroundTasks;
    });
    await listening(app().use(layer).at('/', keep).listener(), async url => {
      await fetch(url);
      await layer.close();
      function late() {
        // Deliberately empty.
      }
      expect(() => kept?.addTask(late)).toThrow(expect.objectContaining({ code: 'TASK_LATE' }));
    });
  });

  it("run one after the other, sync and async, with those of a response's list last", async () => {
    const log = new EventLog();
    const layer = new Layer();
    const task = async (name: string) => {
      log.add(`${name} begins`);
      await new Promise(setImmediate);
      log.add(`${name} ends`);
    };
    const read = endpoint({}, ({ backgroundTasks }) => {
      const own = new BackgroundTasks();
      own.addTask(task, 'own');
      backgroundTasks.addTask(task, 'first');
      backgroundTasks.addTask(() => log.add('sync'));
      return new PlainTextResponse('', { background: own });
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await fetch(url);
      await layer.close();
    });
    expect(log.events).toEqual(['first begins', 'first ends', 'sync', 'own begins', 'own ends']);
  });
});

describe.each(mounts)('the response in exit code on $name', ({ app }) => {
  it('can be changed in scope `function`, and throws HEADERS_SENT afterwards', async () => {
    const log = new EventLog();
    const layer = new Layer();
    const late = (change: () => void): void => {
      try {
        change();
      } catch (error) {
        log.add((error as { code: string }).code);
      }
    };
    async function* changing(): AsyncGenerator<number, void, import('callnext').Response> {
      const sent = yield 1;
      sent.headers.set('x-exit', String(sent.status));
      sent.status = 202;
    }
    async function* reading(): AsyncGenerator<number, void, import('callnext').Response> {
      const sent = yield 1;
      log.add(`${sent.status} ${sent.headers.get('x-exit')}`);
      late(() => sent.headers.set('x-late', 'yes'));
      late(() => {
        sent.status = 500;
      });
      late(() => {
        sent.background = new BackgroundTask(() => undefined);
      });
    }
    const read = endpoint(
      {
        b: Depends(reading, { scope: 'background' }),
        r: Depends(reading),
        f: Depends(changing, { scope: 'function' }),
      },
      () => 'text',
    );
    await listening(app().use(layer).at('/', read).listener(), async url => {
      const { status, headers } = await fetch(url);
      expect([status, headers.get('x-exit'), headers.get('x-late')]).toEqual([202, '200', null]);
      await layer.close();
    });
    const seen = ['202 200', 'HEADERS_SENT', 'HEADERS_SENT', 'HEADERS_SENT'];
    expect(log.events).toEqual([...seen, ...seen]);
  });
});
