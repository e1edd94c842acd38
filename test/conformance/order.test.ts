import {
  BackgroundTask,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
  PlainTextResponse,
  StreamingResponse,
} from 'callnext';
import { EventLog } from '../support/events.js';
import { frameworks, listening, type TestApp } from '../support/frameworks.js';

/** The parts of every order test; each logs its steps. */
function parts(log: EventLog) {
  const reports: string[] = [];
  const middleware = (name: string): Middleware =>
    Object.defineProperty(
      async (request: Parameters<Middleware>[0], callNext: Parameters<Middleware>[1]) => {
        log.add(`${name} before`);
        try {
          const response = await callNext(request);
          log.add(`${name} after ${response.status}`);
          return response;
        } catch (error) {
          log.add(`${name} caught ${(error as Error).message}`);
          throw error;
        }
      },
      'name',
      { value: name },
    );
  const yielding = (name: string) =>
    async function* ({ request }: { request: object }) {
      log.add(`${name} enter`);
      if (!request) throw new Error('no request');
      try {
        yield name;
        log.add(`${name} exit`);
      } catch (error) {
        log.add(`${name} exit with ${(error as Error).message}`);
        throw error;
      }
    };
  const layer = new Layer({
    middleware: [middleware('outer'), middleware('inner')],
    onError: (error, { phase }) => {
      reports.push(`${phase}: ${error.message}`);
      log.add(`reported ${phase}`);
    },
  });
  return { log, reports, layer, middleware, yielding };
}

async function request(
  app: TestApp,
  log: EventLog,
  last: string,
  path = '/',
): Promise<{ status: number; body: string; headers: Headers }> {
  return listening(app.listener(), async url => {
    const response = await fetch(url + path, { redirect: 'manual' });
    const body = await response.text();
    await log.until(last);
    return { status: response.status, body, headers: response.headers };
  });
}

describe.each(frameworks)('the order on $name', ({ app }) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  it('runs middleware, then dependency exits, then background tasks', async () => {
    const { layer, yielding } = parts(log);
    const session = dependency({ db: Depends(yielding('db')) }, async function* ({ db }) {
      log.add(`session enter on ${db}`);
      yield 'session';
      log.add('session exit');
    });
    const read = endpoint({ session: Depends(session) }, ({ session: value, backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task 1'));
      backgroundTasks.addTask(() => log.add('task 2'));
      log.add(`endpoint with ${value}`);
      return { ok: true };
    });
    const native = app()
      .around(
        () => undefined,
        () => log.add('sent'),
      )
      .use(layer)
      .at('/', read);
    const { status, body } = await request(native, log, 'task 2');
    expect({ status, body }).toEqual({ status: 200, body: '{"ok":true}' });
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'session enter on db',
      'endpoint with session',
      'inner after 200',
      'outer after 200',
      'sent',
      'session exit',
      'db exit',
      'task 1',
      'task 2',
    ]);
  });

  it('places each scope where it belongs', async () => {
    const { layer, yielding } = parts(log);
    const read = endpoint(
      {
        b: Depends(yielding('background'), { scope: 'background' }),
        r: Depends(yielding('request'), { scope: 'request' }),
        f: Depends(yielding('function'), { scope: 'function' }),
      },
      ({ backgroundTasks }) => {
        backgroundTasks.addTask(() => log.add('task'));
        return null;
      },
    );
    const native = app()
      .around(
        () => undefined,
        () => log.add('sent'),
      )
      .use(layer)
      .at('/', read);
    await request(native, log, 'background exit');
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'background enter',
      'request enter',
      'function enter',
      'function exit',
      'inner after 200',
      'outer after 200',
      'sent',
      'request exit',
      'task',
      'background exit',
    ]);
  });

  it("throws the endpoint's exception into dependencies, then the handler, then middleware", async () => {
    const { layer, yielding } = parts(log);
    layer.addExceptionHandler(RangeError, (_request, exception) => {
      log.add('handler');
      return new PlainTextResponse(exception.message, {
        status: 416,
        background: new BackgroundTask(() => log.add('handler task')),
      });
    });
    const read = endpoint(
      { db: Depends(yielding('db')), f: Depends(yielding('fn'), { scope: 'function' }) },
      ({ backgroundTasks }) => {
        backgroundTasks.addTask(() => log.add('dropped task'));
        backgroundTasks.addTask(new BackgroundTask(() => log.add('always task'), [], { when: 'always' }));
        throw new RangeError('too far');
      },
    );
    const { status, body } = await request(app().use(layer).at('/', read), log, 'handler task');
    expect({ status, body }).toEqual({ status: 416, body: 'too far' });
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'fn enter',
      'fn exit with too far',
      'db exit with too far',
      'reported background',
      'handler',
      'inner after 416',
      'outer after 416',
      'always task',
      'handler task',
    ]);
  });

  it('renders an HTTPException of a dependency as FastAPI does', async () => {
    const { layer, yielding } = parts(log);
    const verify = dependency({ db: Depends(yielding('db')) }, () => {
      throw new HTTPException(403, 'no entry', { headers: { 'x-why': 'token' } });
    });
    const read = endpoint({ user: Depends(verify) }, () => log.add('endpoint'));
    const { status, body, headers } = await request(app().use(layer).at('/', read), log, 'outer after 403');
    expect({ status, body, why: headers.get('x-why') }).toEqual({
      status: 403,
      body: '{"detail":"no entry"}',
      why: 'token',
    });
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'db exit with no entry',
      'inner after 403',
      'outer after 403',
    ]);
  });

  it('propagates an unhandled exception through the middleware to a 500', async () => {
    const { layer, yielding } = parts(log);
    const read = endpoint({ db: Depends(yielding('db')) }, () => {
      throw new Error('boom');
    });
    const { status } = await request(app().use(layer).at('/', read), log, 'outer caught boom');
    expect(status).toBe(500);
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'db exit with boom',
      'inner caught boom',
      'outer caught boom',
    ]);
  });

  it('runs a handler for Error outside the middleware and still reports the error', async () => {
    const { layer, yielding } = parts(log);
    layer.addExceptionHandler(Error, () => {
      log.add('last handler');
      return new PlainTextResponse('sorry', { status: 500 });
    });
    const read = endpoint({ db: Depends(yielding('db')) }, () => {
      throw new Error('boom');
    });
    const { status, body } = await request(app().use(layer).at('/', read), log, 'last handler');
    expect({ status, body }).toEqual({ status: 500, body: 'sorry' });
    expect(log.events.slice(-4)).toEqual([
      'inner caught boom',
      'outer caught boom',
      'reported request',
      'last handler',
    ]);
  });

  it('answers a swallowed exception with a 500 that names the dependency', async () => {
    const { layer } = parts(log);
    let seen: Error | undefined;
    layer.addExceptionHandler(Error, (_request, exception) => {
      seen = exception;
      return new PlainTextResponse('failed', { status: 500 });
    });
    async function* swallows() {
      try {
        yield 1;
      } catch {
        log.add('swallowed');
      }
    }
    const read = endpoint({ value: Depends(swallows) }, () => {
      throw new Error('first');
    });
    const { status } = await request(app().use(layer).at('/', read), log, 'swallowed');
    expect(status).toBe(500);
    expect(seen?.message).toContain('`swallows`');
    expect(seen?.cause).toEqual(new Error('first'));
  });

  it('replaces the response when a commit of scope function fails', async () => {
    const { layer, yielding } = parts(log);
    async function* transaction() {
      yield 'tx';
      throw new HTTPException(409, 'conflict');
    }
    const write = endpoint(
      { db: Depends(yielding('db')), tx: Depends(transaction, { scope: 'function' }) },
      () => ({ ok: true }),
    );
    const { status, body } = await request(app().use(layer).at('/', write), log, 'outer after 409');
    expect({ status, body }).toEqual({ status: 409, body: '{"detail":"conflict"}' });
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'db exit with conflict',
      'inner after 409',
      'outer after 409',
    ]);
  });

  it('turns a handled exception of a middleware into a response for outer ones', async () => {
    const { layer, yielding, middleware } = parts(log);
    const failing: Middleware = async (incoming, callNext) => {
      await callNext(incoming);
      throw new HTTPException(418, 'teapot');
    };
    const nested = new Layer({ middleware: [middleware('around'), failing] });
    const read = endpoint({ db: Depends(yielding('db')) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('dropped task'));
      return 1;
    });
    const { status } = await request(app().use(layer).at('/', nested, read), log, 'outer after 418');
    expect(status).toBe(418);
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'around before',
      'db enter',
      'db exit with teapot',
      'reported background',
      'around after 418',
      'inner after 418',
      'outer after 418',
    ]);
  });

  it('runs nothing below a middleware that answers by itself', async () => {
    const { layer, middleware, yielding } = parts(log);
    const short: Middleware = () => new PlainTextResponse('short', { status: 202 });
    const nested = new Layer({ middleware: [middleware('around'), short] });
    const read = endpoint({ db: Depends(yielding('db')) }, () => log.add('endpoint'));
    const { status, body } = await request(app().use(layer).at('/', nested, read), log, 'outer after 202');
    expect({ status, body }).toEqual({ status: 202, body: 'short' });
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'around before',
      'around after 202',
      'inner after 202',
      'outer after 202',
    ]);
  });

  it('sends what a middleware returns in place of the response, and runs the tasks of both', async () => {
    const { layer, yielding } = parts(log);
    layer.addMiddleware(async (incoming, callNext) => {
      const first = await callNext(incoming);
      const text = await first.text();
      return new PlainTextResponse(text.toUpperCase(), {
        background: new BackgroundTask(() => log.add('task of the second')),
      });
    });
    const read = endpoint({ db: Depends(yielding('db')) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('injected task'));
      return new PlainTextResponse('body', {
        background: new BackgroundTask(() => log.add('task of the first')),
      });
    });
    const { body } = await request(app().use(layer).at('/', read), log, 'task of the first');
    expect(body).toBe('BODY');
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'inner after 200',
      'outer after 200',
      'db exit',
      'injected task',
      'task of the second',
      'task of the first',
    ]);
  });

  it('keeps dependencies open while a response streams', async () => {
    const { layer, yielding } = parts(log);
    const read = endpoint({ db: Depends(yielding('db')) }, () => {
      async function* chunks() {
        log.add('chunk 1');
        yield 'a';
        log.add('chunk 2');
        yield 'b';
        log.add('chunks over');
      }
      return new StreamingResponse(chunks());
    });
    const { body } = await request(app().use(layer).at('/', read), log, 'db exit');
    expect(body).toBe('ab');
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'inner after 200',
      'outer after 200',
      'chunk 1',
      'chunk 2',
      'chunks over',
      'db exit',
    ]);
  });

  it('cuts the connection when a body fails and throws the failure into the dependencies', async () => {
    const { layer, yielding, reports } = parts(log);
    const read = endpoint({ db: Depends(yielding('db')) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('dropped task'));
      async function* chunks() {
        yield 'a';
        throw new Error('broken');
      }
      return new StreamingResponse(chunks());
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await expect(fetch(url).then(response => response.text())).rejects.toThrow();
      await log.until('db exit with broken');
    });
    expect(log.events.slice(2)).toEqual([
      'db enter',
      'inner after 200',
      'outer after 200',
      'reported response',
      'reported background',
      'db exit with broken',
    ]);
    expect(reports[0]).toBe('response: broken');
  });

  it('keeps a sent response when an exit fails, drops the tasks and leaves the others', async () => {
    const { layer, yielding, reports } = parts(log);
    async function* failing() {
      yield 1;
      throw new Error('late');
    }
    const read = endpoint(
      { db: Depends(yielding('db')), failing: Depends(failing) },
      ({ backgroundTasks }) => {
        backgroundTasks.addTask(() => log.add('dropped task'));
        backgroundTasks.addTask(new BackgroundTask(() => log.add('always task'), [], { when: 'always' }));
        return 'fine';
      },
    );
    const { status } = await request(app().use(layer).at('/', read), log, 'always task');
    expect(status).toBe(200);
    expect(log.events.slice(4)).toEqual([
      'outer after 200',
      'db exit with late',
      'reported exit',
      'reported background',
      'always task',
    ]);
    expect(reports[0]).toBe('exit: late');
  });

  it('reports a failing task and runs those after it', async () => {
    const { layer, yielding, reports } = parts(log);
    const read = endpoint({ db: Depends(yielding('db')) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(() => {
        log.add('task 1');
        backgroundTasks.addTask(() => log.add('task 3'));
        throw new Error('task failed');
      });
      backgroundTasks.addTask(() => log.add('task 2'));
    });
    await request(app().use(layer).at('/', read), log, 'task 3');
    expect(log.events.slice(-5)).toEqual(['db exit', 'task 1', 'reported background', 'task 2', 'task 3']);
    expect(reports).toEqual(['background: task failed']);
  });

  it('runs the layers outside native code, with their dependencies around it', async () => {
    const { layer, yielding, middleware } = parts(log);
    const withDependency = new Layer({
      middleware: [middleware('nested')],
      dependencies: [Depends(yielding('db')), Depends(yielding('fn'), { scope: 'function' })],
    });
    const native = app()
      .use(layer)
      .at('/', withDependency)
      .handler('/', answer => {
        log.add('native');
        answer.status(201).send('native body');
      });
    const { status, body } = await request(native, log, 'db exit');
    expect({ status, body }).toEqual({ status: 201, body: 'native body' });
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'nested before',
      'db enter',
      'fn enter',
      'native',
      'fn exit',
      'nested after 201',
      'inner after 201',
      'outer after 201',
      'db exit',
    ]);
  });

  it('propagates an error of native code to the middleware, and the framework makes its page', async () => {
    const { layer, yielding } = parts(log);
    const nested = new Layer({ dependencies: [Depends(yielding('db'))] });
    const native = app()
      .use(layer)
      .at('/', nested)
      .handler('/', () => {
        throw Object.assign(new Error('native failure'), { status: 503 });
      });
    const { status } = await request(native, log, 'outer caught native failure');
    expect(status).toBe(503);
    expect(log.events).toEqual([
      'outer before',
      'inner before',
      'db enter',
      'db exit with native failure',
      'inner caught native failure',
      'outer caught native failure',
    ]);
  });

  it("gives an error of native code to the user's handlers", async () => {
    const { layer } = parts(log);
    class Unavailable extends Error {
      readonly status = 503;
    }
    layer.addExceptionHandler(
      Unavailable,
      (_request, exception) => new PlainTextResponse(`handled ${exception.message}`, { status: 503 }),
    );
    const native = app()
      .use(layer)
      .handler('/', () => {
        throw new Unavailable('native failure');
      });
    const { status, body } = await request(native, log, 'outer after 503');
    expect({ status, body }).toEqual({ status: 503, body: 'handled native failure' });
  });

  it('answers for a middleware that does not wait, and lets the code below finish', async () => {
    const { layer, yielding } = parts(log);
    let finish!: () => void;
    const slow = new Promise<void>(resolve => {
      finish = resolve;
    });
    layer.addMiddleware(async (incoming, callNext) =>
      Promise.race([
        callNext(incoming),
        log.until('endpoint').then(() => new PlainTextResponse('timeout', { status: 504 })),
      ]),
    );
    const read = endpoint({ db: Depends(yielding('db')) }, async ({ backgroundTasks }) => {
      log.add('endpoint');
      backgroundTasks.addTask(() => log.add('task'));
      await slow;
      return 'late';
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      const response = await fetch(url);
      expect({ status: response.status, body: await response.text() }).toEqual({
        status: 504,
        body: 'timeout',
      });
      expect(log.events).not.toContain('db exit');
      finish();
      await log.until('task');
    });
    expect(log.events.slice(-4)).toEqual(['inner after 200', 'outer after 200', 'db exit', 'task']);
  });

  it('lets the endpoint finish after the client leaves, exits normally and runs the tasks', async () => {
    const { layer, yielding } = parts(log);
    const read = endpoint({ db: Depends(yielding('db')) }, async ({ request: incoming, backgroundTasks }) => {
      backgroundTasks.addTask(() => log.add('task'));
      log.add('endpoint');
      await new Promise(resolve => incoming.signal.addEventListener('abort', resolve, { once: true }));
      log.add('aborted');
      return 'unseen';
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      const controller = new AbortController();
      const failed = fetch(url, { signal: controller.signal }).catch((error: Error) => error.name);
      await log.until('endpoint');
      controller.abort();
      expect(await failed).toBe('AbortError');
      await log.until('task');
    });
    expect(log.events.slice(2)).toEqual([
      'db enter',
      'endpoint',
      'aborted',
      'inner after 200',
      'outer after 200',
      'db exit',
      'task',
    ]);
  });

  it('works for an endpoint without a layer', async () => {
    const { yielding } = parts(log);
    const read = endpoint({ db: Depends(yielding('db')) }, ({ backgroundTasks, response }) => {
      backgroundTasks.addTask(() => log.add('task'));
      response.headers.set('x-set', 'yes');
      response.status = 201;
      return ['plain'];
    });
    const { status, body, headers } = await request(app().at('/', read), log, 'task');
    expect({ status, body, set: headers.get('x-set') }).toEqual({
      status: 201,
      body: '["plain"]',
      set: 'yes',
    });
    expect(log.events).toEqual(['db enter', 'db exit', 'task']);
  });
});
