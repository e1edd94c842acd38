import http from 'node:http';
import net from 'node:net';
import {
  BackgroundTask,
  BackgroundTasks,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
  Response as OurResponse,
  PlainTextResponse,
} from 'callnext';
import { toExpress } from 'callnext/express';
import express5 from 'express';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';
import { skippingTime } from '../support/patience.js';

const nothing = { responses: [], exits: [], tasks: [] };
const silent = (options = {}): Layer => new Layer({ onError: () => undefined, ...options });

/** Sends a request, leaves when the gate opens, and resolves once the connection is closed. */
async function leave(port: number, when: Promise<unknown>): Promise<void> {
  const request = http.get({ port, host: '127.0.0.1', agent: false });
  request.on('error', () => undefined);
  const closed = new Promise(resolve => request.once('close', resolve));
  await when;
  request.destroy();
  await closed;
}

describe.each(mounts)('on $name, a client that goes away', ({ app }) => {
  it('during native writes and a replacement, leaves nothing that could fail', async () => {
    const log = new EventLog();
    const layer = silent({
      middleware: [
        async (request: never, callNext: (request: never) => Promise<OurResponse>) => {
          await callNext(request);
          log.add('answered');
          await log.until('ended');
          throw new HTTPException(409);
        },
      ],
    });
    const native = app()
      .use(layer)
      .native('/', async (req, res) => {
        res.write('a');
        await new Promise(resolve => req.socket.once('end', resolve));
        res.write('b');
        res.end('c');
        log.add('ended');
      });
    await listening(native.listener(), async (_url, port) => {
      await leave(port, log.until('answered'));
      expect(await layer.close()).toEqual(nothing);
    });
  });

  it.each([
    ['a middleware', { middleware: true }],
    ['a dependency', { dependency: true }],
    ['a lifespan', { lifespan: true }],
  ])('before %s goes on, is not waited for by native code that never answers', async (_title, place) => {
    const log = new EventLog();
    const gone = gate<void>();
    const wait = async (): Promise<void> => {
      log.add('waiting');
      await gone.opened;
    };
    async function* db() {
      log.add('enter');
      if ('dependency' in place) await wait();
      try {
        yield 1;
      } finally {
        log.add('exit');
      }
    }
    const waiting: Middleware = async (request, callNext) => {
      if ('middleware' in place) await wait();
      return callNext(request);
    };
    async function* lifespan() {
      await wait();
      yield;
    }
    const layer = silent({
      middleware: [waiting],
      dependencies: [Depends(db)],
      ...('lifespan' in place ? { lifespan } : {}),
    });
    const native = app()
      .use(layer)
      .native('/', () => log.add('native'));
    await listening(native.listener(), async (_url, port) => {
      await leave(port, log.until('waiting'));
      await skippingTime(async pass => {
        gone.open();
        await log.until('native');
        await pass(5_000);
        await log.until('exit');
        expect(await layer.close()).toEqual(nothing);
      });
    });
  });

  it('makes the response read-only for exit code, although it was never sent', async () => {
    const log = new EventLog();
    const layer = silent();
    async function* reading(): AsyncGenerator<number, void, OurResponse> {
      const sent = yield 1;
      try {
        sent.headers.set('x-late', 'yes');
      } catch (error) {
        log.add((error as { code: string }).code);
      }
    }
    const slow = endpoint({ one: Depends(reading) }, async ({ request }) => {
      log.add('endpoint');
      await new Promise(resolve => request.signal.addEventListener('abort', resolve));
      return 'late';
    });
    await listening(app().use(layer).at('/', slow).listener(), async (_url, port) => {
      await leave(port, log.until('endpoint'));
      await layer.close();
    });
    expect(log.events).toEqual(['endpoint', 'HEADERS_SENT']);
  });

  it('keeps the dependencies of a stream until its generator is closed', async () => {
    const log = new EventLog();
    const querying = gate<void>();
    const layer = silent();
    async function* db() {
      yield 1;
      log.add('exit');
    }
    const stream = endpoint({ db: Depends(db) }, ({ request }) => {
      async function* rows() {
        try {
          yield 'row';
          log.add('querying');
          request.signal.addEventListener('abort', () => log.add('aborted'));
          await querying.opened;
          log.add('query over');
          yield 'row';
        } finally {
          log.add('closed');
        }
      }
      return new OurResponse(rows());
    });
    await listening(app().use(layer).at('/', stream).listener(), async (_url, port) => {
      await leave(port, log.until('querying'));
      await log.until('aborted');
      expect((await layer.close({ timeoutMs: 0 })).exits).toEqual(['db']);
      querying.open();
      expect(await layer.close()).toEqual(nothing);
    });
    expect(log.events).toEqual(['querying', 'aborted', 'query over', 'closed', 'exit']);
  });

  it('still lets another request that waits for the same response be answered', async () => {
    const begun = gate<void>();
    const gone = gate<void>();
    let shared: Promise<OurResponse> | undefined;
    const once: Middleware = async (request, callNext) => {
      shared ??= callNext(request).catch(error => {
        gone.open();
        throw error;
      });
      return new PlainTextResponse(await (await shared).text());
    };
    const layer = silent({ middleware: [once] });
    const native = app()
      .use(layer)
      .native('/', () => begun.open());
    await listening(native.listener(), async (url, port) => {
      const left = leave(port, begun.opened);
      await begun.opened;
      const second = fetch(url);
      await left;
      await gone.opened;
      expect((await second).status).toBe(500);
    });
  });
});

describe.each(mounts)('on $name, tasks', ({ app }) => {
  it('added to a running list of a response run too', async () => {
    const log = new EventLog();
    const layer = silent();
    const read = endpoint({}, () => {
      const own = new BackgroundTasks();
      own.addTask(() => {
        log.add('first');
        own.addTask(() => log.add('second'));
      });
      return new PlainTextResponse('', { background: own });
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await fetch(url);
      await layer.close();
    });
    expect(log.events).toEqual(['first', 'second']);
  });

  it('of a list that two responses share run once each', async () => {
    const log = new EventLog();
    const shared = new BackgroundTasks();
    const layer = silent().addExceptionHandler(RangeError, () => {
      shared.addTask(() => log.add('of the handler'));
      return new PlainTextResponse('', { status: 400, background: shared });
    });
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      if (response.status === 200) throw new RangeError();
      return response;
    });
    const read = endpoint({}, () => {
      shared.addTask(new BackgroundTask(() => log.add('of the endpoint'), [], { when: 'always' }));
      return new PlainTextResponse('', { background: shared });
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await fetch(url);
      await layer.close();
    });
    expect(log.events).toEqual(['of the endpoint', 'of the handler']);
  });

  it('may be the injected list at `background`, even when the layer is closed', async () => {
    const log = new EventLog();
    const ending = gate<void>();
    const layer = silent();
    const read = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(async function slow() {
        log.add('slow');
        await ending.opened;
      });
      return new PlainTextResponse('', { background: backgroundTasks });
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      await fetch(url);
      await log.until('slow');
      expect((await layer.close({ timeoutMs: 0 })).tasks).toEqual(['slow']);
      ending.open();
      expect(await layer.close()).toEqual(nothing);
    });
  });

  it('run or are refused in whichever microtask they are added', async () => {
    const outcomes: string[] = [];
    for (let hops = 0; hops < 24; hops += 1) {
      let outcome = 'lost';
      async function* late({ backgroundTasks }: { backgroundTasks: BackgroundTasks }) {
        yield 1;
        void (async () => {
          for (let hop = 0; hop < hops; hop += 1) await undefined;
          backgroundTasks.addTask(() => {
            outcome = 'ran';
          });
        })().catch(error => {
          outcome = error.code;
        });
      }
      await silent().run({ late: Depends(late, { scope: 'background' }) }, () => undefined);
      await new Promise(setImmediate);
      outcomes.push(outcome);
    }
    // Tasks added in time run, later ones are refused, and none is lost in between.
    const inTime = outcomes.indexOf('TASK_LATE');
    expect(inTime).toBeGreaterThan(0);
    expect(outcomes).toEqual(outcomes.map((_outcome, hops) => (hops < inTime ? 'ran' : 'TASK_LATE')));
  });
});

describe.each(mounts)('on $name, failures', ({ app }) => {
  it.each([0, '', Number.NaN, false, 'route', 'router', undefined, null])(
    'a guard that throws %p blocks the request',
    async thrown => {
      const guard = Depends(() => {
        throw thrown;
      });
      const native = app()
        .at('/', guard)
        .handler('/', answer => answer.send('secret'));
      await listening(native.listener(), async url => {
        const response = await fetch(url);
        expect(response.status).toBe(500);
        expect(await response.text()).not.toContain('secret');
      });
    },
  );

  it.each([
    ['a long chain of causes', () => chained(5000)],
    ['a getter that fails', () => Object.defineProperty(new Error('exit'), 'cause', { get: fails })],
    ['a status that fails', () => Object.defineProperty(new Error('exit'), 'status', { get: fails })],
    [
      'a cause that cannot be set',
      () => Object.defineProperty(new Error('exit'), 'cause', { value: undefined }),
    ],
    [
      'a proxy that refuses',
      () => new Proxy(new Error('exit'), { defineProperty: fails, isExtensible: fails }),
    ],
  ])('an exit that throws an error with %s does not prevent other exits', async (_title, make) => {
    const log = new EventLog();
    // The frameworks' own error handling would read the value and fail.
    const layer = silent().addExceptionHandler(Error, () => new PlainTextResponse('', { status: 500 }));
    async function* outermost() {
      try {
        yield 1;
      } finally {
        log.add('exit');
      }
    }
    async function* failing() {
      try {
        yield 1;
      } catch {
        throw make();
      }
    }
    const read = endpoint({ a: Depends(outermost), b: Depends(failing) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(new BackgroundTask(() => log.add('always'), [], { when: 'always' }));
      throw new Error('first');
    });
    await listening(app().use(layer).at('/', read).listener(), async url => {
      expect((await fetch(url)).status).toBe(500);
      expect(await layer.close()).toEqual(nothing);
    });
    expect(log.events).toEqual(['exit', 'always']);
  });

  it('headers for errors appear on the page for a failure after a native answer', async () => {
    const layer = silent({
      middleware: [
        async (request: { errorHeaders: Headers }, callNext: (request: unknown) => Promise<OurResponse>) => {
          request.errorHeaders.set('x-error', 'yes');
          request.errorHeaders.set('transfer-encoding', 'chunked');
          await callNext(request);
          throw new Error('after');
        },
      ],
    });
    const native = app()
      .use(layer)
      .native('/', (_req, res) => res.end('native'));
    await listening(native.listener(), async url => {
      const { status, headers } = await fetch(url);
      expect([status, headers.get('x-error'), headers.get('transfer-encoding')]).toEqual([500, 'yes', null]);
    });
  });

  const busy = new HTTPException(503);
  it.each<[string, Middleware, boolean]>([
    ['answers by itself', async () => new PlainTextResponse('', { status: 503 }), true],
    [
      'answers by another response',
      async (request, callNext) => {
        await callNext(request);
        return new PlainTextResponse('', { status: 503 });
      },
      true,
    ],
    [
      'changes the status',
      async (request, callNext) => {
        const response = await callNext(request);
        response.status = 503;
        return response;
      },
      true,
    ],
    [
      'throws',
      async () => {
        throw busy;
      },
      false,
    ],
  ])(
    'of an inner layer roll back as exceptions, not when a middleware %s with a 5xx',
    async (_title, inner, commits) => {
      for (const below of ['endpoint', 'native']) {
        const log = new EventLog();
        async function* transaction() {
          try {
            yield 1;
            log.add('commit');
          } catch (error) {
            log.add('rollback');
            throw error;
          }
        }
        const outer = silent({ dependencies: [Depends(transaction)] });
        const native = app()
          .use(outer)
          .use(new Layer({ middleware: [inner] }));
        if (below === 'endpoint')
          native.at(
            '/',
            endpoint({}, () => 'fine'),
          );
        else native.handler('/', answer => answer.send('fine'));
        await listening(native.listener(), async url => {
          expect((await fetch(url)).status).toBe(503);
          await outer.close();
        });
        expect(log.events).toEqual([commits ? 'commit' : 'rollback']);
      }
    },
  );

  it('end all layers on a connection that native code has hijacked', async () => {
    const outer = silent();
    const inner = silent();
    const native = app()
      .use(outer)
      .use(inner)
      .native('/', req => {
        req.socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
    await listening(native.listener(), async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n'),
      );
      socket.resume();
      await new Promise(resolve => socket.once('close', resolve));
      expect(await outer.close()).toEqual(nothing);
      expect(await inner.close()).toEqual(nothing);
    });
  });

  it('do not come from a request with an invalid URL', async () => {
    const working = gate<void>();
    const log = new EventLog();
    const layer = silent();
    const slow = endpoint({}, async () => {
      log.add('endpoint');
      await working.opened;
    });
    await listening(app().use(layer).at('/', slow).listener(), async (_url, port) => {
      const socket = net.connect(port, '127.0.0.1', () =>
        socket.write('GET / HTTP/1.1\r\nHost: a b\r\n\r\n'),
      );
      socket.resume();
      await log.until('endpoint');
      expect((await layer.close({ timeoutMs: 0 })).responses).toEqual(['GET /']);
      working.open();
      await layer.close();
      socket.destroy();
    });
  });
});

describe.each(mounts)('on $name, what a dependency hands out of the connection', ({ app }) => {
  it.each(['req', 'res', 'socket'] as const)('is not disposed: %s', async name => {
    const layer = silent();
    const native = endpoint(
      {
        handed: Depends(({ request }) => {
          const { req, res } = request.raw as { req: http.IncomingMessage; res: http.ServerResponse };
          return { req, res, socket: req.socket }[name];
        }),
      },
      () => 'fine',
    );
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    await listening(app().use(layer).at('/', native).listener(), async (_url, port) => {
      const sockets = new Set<unknown>();
      for (let index = 0; index < 3; index += 1) {
        await new Promise<void>((resolve, reject) => {
          const request = http.request({ port, host: '127.0.0.1', agent, method: 'POST' }, response => {
            sockets.add(response.socket);
            response.resume().once('end', resolve);
          });
          request.once('error', reject).end('body');
        });
      }
      expect(sockets.size).toBe(1);
      await layer.close();
    });
    agent.destroy();
  });
});

describe('overrides', () => {
  it('of an inner layer are not hidden by what an outer one solved', async () => {
    const getDb = () => 'real';
    const outer = silent({ dependencies: [Depends(getDb)] });
    const inner = silent();
    inner.dependencyOverrides.set(getDb, () => 'fake');
    const app = express5().use(toExpress(outer) as never, toExpress(inner) as never);
    app.get('/', toExpress(endpoint({ db: Depends(getDb) }, ({ db }) => db)) as never);
    await listening(app, async url => {
      expect(await (await fetch(url)).json()).toBe('fake');
    });
  });

  it.each([undefined, null, 'text', Depends(() => 1)])('by %p are rejected', async replacement => {
    const getDb = () => 'real';
    const layer = silent();
    layer.dependencyOverrides.set(getDb, replacement as never);
    await expect(layer.run({ db: Depends(getDb) }, ({ db }) => db)).rejects.toMatchObject({
      code: 'DEPENDENCY_NOT_A_FUNCTION',
    });
  });

  it('and the graph check are linear in the size of the graph', async () => {
    let level = dependency({}, () => 1);
    for (let depth = 0; depth < 60; depth += 1) {
      const below = level;
      level = dependency({ a: Depends(below), b: Depends(below) }, ({ a }) => a);
    }
    const layer = silent();
    layer.dependencyOverrides.set(
      () => 0,
      () => 1,
    );
    expect(await layer.run({ top: Depends(level) }, ({ top }) => top)).toBe(1);
  });
});

describe('a layer', () => {
  it('accepts a request it already has again while it is closed', async () => {
    const log = new EventLog();
    const going = gate<void>();
    const layer = silent();
    const app = express5();
    app.use(toExpress(layer) as never);
    app.use(async (_req, _res, next) => {
      log.add('between');
      await going.opened;
      next();
    });
    app.use(toExpress(layer) as never, toExpress(endpoint({}, () => 'done')) as never);
    await listening(app, async url => {
      const answered = fetch(url).then(response => response.json());
      await log.until('between');
      const closing = layer.close();
      going.open();
      expect(await answered).toBe('done');
      expect(await closing).toEqual(nothing);
    });
  });

  it('reports a failing lifespan exit to `onError` if nobody waits for it', async () => {
    const log = new EventLog();
    const ending = gate<void>();
    const layer = new Layer({
      onError: (error, { phase, request }) => log.add(`${phase} of ${request.url}: ${error.message}`),
      lifespan: async function* pools() {
        yield;
        await ending.opened;
        throw new Error('still in use');
      },
    });
    await layer.start();
    expect(await layer.close({ timeoutMs: 1 })).toEqual({ ...nothing, exits: ['pools'] });
    ending.open();
    await log.until('exit of callnext:pools: still in use');
  });

  it('does not enter what waited for a lifespan that was left meanwhile', async () => {
    const entering = gate<void>();
    const layer = silent({
      lifespan: async function* () {
        await entering.opened;
        yield;
      },
    });
    const running = layer.run({}, () => 'ran');
    await new Promise(setImmediate);
    const closing = layer.close({ timeoutMs: 1 });
    expect((await closing).responses).toEqual(['run']);
    entering.open();
    await expect(running).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
  });

  it('is not frozen by what runs outside a request', async () => {
    const layer = silent();
    await layer.run({}, () => 'migrated');
    expect(() => layer.addMiddleware((request, callNext) => callNext(request))).not.toThrow();
  });
});

function fails(): never {
  throw new Error('not to be looked at');
}

function chained(length: number): Error {
  let error = new Error('innermost');
  for (let index = 0; index < length; index += 1) error = new Error(`${index}`, { cause: error });
  return error;
}
