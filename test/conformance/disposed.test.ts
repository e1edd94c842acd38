import { EventEmitter, on } from 'node:events';
import {
  BackgroundTask,
  Depends,
  dependency,
  endpoint,
  type Injected,
  Layer,
  type RequestScope,
} from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts, type TestApp } from '../support/frameworks.js';

let log: EventLog;
const typeOf = (value: unknown): string => typeof value;
const codeOf = (error: Error): string => (error as { code?: string }).code ?? error.message;

beforeEach(() => {
  log = new EventLog();
});

/** A value opened per request, which logs its disposal. */
function opens(name: string, fail?: Error): () => AsyncDisposable {
  return Object.defineProperty(
    () => {
      log.add(`${name} opened`);
      return {
        async [Symbol.asyncDispose]() {
          await undefined;
          log.add(`${name} closed`);
          if (fail) throw fail;
        },
      };
    },
    'name',
    { value: name },
  );
}

describe.each(mounts)('the value of a plain function on $name', ({ app }) => {
  let layer: Layer;
  beforeEach(() => {
    layer = new Layer({ onError: (error, { phase }) => log.add(`reported ${phase}: ${codeOf(error)}`) });
  });

  async function ask(mounted: TestApp, times = 1): Promise<{ status: number; body: string }[]> {
    const answers: { status: number; body: string }[] = [];
    await listening(mounted.listener(), async url => {
      for (let index = 0; index < times; index += 1) {
        const response = await fetch(url);
        answers.push({ status: response.status, body: await response.text() });
      }
      await layer.close();
    });
    return answers;
  }

  it('is left alone: a shared client serves one request after another', async () => {
    const client = opens('client')();
    const getClient = () => client;
    const native = app().use(layer);
    native.at('/', new Layer({ dependencies: [Depends(getClient)] }));
    native.handler('/', async answer => {
      const injected = await answer.inject(Depends(getClient));
      answer.send({ isSame: injected === client });
    });
    const fine = { status: 200, body: '{"isSame":true}' };
    expect(await ask(native, 2)).toEqual([fine, fine]);
    expect(log.events).toEqual(['client opened']);
  });

  it.each<[string, () => Iterator<unknown> | AsyncIterator<unknown>]>([
    ['an iterator', () => new Map([['a', 1]]).values()],
    ['an async iterator of events', () => on(new EventEmitter(), 'never')],
    ['the object of a generator function', () => counting()],
    ['an iterator that is written by hand', () => byHand()],
  ])('stays a plain value when it is %s, and nothing begins or ends it', async (_what, make) => {
    const made: unknown[] = [];
    const give = () => {
      made.push(make());
      return made.at(-1);
    };
    const read = endpoint({ value: Depends(give) }, ({ value }) => ({ isSame: value === made[0] }));
    expect(await ask(app().use(layer).at('/', read))).toEqual([{ status: 200, body: '{"isSame":true}' }]);
    expect(log.events).toEqual([]);
  });

  it('is an iterator even if its function resembles a compiled one', async () => {
    class Prices extends EventEmitter {
      readonly changes = () => on(this, 'price');
    }
    const generatorEvents = new EventEmitter();
    const given = { changes: Depends(new Prices().changes), runs: Depends(() => on(generatorEvents, 'run')) };
    const read = endpoint(given, ({ changes, runs }) => [typeof changes.next, typeof runs.next]);
    expect(await ask(app().use(layer).at('/', read))).toEqual([
      { status: 200, body: '["function","function"]' },
    ]);
  });

  it('is refused after a failure if it was disposed, and made anew elsewhere', async () => {
    const session = opens('session');
    const given: unknown[] = [];
    const failed = gate();
    const asked = gate();
    layer.addExceptionHandler(RangeError, () => Response.json('sorry', { status: 500 }));
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      failed.open();
      await asked.opened;
      return response;
    });
    const native = app().use(layer);
    native.handler('/', async answer => {
      await answer.inject(Depends(session, { dispose: true }));
      void failed.opened.then(async () => {
        for (const marker of [Depends(session, { dispose: true }), Depends(session)])
          given.push(await answer.inject(marker).then(typeOf, codeOf));
        asked.open();
      });
      throw new RangeError('failed');
    });
    expect(await ask(native)).toEqual([{ status: 500, body: '"sorry"' }]);
    expect(given).toEqual(['DEPENDENCY_EXITED', 'object']);
    expect(log.events).toEqual(['session opened', 'session closed', 'session opened']);
  });

  function* counting(): Generator<number> {
    log.add('generator runs');
    yield 1;
  }

  const byHand = (): AsyncIterator<number> => {
    const step = (name: string) => async (): Promise<IteratorResult<number>> => {
      log.add(name);
      return { value: 1, done: false };
    };
    return Object.assign(
      { next: step('next'), return: step('return'), throw: step('throw') },
      { [Symbol.asyncIterator]: () => byHand() },
    );
  };

  it('is disposed at the end of its scope if the marker says so, in the order of the exits', async () => {
    async function* generator() {
      log.add('generator enter');
      yield 1;
      log.add('generator exit');
    }
    const read = endpoint(
      {
        last: Depends(opens('background'), { dispose: true, scope: 'background' }),
        first: Depends(opens('request 1'), { dispose: true }),
        generator: Depends(generator),
        second: Depends(opens('request 2'), { dispose: true }),
        early: Depends(opens('function'), { dispose: true, scope: 'function' }),
      },
      ({ backgroundTasks }) => {
        backgroundTasks.addTask(new BackgroundTask(() => log.add('task')) as BackgroundTask);
        log.add('endpoint');
      },
    );
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      log.add('after');
      return response;
    });
    await ask(app().use(layer).at('/', read));
    expect(log.events).toEqual([
      'background opened',
      'request 1 opened',
      'generator enter',
      'request 2 opened',
      'function opened',
      'endpoint',
      'function closed',
      'after',
      'request 2 closed',
      'generator exit',
      'request 1 closed',
      'task',
      'background closed',
    ]);
  });

  it('is disposed in a native handler that injects it and when the request fails', async () => {
    const native = app()
      .use(layer)
      .handler('/', async answer => {
        await answer.inject(Depends(opens('session'), { dispose: true }));
        throw Object.assign(new Error('conflict'), { status: 409, expose: true });
      });
    expect(await ask(native)).toMatchObject([{ status: 409 }]);
    expect(log.events).toEqual(['session opened', 'session closed']);
  });

  it('is disposed synchronously if it has no async way', async () => {
    const file = () => ({ [Symbol.dispose]: () => log.add('file closed') });
    await ask(
      app()
        .use(layer)
        .at(
          '/',
          endpoint({ file: Depends(file, { dispose: true }) }, () => 1),
        ),
    );
    expect(log.events).toEqual(['file closed']);
  });

  it.each<[RequestScope, number, string[]]>([
    ['function', 500, ['reported request: full']],
    ['request', 200, ['reported exit: full']],
  ])('fails like any exit of scope %s', async (scope, status, told) => {
    layer.addExceptionHandler(Error, () => Response.json('sorry', { status: 500 }));
    const failing = Depends(opens('disk', new Error('full')), { dispose: true, scope });
    const [answer] = await ask(
      app()
        .use(layer)
        .at(
          '/',
          endpoint({ failing }, () => 1),
        ),
    );
    expect([answer?.status, log.events]).toEqual([status, ['disk opened', 'disk closed', ...told]]);
  });

  it('is rejected if it cannot be disposed, before the endpoint runs', async () => {
    const open = async () => ({ close: () => undefined });
    const marker = Depends(open as never, { dispose: true as never });
    const first = Depends(opens('first'), { dispose: true });
    const read = endpoint({ first, marker }, () => log.add('endpoint'));
    layer.addExceptionHandler(Error, (_request, error) => Response.json(error.message, { status: 500 }));
    expect(await ask(app().use(layer).at('/', read))).toEqual([
      {
        status: 500,
        body: JSON.stringify(
          'The value of `open`, an object of class `Object`, has neither `Symbol.asyncDispose` nor ' +
            '`Symbol.dispose`, which `dispose: true` requires. ' +
            'Return a disposable value, or omit `dispose`. (GET /)',
        ),
      },
    ]);
    expect(log.events).toEqual(['first opened', 'first closed', 'reported request: NOT_DISPOSABLE']);
  });

  it('is disposed once, whoever hands it on or requests it again', async () => {
    const open = opens('session');
    const own = Depends(open, { dispose: true });
    const handsOn = dependency({ own }, ({ own: session }) => session);
    async function* generator() {
      yield opens('of a generator')();
      log.add('generator exit');
    }
    const ofGenerator = dependency({ value: Depends(generator) }, ({ value }) => value);
    const read = endpoint(
      {
        own,
        same: Depends(open, { dispose: true }),
        handed: Depends(handsOn, { dispose: true }),
        ofGenerator: Depends(ofGenerator, { dispose: true }),
      },
      ({ own: session, same, handed }) => ({ isSame: session === same && session === handed }),
    );
    const [answer] = await ask(app().use(layer).at('/', read));
    expect(answer?.body).toBe('{"isSame":true}');
    expect(log.events).toEqual([
      'session opened',
      'of a generator opened',
      'generator exit',
      'session closed',
    ]);
  });

  it('is made anew for a marker with other options or without the cache', async () => {
    const open = opens('session');
    const read = endpoint(
      {
        shared: Depends(open),
        own: Depends(open, { dispose: true }),
        another: Depends(open, { dispose: true, useCache: false }),
      },
      ({ shared, own, another }) => ({ values: new Set([shared, own, another]).size }),
    );
    expect(await ask(app().use(layer).at('/', read))).toMatchObject([{ body: '{"values":3}' }]);
    const opened = Array(3).fill('session opened');
    expect(log.events).toEqual([...opened, 'session closed', 'session closed']);
  });

  it('is disposed too as an override, while a generator has its own exit', async () => {
    const session = opens('session');
    const file = opens('file');
    const read = endpoint(
      { session: Depends(session, { dispose: true }), file: Depends(file, { dispose: true }) },
      () => log.add('endpoint'),
    );
    layer.dependencyOverrides.set(session, opens('fake'));
    layer.dependencyOverrides.set(file, async function* () {
      log.add('generator enter');
      yield opens('of a generator')();
      log.add('generator exit');
    });
    await ask(app().use(layer).at('/', read));
    expect(log.events).toEqual([
      'fake opened',
      'generator enter',
      'of a generator opened',
      'endpoint',
      'generator exit',
      'fake closed',
    ]);
  });
});

describe('a disposed dependency', () => {
  const silent = (options = {}): Layer => new Layer({ onError: () => undefined, ...options });
  async function* transaction() {
    yield 1;
  }

  it('is rejected when it is a generator, whose exit is the code after its `yield`', () => {
    const declared = dependency({}, transaction);
    const message =
      '`Depends(transaction, { dispose: true })` received a generator, ' +
      'whose exit is the code after its `yield`. Dispose there, and omit `dispose`.';
    for (const each of [transaction, declared]) {
      expect(() => Depends(each as never, { dispose: true as never })).toThrow(
        expect.objectContaining({ code: 'DEPENDENCY_DISPOSE', message }),
      );
    }
  });

  it.each(['yes', 1, null])('is rejected when `dispose` is %p', dispose => {
    expect(() => Depends(() => 1, { dispose: dispose as never })).toThrow(
      expect.objectContaining({ code: 'DEPENDENCY_DISPOSE' }),
    );
  });

  it('cannot outlive a shorter one that it needs, nor be held by one that lives longer', () => {
    const short = Depends(transaction, { scope: 'function' });
    const needsShort = dependency({ short }, opens('session'));
    const holds = dependency(
      { session: Depends(opens('session'), { dispose: true, scope: 'function' }) },
      transaction,
    );
    const handsOn = dependency(
      { session: Depends(opens('session'), { dispose: true, scope: 'function' }) },
      ({ session }) => session,
    );
    const outlives = dependency({ value: Depends(handsOn) }, transaction);
    for (const marker of [
      Depends(needsShort, { dispose: true, scope: 'request' as never }),
      Depends(needsShort, { dispose: true }),
      Depends(holds, { scope: 'request' as never }),
      Depends(outlives, { scope: 'background' as never }),
    ]) {
      expect(() => endpoint({ marker }, () => 1)).toThrow(
        expect.objectContaining({ code: 'DEPENDENCY_SCOPE' }),
      );
    }
    // A plain function without an exit lives as long as its dependencies.
    expect(() => endpoint({ marker: Depends(needsShort) }, () => 1)).not.toThrow();
    const both = { plain: Depends(needsShort), disposed: Depends(needsShort, { dispose: true }) };
    expect(() => endpoint(both, () => 1)).toThrow(expect.objectContaining({ code: 'DEPENDENCY_SCOPE' }));
  });

  it('is checked again when the layer names another default scope', async () => {
    const short = Depends(transaction);
    const session = dependency({ short }, opens('session'));
    const run = silent({ defaultScope: 'function' }).run(
      { session: Depends(session, { dispose: true, scope: 'request' }) },
      () => 1,
    );
    await expect(run).rejects.toMatchObject({ code: 'DEPENDENCY_SCOPE' });
  });

  it('appears in `describe()`, also below others', () => {
    const session = Depends(opens('openSession'), { dispose: true });
    const file = Depends(opens('openFile'), { dispose: true });
    const getUser = dependency({ session }, async function getUser({ request }: Injected) {
      return request.url;
    });
    const layer = silent({ dependencies: [file, Depends(getUser), Depends(transaction), session] });
    expect(layer.describe()).toMatchObject({
      dependencies: ['openFile', 'getUser', 'transaction', 'openSession'],
      disposed: ['openFile', 'openSession'],
    });
    expect(String(layer.describe())).toBe(
      'dependencies: openFile, getUser, transaction, openSession\ndisposed: openFile, openSession\n(routes)',
    );
  });

  it('is left by `layer.run`, whose promise waits for it', async () => {
    const session = Depends(opens('session'), { dispose: true });
    await silent().run({ session }, () => log.add('work'));
    expect(log.events).toEqual(['session opened', 'work', 'session closed']);
  });
});
