import { AsyncLocalStorage } from 'node:async_hooks';
import {
  BackgroundTask,
  BackgroundTasks,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  type Middleware,
  PlainTextResponse,
  Response,
} from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts, type TestApp } from '../support/frameworks.js';

describe.each(mounts)('faults on $name', ({ app }) => {
  let log: EventLog;
  let reports: string[];
  let layer: Layer;

  const unhandled: unknown[] = [];
  const noteUnhandled = (error: unknown): void => {
    unhandled.push(error);
  };
  beforeEach(() => {
    log = new EventLog();
    reports = [];
    unhandled.length = 0;
    layer = new Layer({
      onError: (error, { phase }) => {
        reports.push(`${phase}: ${error.message.split('.')[0]}`);
        log.add(`reported ${phase}`);
      },
    });
    process.on('unhandledRejection', noteUnhandled);
  });
  afterEach(() => {
    process.off('unhandledRejection', noteUnhandled);
    expect(unhandled).toEqual([]);
  });

  async function* getDb() {
    log.add('enter');
    try {
      yield 'db';
      log.add('commit');
    } catch (error) {
      log.add(`rollback: ${(error as Error).message}`);
      throw error;
    }
  }

  async function send(mounted: TestApp, until: string): Promise<{ status: number; body: string }> {
    return listening(mounted.listener(), async url => {
      const response = await fetch(url);
      const body = await response.text();
      await log.until(until);
      return { status: response.status, body };
    });
  }

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'text'],
    ['a frozen error', Object.freeze(new Error('frozen'))],
  ])('rolls back when the thrown value is %s', async (_what, thrown) => {
    const bad = endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task'));
      throw thrown;
    });
    const { status } = await send(app().use(layer).at('/', bad), 'reported background');
    expect(status).toBe(500);
    expect(log.events[1]).toMatch(/^rollback: /);
    expect(log.events).not.toContain('task');
  });

  it('keeps the dependencies of a running endpoint and rolls them back when it finishes', async () => {
    const entering = gate();
    const goOn = gate();
    async function* slow() {
      entering.open();
      await goOn.opened;
      yield* getDb();
    }
    const failing: Middleware = (request, callNext) =>
      Promise.race([
        callNext(request),
        entering.opened.then(() => {
          throw new HTTPException(504, 'too slow');
        }),
      ]);
    layer.addMiddleware(failing);
    const never = endpoint({ first: Depends(getDb), slow: Depends(slow) }, () => log.add('endpoint'));
    await listening(app().use(layer).at('/', never).listener(), async url => {
      expect((await fetch(url)).status).toBe(504);
      expect(log.events).toEqual(['enter']);
      goOn.open();
      await log.until('rollback: too slow');
    });
    expect(log.events).not.toContain('endpoint');
    expect(log.events).not.toContain('commit');
  });

  it.each<[string, unknown]>([
    ['a function', () => 1],
    ['an object', {}],
    ['a list', []],
    ['a text', 'later'],
  ])('rejects %s as the background of a response', async (_what, background) => {
    const errors: unknown[] = [];
    layer.addExceptionHandler(Error, (_request, error) => {
      errors.push(error);
      return new Response('failed', { status: 500 });
    });
    const bad = endpoint(
      { db: Depends(getDb) },
      () => new JSONResponse(1, { background: background as BackgroundTask }),
    );
    expect((await send(app().use(layer).at('/', bad), 'reported request')).status).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ code: 'BACKGROUND_TASK' })]);
    expect(log.events[1]).toMatch(/^rollback: A background task/);
  });

  it('survives an onError that throws and one that rejects', async () => {
    const told = jest.spyOn(console, 'error').mockImplementation(() => {
      log.add('console');
    });
    for (const onError of [
      () => {
        throw new Error('onError');
      },
      async () => {
        throw new Error('onError');
      },
    ]) {
      const failing = endpoint({}, ({ backgroundTasks }) => {
        backgroundTasks.addTask(() => {
          throw new Error('task');
        });
        backgroundTasks.addTask(() => log.add('next task'));
      });
      log = new EventLog();
      expect((await send(app().use(new Layer({ onError })).at('/', failing), 'next task')).status).toBe(200);
      await log.until('console');
    }
    told.mockRestore();
  });

  it('leaves every dependency whatever the errors look like', async () => {
    const circular = new Error('circular');
    circular.cause = circular;
    async function* converts() {
      try {
        yield 1;
      } catch {
        throw Object.preventExtensions(new Error('sealed'));
      }
    }
    const bad = endpoint({ db: Depends(getDb), converts: Depends(converts) }, () => {
      throw circular;
    });
    expect((await send(app().use(layer).at('/', bad), 'rollback: sealed')).status).toBe(500);
  });

  it('keeps the first failure as the cause of the second', async () => {
    let seen: Error | undefined;
    layer.addExceptionHandler(Error, (_request, error) => {
      seen = error;
      return new PlainTextResponse('failed', { status: 500 });
    });
    async function* converts() {
      try {
        yield 1;
      } catch {
        throw new Error('second');
      }
    }
    const bad = endpoint({ db: Depends(getDb), converts: Depends(converts) }, () => {
      throw new Error('first');
    });
    await send(app().use(layer).at('/', bad), 'rollback: second');
    expect([seen?.message, seen?.cause]).toEqual(['second', new Error('first')]);
  });

  it('runs the task of a response once, however often it is wrapped', async () => {
    layer.addMiddleware(
      async (request, callNext) =>
        new Response('wrapped', { background: (await callNext(request)).background as BackgroundTask }),
    );
    layer.addMiddleware(async (request, callNext) => (await callNext(request)).clone());
    const read = endpoint({}, ({ backgroundTasks }) => {
      const response = new Response('x', { background: new BackgroundTask(() => log.add('task')) });
      backgroundTasks.addTask(() => log.add('injected'));
      return response;
    });
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      const last = new BackgroundTasks();
      last.addTask(() => log.add('last'));
      return new Response(response.body, { background: last });
    });
    expect(await send(app().use(layer).at('/', read), 'task')).toEqual({ status: 200, body: 'wrapped' });
    expect(log.events).toEqual(['injected', 'last', 'task']);
  });

  it.each<[string, (layer: Layer) => void, { scope: 'function' } | undefined]>([
    [
      'a middleware that fails after it',
      layerOf => {
        layerOf.addMiddleware(async (request, callNext) => {
          await callNext(request);
          throw new HTTPException(418);
        });
      },
      undefined,
    ],
    ['an exit of scope function', () => undefined, { scope: 'function' }],
  ])(
    'drops the tasks of a response lost to %s, except those that always run',
    async (_what, prepare, options) => {
      prepare(layer);
      async function* commit() {
        yield 1;
        if (options) throw new HTTPException(418);
      }
      const background = new BackgroundTasks();
      background.addTask(() => log.add('dropped'));
      background.addTask(new BackgroundTask(() => log.add('always'), [], { when: 'always' }));
      const read = endpoint(
        { commit: Depends(commit, options ?? {}) },
        () => new Response('x', { background }),
      );
      expect((await send(app().use(layer).at('/', read), 'always')).status).toBe(418);
      expect(log.events).toEqual(['reported background', 'always']);
    },
  );

  it('keeps the AsyncLocalStorage store in an exit that fails from outside', async () => {
    const storage = new AsyncLocalStorage<string>();
    async function* stored() {
      try {
        yield 1;
      } finally {
        log.add(`exit ${storage.getStore()}`);
      }
    }
    layer.addMiddleware((request, callNext) => storage.run('kept', () => callNext(request)));
    layer.addMiddleware(async (request, callNext) => {
      await callNext(request);
      throw new HTTPException(418);
    });
    const failing = app()
      .use(layer)
      .at(
        '/',
        endpoint({ stored: Depends(stored) }, () => 1),
      );
    expect((await send(failing, 'exit kept')).status).toBe(418);
    expect(log.events).toEqual(['exit kept']);
  });

  it('checks scopes again when the layer names another default', async () => {
    let seen: unknown;
    const narrow = new Layer({ defaultScope: 'function', onError: () => undefined });
    narrow.addExceptionHandler(Error, (_request, error) => {
      seen = error;
      log.add('refused');
      return new Response(null, { status: 500 });
    });
    const outlives = dependency({ db: Depends(getDb) }, async function* transaction({ db }) {
      yield db;
    });
    const read = endpoint({ tx: Depends(outlives, { scope: 'request' }) }, () => 1);
    expect((await send(app().use(narrow).at('/', read), 'refused')).status).toBe(500);
    expect(seen).toEqual(expect.objectContaining({ code: 'DEPENDENCY_SCOPE' }));
  });

  it('disposes of a value once, even if dependencies hand it on', async () => {
    const disposable = () => ({ [Symbol.asyncDispose]: async () => log.add('disposed') });
    const handsOn = dependency({ value: Depends(disposable, { dispose: true }) }, ({ value }) => value);
    const again = dependency({ value: Depends(handsOn) }, ({ value }) => value);
    const read = endpoint({ again: Depends(again), last: Depends(getDb) }, () => 1);
    await send(app().use(layer).at('/', read), 'disposed');
    expect(log.events).toEqual(['enter', 'commit', 'disposed']);
  });

  it('leaves a sync generator whose yielded promise rejects', async () => {
    function* getLater() {
      try {
        yield Promise.reject(new HTTPException(418));
      } finally {
        log.add('released');
      }
    }
    expect(
      (
        await send(
          app()
            .use(layer)
            .at(
              '/',
              endpoint({ later: Depends(getLater) }, () => 1),
            ),
          'released',
        )
      ).status,
    ).toBe(418);
  });

  it('runs tasks that an exit of scope background adds', async () => {
    async function* last({ backgroundTasks }: { backgroundTasks: BackgroundTasks }) {
      yield 1;
      backgroundTasks.addTask(() => log.add('added last'));
    }
    const mounted = app()
      .use(layer)
      .at(
        '/',
        endpoint({ last: Depends(last, { scope: 'background' }) }, () => 1),
      );
    expect((await send(mounted, 'added last')).status).toBe(200);
    expect(log.events).toEqual(['added last']);
  });

  it('rejects a callNext that is not awaited without an unhandled rejection', async () => {
    layer.addMiddleware((request, callNext) => {
      void callNext(request);
      return new PlainTextResponse('own');
    });
    const bad = endpoint({}, () => {
      throw new Error('nobody waits');
    });
    expect(await send(app().use(layer).at('/', bad), 'reported request')).toEqual({
      status: 200,
      body: 'own',
    });
    expect(reports).toEqual(['request: nobody waits']);
  });
});
