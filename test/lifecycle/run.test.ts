import { BackgroundTask, Depends, dependency, HTTPException, Layer } from 'callnext';
import { gate } from '../support/events.js';

describe('layer.run', () => {
  let events: string[];
  let layer: Layer;
  beforeEach(() => {
    events = [];
    layer = new Layer({
      middleware: [() => Promise.reject(new Error('there is no middleware'))],
      dependencies: [Depends(() => Promise.reject(new Error('a guard of requests')))],
      onError: (error, { phase, request }) =>
        events.push(
          `reported ${phase} of ${request.url}: ${(error as { code?: string }).code ?? error.message}`,
        ),
    });
  });

  const yielding = (name: string, fails = false) =>
    async function* () {
      events.push(`${name} enter`);
      try {
        const sent: unknown = yield name;
        events.push(`${name} exit ${sent}`);
      } catch (error) {
        events.push(`${name} exit with ${(error as Error).message}`);
        throw error;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: simulates a careless exit.
        if (fails) throw new Error(`${name} failed`);
      }
    };

  it('has the scopes and order of a request, and returns the result at the end', async () => {
    const session = dependency({ db: Depends(yielding('db'), { scope: 'background' }) }, yielding('session'));
    const result = await layer.run(
      { session: Depends(session), tx: Depends(yielding('tx'), { scope: 'function' }) },
      async function nightly({ session: value, tx, request, backgroundTasks }) {
        backgroundTasks.addTask(() => events.push('task'));
        events.push(`${value} ${tx} ${request.method} ${request.url} ${request.headers.get('host')}`);
        return 42;
      },
    );
    expect(result).toBe(42);
    expect(events).toEqual([
      'db enter',
      'session enter',
      'tx enter',
      'session tx GET callnext:run%20nightly null',
      'tx exit undefined',
      'session exit undefined',
      'task',
      'db exit undefined',
    ]);
  });

  it('rejects a generator function, whose code nothing would run', async () => {
    const generator = function* (): Generator<number> {
      yield 1;
    };
    await expect(layer.run({}, generator)).rejects.toMatchObject({ code: 'ENDPOINT_HANDLER' });
  });

  it('throws an exception into the dependencies, drops the tasks and rejects with it', async () => {
    const failing = layer.run({ db: Depends(yielding('db')) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => events.push('dropped'));
      backgroundTasks.addTask(new BackgroundTask(() => events.push('always'), [], { when: 'always' }));
      throw new HTTPException(404);
    });
    await expect(failing).rejects.toEqual(new HTTPException(404));
    expect(events).toEqual([
      'db enter',
      'db exit with Not Found',
      'reported background of callnext:run: TASK_DROPPED',
      'always',
    ]);
  });

  it.each(['function', 'request', 'background'] as const)(
    'rejects with the failure of an exit of scope %s and reports it to nobody else',
    async scope => {
      const running = layer.run({ db: Depends(yielding('db', true), { scope }) }, () => 'done');
      await expect(running).rejects.toThrow('db failed');
      expect(events).toEqual(['db enter', 'db exit undefined']);
    },
  );

  it('keeps the first failure as the cause of the one that replaces it', async () => {
    const first = new Error('first');
    const running = layer.run({ db: Depends(yielding('db', true)) }, () => Promise.reject(first));
    await expect(running).rejects.toMatchObject({ message: 'db failed', cause: first });
  });

  it('rejects with a thrown value that is not an error unchanged', async () => {
    await expect(layer.run({}, () => Promise.reject('text'))).rejects.toBe('text');
  });

  it('reports failing tasks to `onError` and still returns the result', async () => {
    const result = await layer.run({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => Promise.reject(new Error('mail')));
      return 'done';
    });
    expect(result).toBe('done');
    expect(events).toEqual(['reported background of callnext:run: mail']);
  });

  it('uses overrides and the default scope of the layer', async () => {
    const commits = new Layer({ defaultScope: 'function' });
    const getDb = yielding('db');
    commits.dependencyOverrides.set(getDb, yielding('test db'));
    const value = await commits.run({ db: Depends(getDb) }, ({ db, backgroundTasks }) => {
      backgroundTasks.addTask(() => events.push('task'));
      return db;
    });
    expect(value).toBe('test db');
    expect(events).toEqual(['test db enter', 'test db exit undefined', 'task']);
  });

  it('keeps `close()` waiting, which names it', async () => {
    const working = gate<void>();
    const running = layer.run({ db: Depends(yielding('db')) }, async function sweep({ request }) {
      await working.opened;
      return request.signal.aborted;
    });
    await new Promise(setImmediate);
    const undone = await layer.close({ timeoutMs: 0 });
    expect(undone.responses).toEqual(['run sweep']);
    working.open();
    expect(await running).toBe(true);
    await expect(layer.run({}, () => 1)).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
  });

  it.each([
    ['no function', () => layer.run({}, 'text' as never), 'ENDPOINT_HANDLER'],
    [
      'a dependency that is not wrapped',
      () => layer.run({ one: (() => 1) as never }, () => 1),
      'DEPENDS_EXPECTED',
    ],
    [
      'a name that is taken',
      () => layer.run({ request: Depends(() => 1) } as never, () => 1),
      'DEPENDENCY_NAME',
    ],
  ])('rejects for %s', async (_title, run, code) => {
    await expect(run()).rejects.toMatchObject({ code });
    expect(await layer.close()).toEqual({ responses: [], exits: [], tasks: [] });
  });
});
