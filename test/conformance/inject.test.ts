import {
  BackgroundTask,
  type CallnextError,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
  type Middleware,
  PlainTextResponse,
} from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { type Answer, frameworks, listening, type TestApp } from '../support/frameworks.js';

describe.each(frameworks)('dependencies on native routes of $name', ({ app }) => {
  let log: EventLog;
  let reports: string[];
  let layer: Layer;
  const unhandled: unknown[] = [];
  const noteUnhandled = (error: unknown): void => {
    unhandled.push(error);
  };
  const passing: Middleware = async (request, callNext) => {
    log.add('before');
    const response = await callNext(request);
    log.add(`after ${response.status}`);
    return response;
  };

  beforeEach(() => {
    log = new EventLog();
    reports = [];
    layer = new Layer({
      middleware: [passing],
      onError: (error, { phase }) => {
        reports.push(`${phase}: ${error.message.split('.')[0]}`);
        log.add(`reported ${phase}`);
      },
    });
    unhandled.length = 0;
    process.on('unhandledRejection', noteUnhandled);
  });
  afterEach(() => {
    process.off('unhandledRejection', noteUnhandled);
    expect(unhandled).toEqual([]);
  });

  async function* getDb({ backgroundTasks }: Injected) {
    log.add('enter db');
    backgroundTasks.addTask(new BackgroundTask(log.add, ['task'], { when: 'always' }));
    try {
      yield { name: 'db' };
      log.add('commit');
    } catch (error) {
      log.add(`rollback: ${(error as Error).message}`);
      throw error;
    }
  }

  async function* getSession({ db }: { db: { name: string } }) {
    log.add(`enter session on ${db.name}`);
    yield `session on ${db.name}`;
    log.add('leave session');
  }
  const session = dependency({ db: Depends(getDb) }, getSession);

  async function send(mounted: TestApp, until = 'task'): Promise<{ status: number; body: string }> {
    return listening(mounted.listener(), async url => {
      const response = await fetch(url);
      const body = await response.text();
      await log.until(until);
      return { status: response.status, body };
    });
  }

  const answering = (answer: (given: Answer) => unknown): TestApp => app().use(layer).handler('/', answer);

  it('enters what a native handler injects and leaves it between middleware and tasks', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      const db = await answer.inject(Depends(getDb));
      log.add(`handle ${db.name}`);
      answer.send(db);
    };
    expect(await send(answering(handler))).toEqual({ status: 200, body: '{"name":"db"}' });
    expect(log.events).toEqual(['before', 'enter db', 'handle db', 'after 200', 'commit', 'task']);
  });

  it('injects one value however often it is requested, even concurrently', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      const [db, text] = await Promise.all([answer.inject(Depends(getDb)), answer.inject(Depends(session))]);
      log.add(String(db === (await answer.inject(Depends(getDb)))));
      answer.send(text);
    };
    expect((await send(answering(handler))).body).toBe('session on db');
    expect(log.events).toEqual([
      'before',
      'enter db',
      'enter session on db',
      'true',
      'after 200',
      'leave session',
      'commit',
      'task',
    ]);
  });

  it("throws a handler's error into what it injected before the middleware sees it", async () => {
    const handler = async (answer: Answer): Promise<void> => {
      await answer.inject(Depends(getDb));
      throw new HTTPException(409, 'conflict');
    };
    expect(await send(answering(handler))).toEqual({ status: 409, body: '{"detail":"conflict"}' });
    expect(log.events).toEqual(['before', 'enter db', 'rollback: conflict', 'after 409', 'task']);
  });

  it('throws a server error that the handler answers itself into what it injected', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      await answer.inject(Depends(getDb));
      answer.status(503).send('busy');
    };
    expect(await send(answering(handler))).toEqual({ status: 503, body: 'busy' });
    expect(log.events).toEqual(['before', 'enter db', 'rollback: Service Unavailable', 'after 503', 'task']);
  });

  it('leaves injected dependencies as on success when the handler answers a client error', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      await answer.inject(Depends(getDb));
      answer.status(404).send('nothing');
    };
    expect((await send(answering(handler))).status).toBe(404);
    expect(log.events).toEqual(['before', 'enter db', 'after 404', 'commit', 'task']);
  });

  it('leaves the dependencies of an endpoint as on success when it returns a server error', async () => {
    const busy = endpoint({ db: Depends(getDb) }, () => new PlainTextResponse('busy', { status: 503 }));
    expect((await send(app().use(layer).at('/', busy))).status).toBe(503);
    expect(log.events).toEqual(['before', 'enter db', 'after 503', 'commit', 'task']);
  });

  it('answers with the exception of an injected dependency', async () => {
    const verify = (): never => {
      throw new HTTPException(401, 'no token', { headers: { 'WWW-Authenticate': 'Bearer' } });
    };
    const handler = async (answer: Answer): Promise<void> => {
      await answer.inject(Depends(verify));
    };
    expect(await send(answering(handler), 'after 401')).toEqual({
      status: 401,
      body: '{"detail":"no token"}',
    });
  });

  it('lets a handler catch the exception of an injected dependency and try again', async () => {
    let attempts = 0;
    const flaky = (): string => {
      attempts += 1;
      if (attempts === 1) throw new Error('first attempt');
      return `attempt ${attempts}`;
    };
    const handler = async (answer: Answer): Promise<void> => {
      const first = await answer.inject(Depends(flaky)).catch(error => (error as Error).message);
      answer.send(`${first}, ${await answer.inject(Depends(flaky))}`);
    };
    expect((await send(answering(handler), 'after 200')).body).toBe('first attempt, attempt 2');
  });

  it('leaves scope "function" before the middleware, and answers with what its exit throws', async () => {
    async function* commits() {
      yield 1;
      log.add('commit fails');
      throw new HTTPException(507, 'disk full');
    }
    const handler = async (answer: Answer): Promise<void> => {
      await answer.inject(Depends(commits, { scope: 'function' }));
      answer.send('never sent');
    };
    expect(await send(answering(handler), 'after 507')).toEqual({
      status: 507,
      body: '{"detail":"disk full"}',
    });
    expect(log.events).toEqual(['before', 'commit fails', 'after 507']);
  });

  it('delays the exits for a dependency that is still being entered', async () => {
    const entering = gate();
    async function* slow() {
      log.add('entering');
      await entering.opened;
      yield 1;
      log.add('leave slow');
    }
    const handler = (answer: Answer): void => {
      answer.inject(Depends(slow)).then(() => log.add('injected'));
      answer.send('answered before');
    };
    const { body } = await listening(answering(handler).listener(), async url => {
      const response = await fetch(url);
      const text = await response.text();
      entering.open();
      await log.until('leave slow');
      return { body: text };
    });
    expect(body).toBe('answered before');
    expect(log.events).toEqual(['before', 'entering', 'after 200', 'injected', 'leave slow']);
  });

  it('leaves dependencies in order when they are injected around the end of the response', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      const first = gate();
      async function* slow() {
        await first.opened;
        yield 1;
        log.add('leave slow');
      }
      const begun = answer
        .inject(Depends(slow))
        .then(() => answer.inject(Depends(getDb, { scope: 'function' })));
      answer.res.once('close', () => first.open());
      answer.send('answered');
      void begun.then(() => log.add('both'));
    };
    await send(answering(handler));
    expect(log.events).toEqual(['before', 'after 200', 'enter db', 'both', 'commit', 'leave slow', 'task']);
  });

  it('throws the failure into what is injected after it', async () => {
    layer.addExceptionHandler(RangeError, () => new PlainTextResponse('handled', { status: 500 }));
    const failed = gate();
    const handler = async (answer: Answer): Promise<void> => {
      void failed.opened.then(() => answer.inject(Depends(getDb)));
      throw new RangeError('failed');
    };
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      failed.open();
      await new Promise(resolve => setImmediate(resolve));
      return response;
    });
    expect((await send(answering(handler))).status).toBe(500);
    expect(log.events).toEqual(['before', 'after 500', 'enter db', 'rollback: failed', 'task']);
  });

  it('refuses an exited dependency and its dependents with the failure, and gives the others', async () => {
    layer.addExceptionHandler(RangeError, () => new PlainTextResponse('handled', { status: 500 }));
    const failed = gate();
    const answered = gate();
    const given: unknown[] = [];
    layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      failed.open();
      await answered.opened;
      return response;
    });
    const handler = async (answer: Answer): Promise<void> => {
      await answer.inject(Depends(session));
      void failed.opened.then(async () => {
        for (const marker of [Depends(getDb), Depends(session), Depends(() => 'plain')])
          given.push(await answer.inject<unknown>(marker).catch((error: CallnextError) => error.code));
        answered.open();
      });
      throw new RangeError('failed');
    };
    expect((await send(answering(handler))).status).toBe(500);
    expect(given).toEqual(['DEPENDENCY_EXITED', 'DEPENDENCY_EXITED', 'plain']);
    expect(log.events.filter(event => event === 'enter db')).toHaveLength(1);
  });

  it('refuses to inject after the dependencies have exited', async () => {
    const late = gate();
    const refused = gate<string>();
    const handler = async (answer: Answer): Promise<void> => {
      answer.send(await answer.inject(Depends(session)));
      void late.opened.then(async () => {
        const error = await answer.inject(Depends(getDb)).catch(thrown => thrown as CallnextError);
        refused.open((error as CallnextError).code);
      });
    };
    await send(answering(handler));
    late.open();
    expect(await refused.opened).toBe('INJECT_LATE');
    expect(log.events.filter(event => event === 'enter db')).toHaveLength(1);
  });

  it('refuses to inject without a surrounding layer', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      const error = await answer.inject(Depends(getDb)).catch(thrown => thrown as CallnextError);
      log.add('handled');
      answer.send((error as CallnextError).code);
    };
    expect((await send(app().handler('/', handler).use(layer), 'handled')).body).toBe('INJECT_OUTSIDE');
  });

  it.each([
    ['no dependency', (answer: Answer) => answer.inject(getDb as never), 'DEPENDS_EXPECTED'],
    [
      'a generator that outlives what it depends on',
      (answer: Answer) => {
        const inner = Depends(getDb, { scope: 'function' });
        return answer.inject(
          Depends(
            dependency({ inner }, function* outer() {
              yield 1;
            }),
          ),
        );
      },
      'DEPENDENCY_SCOPE',
    ],
  ])('refuses to inject %s', async (_what, injectIt, code) => {
    const handler = async (answer: Answer): Promise<void> => {
      const error = await injectIt(answer).catch(thrown => thrown as CallnextError);
      answer.send((error as CallnextError).code);
    };
    expect((await send(answering(handler), 'after 200')).body).toBe(code);
  });

  it('uses the overrides of the layer', async () => {
    layer.dependencyOverrides.set(getDb, () => ({ name: 'fake' }));
    const handler = async (answer: Answer): Promise<void> => answer.send(await answer.inject(Depends(getDb)));
    expect((await send(answering(handler), 'after 200')).body).toBe('{"name":"fake"}');
  });

  describe('guards', () => {
    it('let a native route run, share their value with it and exit after it', async () => {
      const handler = async (answer: Answer): Promise<void> => {
        const db = await answer.inject(Depends(getDb));
        log.add('handle');
        answer.send(db);
      };
      const mounted = app().use(layer).at('/', Depends(session)).handler('/', handler);
      expect((await send(mounted)).body).toBe('{"name":"db"}');
      expect(log.events).toEqual([
        'before',
        'enter db',
        'enter session on db',
        'handle',
        'after 200',
        'leave session',
        'commit',
        'task',
      ]);
    });

    it('answer in place of the route with the exception of their dependency', async () => {
      const verify = ({ request }: Injected): void => {
        if (!request.headers.has('authorization')) throw new HTTPException(401, 'no token');
      };
      const mounted = app()
        .use(layer)
        .at('/', Depends(verify))
        .handler('/', () => log.add('reached'));
      expect(await send(mounted, 'after 401')).toEqual({ status: 401, body: '{"detail":"no token"}' });
      expect(log.events).toEqual(['before', 'after 401']);
    });

    it('work without a layer, and get errors of the route thrown in', async () => {
      const mounted = app()
        .at('/', Depends(getDb))
        .handler('/', async () => {
          log.add('handle');
          throw new HTTPException(418);
        });
      expect((await send(mounted)).status).toBe(418);
      expect(log.events).toEqual(['enter db', 'handle', "rollback: I'm a Teapot", 'task']);
    });

    it('guard an endpoint too', async () => {
      const read = endpoint({ db: Depends(getDb) }, ({ db }) => db);
      expect((await send(app().use(layer).at('/', Depends(session), read))).body).toBe('{"name":"db"}');
      expect(log.events.filter(event => event === 'enter db')).toHaveLength(1);
    });

    it('leave unknown errors to the framework', async () => {
      const broken = (): never => {
        throw new Error('broken guard');
      };
      const mounted = app()
        .use(layer)
        .at('/', Depends(broken))
        .handler('/', () => log.add('reached'));
      expect((await send(mounted, 'before')).status).toBe(500);
      expect(log.events).toEqual(['before']);
    });
  });
});
