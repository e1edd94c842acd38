import { BackgroundTask, Depends, endpoint, Layer, PlainTextResponse, StreamingResponse } from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { frameworks, listening } from '../support/frameworks.js';

const nothing = { responses: [], exits: [], tasks: [] };

describe.each(frameworks)('closing a layer on $name', ({ app }) => {
  let log: EventLog;
  let reports: string[];
  beforeEach(() => {
    log = new EventLog();
    reports = [];
  });
  const make = (options = {}): Layer =>
    new Layer({
      onError: (error, { phase }) => reports.push(`${phase}: ${(error as { code?: string }).code}`),
      ...options,
    });

  it('resolves at once when idle, however often it is called', async () => {
    const layer = make();
    expect(await layer.close()).toEqual(nothing);
    expect(await layer.close({ timeoutMs: 0 })).toEqual(nothing);
  });

  it('refuses new requests with a 503 and `connection: close`, and runs nothing for them', async () => {
    const layer = make({
      middleware: [() => log.add('middleware')],
      dependencies: [Depends(() => log.add('dependency'))],
    });
    const native = app()
      .use(layer)
      .handler('/', answer => answer.send('native'));
    await layer.close();
    await listening(native.listener(), async url => {
      const response = await fetch(url);
      expect(response.status).toBe(503);
      expect(response.headers.get('connection')).toBe('close');
      expect(await response.json()).toEqual({ detail: 'Service Unavailable' });
    });
    expect(log.events).toEqual([]);
  });

  it('lets a handler for 503 answer what an inner layer refuses, inside the outer middleware', async () => {
    const outer = make({
      middleware: [
        async (request: never, callNext: (request: never) => Promise<Response>) => {
          const response = await callNext(request);
          response.headers.set('x-outer', 'yes');
          return response;
        },
      ],
      exceptionHandlers: [[503, () => new PlainTextResponse('later', { status: 503 })]],
    });
    const inner = make();
    await inner.close();
    await listening(app().use(outer).at('/', inner).listener(), async url => {
      const response = await fetch(url);
      expect([response.status, response.headers.get('x-outer'), await response.text()]).toEqual([
        503,
        'yes',
        'later',
      ]);
    });
  });

  it('waits for the response, exits and tasks of a request, and accepts no new request', async () => {
    const layer = make();
    const working = gate<void>();
    async function* db() {
      yield 1;
      log.add('exit');
    }
    const slow = endpoint({ db: Depends(db) }, async ({ backgroundTasks }) => {
      log.add('endpoint');
      backgroundTasks.addTask(async () => {
        await new Promise(setImmediate);
        log.add('task');
      });
      await working.opened;
      return 'done';
    });
    await listening(app().use(layer).at('/', slow).listener(), async url => {
      const first = fetch(url).then(response => response.json());
      await log.until('endpoint');
      const closing = layer.close({ timeoutMs: 5000 }).then(undone => {
        log.add('closed');
        return undone;
      });
      expect((await fetch(url)).status).toBe(503);
      working.open();
      expect(await first).toBe('done');
      expect(await closing).toEqual(nothing);
    });
    expect(log.events).toEqual(['endpoint', 'exit', 'task', 'closed']);
  });

  it('names unfinished work at its deadline and aborts the signals', async () => {
    const layer = make();
    const ending = gate<void>();
    async function* getDb() {
      yield 1;
      log.add('exit');
    }
    async function sendMail() {
      log.add('task');
    }
    const stuck = endpoint({ db: Depends(getDb) }, async ({ request, backgroundTasks }) => {
      backgroundTasks.addTask(sendMail);
      log.add('endpoint');
      await new Promise(resolve => request.signal.addEventListener('abort', resolve));
      log.add(`aborted: ${request.signal.reason.code}`);
      await ending.opened;
      return null;
    });
    await listening(app().use(layer).at('/', stuck).listener(), async url => {
      const answered = fetch(`${url}/slow?q=1`).then(response => response.status);
      await log.until('endpoint');
      expect(await layer.close({ timeoutMs: 0 })).toEqual({
        responses: ['GET /slow'],
        exits: ['getDb'],
        tasks: ['sendMail'],
      });
      await log.until('aborted: LAYER_CLOSED');
      ending.open();
      expect(await answered).toBe(200);
      expect(await layer.close()).toEqual(nothing);
    });
    expect(log.events).toEqual(['endpoint', 'aborted: LAYER_CLOSED', 'exit']);
    expect(reports).toEqual(['background: TASK_UNDONE']);
  });

  it('names a running task and those behind it, aborts their signal and starts no more', async () => {
    const layer = make();
    const ending = gate<void>();
    async function working(signal: AbortSignal) {
      log.add('working');
      await ending.opened;
      log.add(`aborted: ${signal.aborted}`);
    }
    const waiting = () => log.add('waiting');
    const own = () => log.add('own');
    const run = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(working, backgroundTasks.signal);
      backgroundTasks.addTask(new BackgroundTask(waiting, [], { when: 'always' }));
      return new PlainTextResponse('', { background: new BackgroundTask(own) });
    });
    await listening(app().use(layer).at('/', run).listener(), async url => {
      await fetch(url);
      await log.until('working');
      expect(await layer.close({ timeoutMs: 0 })).toEqual({
        responses: [],
        exits: [],
        tasks: ['working', 'waiting', 'own'],
      });
      ending.open();
      expect(await layer.close()).toEqual(nothing);
    });
    expect(log.events).toEqual(['working', 'aborted: true']);
    expect(reports).toEqual(['background: TASK_UNDONE', 'background: TASK_UNDONE']);
  });

  it('names an exit that never finishes', async () => {
    const layer = make();
    const ending = gate<void>();
    async function* outerDb() {
      yield 1;
    }
    async function* stuckDb() {
      yield 1;
      log.add('exiting');
      await ending.opened;
    }
    const read = endpoint({ a: Depends(outerDb), b: Depends(stuckDb) }, () => null);
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await fetch(url);
      await log.until('exiting');
      expect(await layer.close({ timeoutMs: 0 })).toEqual({
        responses: [],
        exits: ['stuckDb', 'outerDb'],
        tasks: [],
      });
      ending.open();
      expect(await layer.close()).toEqual(nothing);
    });
  });

  it('ends a stream that listens to the signal of its request', async () => {
    const layer = make();
    const events = endpoint({}, ({ request }) => {
      async function* chunks() {
        yield 'event';
        await new Promise(resolve => request.signal.addEventListener('abort', resolve));
        yield 'last';
      }
      return new StreamingResponse(chunks());
    });
    await listening(app().use(layer).at('/', events).listener(), async url => {
      const response = await fetch(`${url}/events`);
      expect((await layer.close({ timeoutMs: 0 })).responses).toEqual(['GET /events']);
      expect(await response.text()).toBe('eventlast');
      expect(await layer.close()).toEqual(nothing);
    });
  });

  it('waits for native code too', async () => {
    const layer = make();
    const working = gate<void>();
    const native = app()
      .use(layer)
      .handler('/', async answer => {
        log.add('native');
        await working.opened;
        answer.send('late');
      });
    await listening(native.listener(), async url => {
      const answered = fetch(url).then(response => response.text());
      await log.until('native');
      expect((await layer.close({ timeoutMs: 0 })).responses).toEqual(['GET /']);
      working.open();
      expect(await answered).toBe('late');
      expect(await layer.close()).toEqual(nothing);
    });
  });

  it('waits for code that a timeout abandoned', async () => {
    const layer = make({ timeout: 20 });
    const working = gate<void>();
    const stuck = endpoint({}, async () => {
      await working.opened;
      log.add('late');
    });
    await listening(app().use(layer).at('/', stuck).listener(), async url => {
      expect((await fetch(url)).status).toBe(504);
      const closing = layer.close();
      working.open();
      expect(await closing).toEqual(nothing);
    });
    expect(log.events).toEqual(['late']);
  });
});

it.each([-1, Number.NaN, 2 ** 31, '10s', null])('rejects a deadline of %p', async timeoutMs => {
  await expect(new Layer().close({ timeoutMs: timeoutMs as number })).rejects.toMatchObject({
    code: 'LAYER_OPTIONS',
  });
});

describe.each(frameworks)('native code on $name whose client has gone', ({ app }) => {
  /** Sends a request, and leaves while native code is running. */
  async function leave(url: string, log: EventLog): Promise<void> {
    const controller = new AbortController();
    const answered = fetch(url, { signal: controller.signal }).catch((error: Error) => error.name);
    await log.until('native');
    controller.abort();
    expect(await answered).toBe('AbortError');
  }

  it('and that never ends is neither waited for nor kept', async () => {
    const log = new EventLog();
    const layer = new Layer();
    const native = app()
      .use(layer)
      .handler('/', async answer => {
        answer.res.once('close', () => log.add('gone'));
        log.add('native');
        await new Promise(() => undefined);
      });
    await listening(native.listener(), async url => {
      await leave(url, log);
      await log.until('gone');
      expect(await layer.close()).toEqual(nothing);
    });
  });

  it('and that injects something afterwards is waited for', async () => {
    const log = new EventLog();
    const layer = new Layer();
    const working = gate<void>();
    async function* db() {
      log.add('enter');
      yield 1;
      log.add('exit');
    }
    const native = app()
      .use(layer)
      .handler('/', async answer => {
        answer.res.once('close', () => log.add('gone'));
        await answer.inject(Depends(() => 1));
        log.add('native');
        await log.until('gone');
        await answer.inject(Depends(db));
        await working.opened;
        answer.send('late');
      });
    await listening(native.listener(), async url => {
      await leave(url, log);
      await log.until('enter');
      expect((await layer.close({ timeoutMs: 0 })).exits).toEqual(['db']);
      working.open();
      expect(await layer.close()).toEqual(nothing);
    });
    expect(log.events).toEqual(['native', 'gone', 'enter', 'exit']);
  });
});
