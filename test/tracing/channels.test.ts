import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { Depends, endpoint, HTTPException, Layer, type Middleware, type Request, Response } from 'callnext';
import { type StageEvent, subscribe } from 'callnext/tracing';
import { gate } from '../support/events.js';
import { type Framework, frameworks, listening, type TestApp } from '../support/frameworks.js';
import { Recorder } from './recorder.js';

const timing: Middleware = async function timing(request, callNext) {
  return callNext(request);
};

async function* getDb() {
  yield { password: 'secret' };
}

function notify(): void {
  // A task that does nothing.
}

async function ask(app: TestApp, layer: Layer, path = '/'): Promise<string> {
  return listening(app.listener(), async url => {
    const response = await fetch(url + path);
    const text = await response.text();
    await layer.close();
    return `${response.status} ${text}`;
  });
}

describe.each(frameworks)('the channels on $name', (framework: Framework) => {
  let layer: Layer;
  let recorder: Recorder | undefined;
  beforeEach(() => {
    layer = new Layer({ middleware: [timing], onError: () => undefined });
  });
  afterEach(() => recorder?.stop());

  const read = endpoint({ db: Depends(getDb) }, function read({ backgroundTasks }) {
    backgroundTasks.addTask(notify);
    return 1;
  });

  it('show a native handler, between the middleware and the answer', async () => {
    const app = framework
      .app()
      .use(layer)
      .handler('/', async answer => {
        await answer.inject(Depends(getDb));
        answer.tasks().addTask(notify);
        answer.send('native');
      });
    recorder = new Recorder();
    await ask(app, layer);
    expect(recorder.lines).toEqual([
      'request GET',
      'middleware timing',
      'endpoint native code',
      'dependency.enter getDb',
      '/dependency.enter getDb',
      '/endpoint native code 200',
      '/middleware timing 200',
      'send send',
      '/send send 200 sent',
      '/request GET 200 sent',
      'dependency.exit getDb',
      '/dependency.exit getDb 200',
      'task notify',
      '/task notify',
    ]);
    const natives = recorder.seen.filter(
      ({ part, event }) => part === 'start' && 'kind' in event && event.kind,
    );
    expect(natives.map(({ event }) => (event as StageEvent).passedOn)).toEqual([undefined, undefined]);
  });

  it('give the handler for `Error` of a layer the stores of its request', async () => {
    const store = new AsyncLocalStorage<unknown>();
    const { start } = tracingChannel('callnext.request');
    start.bindStore(store, () => 'the span');
    const handled = new Layer({
      exceptionHandlers: [[Error, () => new Response(String(store.getStore()), { status: 500 })]],
      onError: () => undefined,
    });
    const app = framework
      .app()
      .use(handled)
      .handler('/', () => {
        throw new Error('not available');
      });
    try {
      expect(await ask(app, handled)).toBe('500 the span');
    } finally {
      start.unbindStore(store);
    }
  });

  it('show no native code around an endpoint without a layer', async () => {
    recorder = new Recorder();
    await listening(framework.app().at('/', read).listener(), async url => {
      await (await fetch(url)).text();
    });
    expect(recorder.lines.slice(0, 8)).toEqual([
      'request GET',
      'dependency.enter getDb',
      '/dependency.enter getDb',
      'endpoint read',
      '/endpoint read 200',
      'send send',
      '/send send 200 sent',
      '/request GET 200 sent',
    ]);
  });

  it('say that native code has passed a request on to an endpoint or an inner layer', async () => {
    const inner = new Layer({ middleware: [timing] });
    recorder = new Recorder();
    await ask(framework.app().use(layer).use(inner).at('/', read), layer);
    const seen = recorder.seen.flatMap(({ part, event }) =>
      part === 'start' && 'stage' in event && event.stage === 'endpoint' ? [event] : [],
    );
    expect(seen.map(({ name, layer: depth, passedOn }) => [name, depth, passedOn])).toEqual([
      ['native code', 0, true],
      ['native code', 1, true],
      ['read', 1, undefined],
    ]);
  });

  it('show the error that the framework answers, with its status', async () => {
    const failing = endpoint({}, function failing() {
      throw new RangeError('failed');
    });
    recorder = new Recorder();
    await ask(framework.app().use(layer).at('/', failing), layer);
    expect(recorder.lines.slice(-4)).toEqual([
      '/middleware timing failed: failed',
      'send send',
      '/send send 500 sent',
      '/request GET 500 sent failed: failed',
    ]);
  });

  it('have no value of a dependency, and nothing that leads to one', async () => {
    recorder = new Recorder();
    await ask(framework.app().use(layer).at('/', read), layer);
    for (const { event } of recorder.seen) {
      const { request: _request, response: _response, ...shown } = event as StageEvent;
      expect(JSON.stringify(shown)).not.toContain('secret');
      expect(Reflect.ownKeys(event.exchange)).toEqual([]);
      expect(Reflect.ownKeys((event as StageEvent).dependency ?? {})).toEqual([]);
    }
    const [entered, left] = recorder.seen.flatMap(({ part, event }) =>
      part === 'start' && 'dependency' in event && event.dependency ? [event.dependency] : [],
    );
    expect(entered).toBe(left);
  });

  it('do not mix two requests at once', async () => {
    const met = gate<void>();
    let arrived = 0;
    const meet = endpoint({ db: Depends(getDb) }, async function meet() {
      arrived += 1;
      if (arrived === 2) met.open();
      await met.opened;
      return 1;
    });
    const seen = new Map<object, string[]>();
    const stop = subscribe({
      start: ({ exchange, stage }) => seen.set(exchange, [...(seen.get(exchange) ?? []), stage]),
    });
    await listening(framework.app().use(layer).at('/', meet).listener(), async url => {
      await Promise.all([fetch(url).then(each => each.text()), fetch(url).then(each => each.text())]);
      await layer.close();
    });
    stop();
    const one = [
      'request',
      'middleware',
      'endpoint',
      'dependency.enter',
      'endpoint',
      'send',
      'dependency.exit',
    ];
    expect([...seen.values()]).toEqual([one, one]);
  });

  it('are silent for a request that has begun before somebody listens', async () => {
    const listen = endpoint({ db: Depends(getDb) }, function listen() {
      recorder = new Recorder();
      return 1;
    });
    expect(await ask(framework.app().use(layer).at('/', listen), layer)).toBe('200 1');
    expect(recorder?.lines).toEqual([]);
  });

  it('are silent from the moment a subscriber leaves, in the middle of a request', async () => {
    const leave = endpoint({ db: Depends(getDb) }, function leave() {
      recorder?.stop();
      return 1;
    });
    recorder = new Recorder();
    expect(await ask(framework.app().use(layer).at('/', leave), layer)).toBe('200 1');
    expect(recorder.lines.at(-1)).toBe('endpoint leave');
  });

  it('harm nothing when every subscriber throws or rejects', async () => {
    const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const fail = (): never => {
      throw new Error('subscriber');
    };
    const reject = (async () => fail()) as () => never;
    const stops = [
      subscribe({ start: fail, end: fail, error: fail, asyncStart: fail, asyncEnd: fail, settled: fail }),
      subscribe({ start: reject, report: reject }),
    ];
    recorder = new Recorder();
    expect(await ask(framework.app().use(layer).at('/', read), layer)).toBe('200 1');
    for (const stop of stops) stop();
    expect(recorder.lines).toHaveLength(16);
    expect(printed).toHaveBeenCalledWith('callnext: a subscriber failed.', expect.any(Error));
    printed.mockRestore();
  });

  it.each(['start', 'end', 'error', 'asyncStart'] as const)(
    'harm nothing when a subscriber of `%s` freezes the events',
    async part => {
      const stop = subscribe({ [part]: Object.freeze });
      const refuse = endpoint({ db: Depends(getDb) }, () => {
        throw new HTTPException(409);
      });
      const answers = [
        await ask(framework.app().use(layer).at('/', refuse), layer),
        await ask(framework.app().at('/', read), new Layer()),
      ];
      stop();
      expect(answers).toEqual(['409 {"detail":"Conflict"}', '200 1']);
    },
  );

  it('give a bound store to the code of each stage, and to both halves of a generator', async () => {
    const store = new AsyncLocalStorage<string>();
    const channels = ['middleware', 'dependency.enter', 'dependency.exit', 'endpoint', 'task'].map(stage =>
      tracingChannel(`callnext.${stage}`),
    );
    for (const { start } of channels)
      (
        start as unknown as { bindStore(store: unknown, transform: (event: StageEvent) => string): void }
      ).bindStore(store, ({ stage, name }) => `${stage} ${name}`);
    const seen: (string | undefined)[] = [];
    const note = (): void => void seen.push(store.getStore());
    async function* getTraced() {
      note();
      yield 1;
      note();
      await undefined;
      note();
    }
    const look = endpoint({ traced: Depends(getTraced) }, async function look({ backgroundTasks }) {
      await undefined;
      note();
      backgroundTasks.addTask(note);
      return 1;
    });
    await ask(framework.app().use(layer).at('/', look), layer);
    for (const { start } of channels)
      (start as unknown as { unbindStore(store: unknown): void }).unbindStore(store);
    expect(seen).toEqual([
      'dependency.enter getTraced',
      'endpoint look',
      'dependency.exit getTraced',
      'dependency.exit getTraced',
      'task note',
    ]);
  });

  it('leave the objects of a request as they are, listened to or not', async () => {
    const seen: Request[] = [];
    const keep: Middleware = async (request, callNext) => {
      seen.push(request);
      const response = await callNext(request);
      const { status } = response;
      response.headers.set('x-seen', String(status));
      return response;
    };
    const answers: string[] = [];
    for (const listens of [false, true]) {
      const watched = new Layer({ middleware: [keep] });
      recorder = listens ? new Recorder() : undefined;
      answers.push(await ask(framework.app().use(watched).at('/', read), watched));
    }
    expect(answers).toEqual(['200 1', '200 1']);
    const [quiet, heard] = seen.map(request => Reflect.ownKeys(request));
    expect(quiet).toEqual(heard);
  });
});

describe('the channels outside a request', () => {
  it('show a function given to `layer.run`, with its exits and tasks', async () => {
    const recorder = new Recorder();
    await new Layer().run({ db: Depends(getDb) }, function clean({ backgroundTasks }) {
      backgroundTasks.addTask(notify);
    });
    recorder.stop();
    expect(recorder.lines).toEqual([
      'request run clean',
      'dependency.enter getDb',
      '/dependency.enter getDb',
      'endpoint clean',
      '/endpoint clean',
      'dependency.exit getDb',
      '/dependency.exit getDb',
      'task notify',
      '/task notify',
      '/request run clean',
    ]);
    expect(recorder.settled).toBe(1);
  });

  it('show a failure of such a function, thrown into its dependencies', async () => {
    const recorder = new Recorder();
    const failing = new Layer().run({ db: Depends(getDb) }, function clean() {
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    recorder.stop();
    expect(recorder.lines.slice(3)).toEqual([
      'endpoint clean',
      '/endpoint clean failed: failed',
      'dependency.exit getDb with failed',
      '/dependency.exit getDb with failed',
      '/request run clean failed: failed',
    ]);
  });

  it('show such a function up to the end of a lazy query, which begins when it is awaited', async () => {
    const recorder = new Recorder();
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: a query builder is a thenable.
      then: (_resolve: unknown, reject: (error: Error) => void) => reject(new Error('failed')),
    };
    await expect(new Layer().run({}, () => query)).rejects.toThrow('failed');
    recorder.stop();
    expect(recorder.lines).toContain('/endpoint function failed: failed');
  });

  it.each([undefined, null, 0, 'text'])('show `%s` that is thrown as an error', async thrown => {
    const recorder = new Recorder();
    const failing = new Layer().run({ db: Depends(getDb) }, function clean() {
      throw thrown;
    });
    await failing.catch(() => undefined);
    recorder.stop();
    const failed = recorder.seen.filter(({ part }) => part === 'error').map(({ event }) => event);
    expect(failed.map(({ error }) => error)).toEqual(Array(2).fill(expect.any(Error)));
    expect(failed[0]).toMatchObject({ stage: 'endpoint', error: { cause: thrown } });
  });

  it('show what a layer enters when it starts, and leaves when it closes', async () => {
    async function* lifespan() {
      yield {};
    }
    const layer = new Layer({ lifespan, dependencies: [Depends(getDb, { scope: 'app' })] });
    const recorder = new Recorder();
    await layer.start();
    await layer.close();
    recorder.stop();
    expect(recorder.lines).toEqual([
      'request start',
      'dependency.enter lifespan',
      '/dependency.enter lifespan',
      'dependency.enter getDb',
      '/dependency.enter getDb',
      '/request start',
      'request close',
      'dependency.exit getDb',
      '/dependency.exit getDb',
      'dependency.exit lifespan',
      '/dependency.exit lifespan',
      '/request close',
    ]);
    expect(recorder.settled).toBe(2);
  });

  it('show the exit of a dependency that was entered after its layer had closed', async () => {
    const { opened, open } = gate();
    const { opened: exited, open: exit } = gate();
    async function* getPool() {
      await opened;
      yield 'pool';
      exit();
    }
    const recorder = new Recorder();
    const layer = new Layer({ onError: () => undefined });
    const running = layer.run({ pool: Depends(getPool, { scope: 'app' }) }, () => undefined);
    await layer.close({ timeoutMs: 1 });
    open();
    await exited;
    await expect(running).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    recorder.stop();
    expect(recorder.lines.filter(line => line.includes('getPool'))).toEqual([
      'dependency.enter getPool',
      'dependency.exit getPool',
      '/dependency.exit getPool',
      expect.stringContaining('/dependency.enter getPool failed: '),
    ]);
  });
});
