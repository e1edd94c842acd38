import type http from 'node:http';
import {
  BackgroundTask,
  BackgroundTasks,
  Depends,
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  type Middleware,
  PlainTextResponse,
  Response,
} from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa from 'koa';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts, type TestApp } from '../support/frameworks.js';

class Refused extends Error {}

describe.each(mounts)('tasks at `response.background` on $name', ({ app, isKoa }) => {
  let log: EventLog;
  let outer: Layer;
  beforeEach(() => {
    log = new EventLog();
    outer = new Layer({ onError });
  });

  const onError = (error: Error): void => log.add(`reported: ${error.message.split(' because')[0]}`);
  const task = (name: string, when: 'success' | 'always' = 'success'): BackgroundTask =>
    new BackgroundTask(() => log.add(name), [], { when }) as BackgroundTask;
  const named = (name: string): BackgroundTask =>
    new BackgroundTask(Object.defineProperty(() => log.add(name), 'name', { value: name })) as BackgroundTask;

  const sets =
    (name: string): Middleware =>
    async (request, callNext) => {
      const response = await callNext(request);
      response.background = named(name);
      return response;
    };

  async function* getDb() {
    try {
      yield 'db';
      log.add('exit');
    } catch (error) {
      log.add(`exit with ${(error as Error).message}`);
      throw error;
    }
  }

  const own = endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
    backgroundTasks.addTask(named('injected'));
    return new PlainTextResponse('own', { background: named('own') });
  });

  async function eventsOf(mounted: TestApp, ...layers: Layer[]): Promise<string[]> {
    await listening(mounted.listener(), async url => {
      await (await fetch(url)).text();
      for (const layer of [outer, ...layers]) await layer.close();
    });
    return log.events;
  }

  it('run after the injected ones, outermost first, whoever set them', async () => {
    outer.addMiddleware(sets('inner')).addMiddleware(sets('outer'));
    expect(await eventsOf(app().use(outer).at('/', own))).toEqual([
      'exit',
      'injected',
      'outer',
      'inner',
      'own',
    ]);
  });

  it('run over a native answer too', async () => {
    outer.addMiddleware(sets('inner')).addMiddleware(sets('outer'));
    const native = app()
      .use(outer)
      .handler('/', async answer => {
        const tasks = await answer.inject(Depends(({ backgroundTasks }) => backgroundTasks));
        tasks.addTask(() => log.add('injected'));
        answer.send('native');
      });
    expect(await eventsOf(native)).toEqual(['injected', 'outer', 'inner']);
  });

  it('run over the response of an inner layer whose middleware set its own', async () => {
    outer.addMiddleware(sets('inner')).addMiddleware(sets('outer'));
    const nested = new Layer({ middleware: [sets('nested outer'), sets('nested inner')], onError });
    const mounted = app().use(outer).at('/', nested, own);
    expect(await eventsOf(mounted, nested)).toEqual([
      'exit',
      'injected',
      'outer',
      'inner',
      'nested outer',
      'nested inner',
      'own',
    ]);
  });

  it("run over a handler's response, while those of the failed endpoint are dropped", async () => {
    outer.addMiddleware(sets('inner')).addMiddleware(sets('outer'));
    outer.addExceptionHandler(
      Refused,
      () => new JSONResponse({}, { status: 409, background: named('handler') }),
    );
    const failing = endpoint({ db: Depends(getDb) }, ({ backgroundTasks }) => {
      backgroundTasks.addTask(named('injected'));
      throw new Refused('refused');
    });
    expect(await eventsOf(app().use(outer).at('/', failing))).toEqual([
      'exit with refused',
      'reported: The background task `injected` was dropped',
      'outer',
      'inner',
      'handler',
    ]);
  });

  it.each<[string, (response: Response) => Response]>([
    ['in place of it', () => new PlainTextResponse('new')],
    ['made of it', response => new Response('new', response)],
    [
      'made of its body and its `background`',
      ({ body, background }) => new Response(body, { background } as object),
    ],
    ['that is a clone', response => response.clone()],
  ])('run when a middleware sets one on a response %s', async (_how, make) => {
    const replacing: Middleware = async (request, callNext) => {
      const response = make(await callNext(request));
      response.background = named('replacing');
      return response;
    };
    outer.addMiddleware(sets('inner')).addMiddleware(replacing).addMiddleware(sets('outer'));
    expect(await eventsOf(app().use(outer).at('/', own))).toEqual([
      'exit',
      'injected',
      'outer',
      'replacing',
      'inner',
      'own',
    ]);
  });

  it('run when an endpoint made its response from another one', async () => {
    const derived = endpoint({}, () => {
      const first = new PlainTextResponse('first', { background: named('first') });
      const second = new Response('second', first);
      second.background = named('second');
      return second;
    });
    outer.addMiddleware(sets('outer'));
    expect(await eventsOf(app().use(outer).at('/', derived))).toEqual(['outer', 'second', 'first']);
  });

  it('are replaced or removed only by the place that set them', async () => {
    const decides: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      response.background = named('first thought');
      response.background = named('second thought');
      return response;
    };
    const takesBack: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      response.background = named('never');
      response.background = undefined;
      return response;
    };
    outer.addMiddleware(decides).addMiddleware(takesBack);
    expect(await eventsOf(app().use(outer).at('/', own))).toEqual([
      'exit',
      'injected',
      'second thought',
      'own',
    ]);
  });

  it('run once when a middleware moves existing ones into a list of its own', async () => {
    const combines: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      const list = new BackgroundTasks();
      list.addTask(() => log.add('before'));
      list.addTask(response.background as BackgroundTask);
      list.addTask(() => log.add('after'));
      response.background = list;
      return response;
    };
    const again: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      response.background = response.background as BackgroundTasks;
      return response;
    };
    outer.addMiddleware(sets('inner')).addMiddleware(combines).addMiddleware(again);
    expect(await eventsOf(app().use(outer).at('/', own))).toEqual([
      'exit',
      'injected',
      'before',
      'inner',
      'after',
      'own',
    ]);
  });

  it('may be set by each dependency of scope `function` in its exit', async () => {
    const exits = (name: string) =>
      async function* (): AsyncGenerator<string, void, Response> {
        const sent = yield name;
        sent.background = named(name);
      };
    const read = endpoint(
      {
        first: Depends(exits('first'), { scope: 'function' }),
        second: Depends(exits('second'), { scope: 'function' }),
      },
      () => new PlainTextResponse('own', { background: named('own') }),
    );
    outer.addMiddleware(sets('outer'));
    expect(await eventsOf(app().use(outer).at('/', read))).toEqual(['outer', 'first', 'second', 'own']);
  });

  it('are dropped by name when a middleware fails, except those that always run', async () => {
    outer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      response.background = task('always', 'always');
      return response;
    });
    outer.addMiddleware(sets('inner'));
    outer.addMiddleware(async (request, callNext) => {
      await callNext(request);
      throw new HTTPException(418, 'late');
    });
    outer.addMiddleware(sets('outermost'));
    expect(await eventsOf(app().use(outer).at('/', own))).toEqual([
      'exit with late',
      'reported: The background task `injected` was dropped',
      'reported: The background task `inner` was dropped',
      'reported: The background task `own` was dropped',
      'always',
      'outermost',
    ]);
  });

  it('are named by `close()` while the response is still in flight', async () => {
    outer.addMiddleware(sets('inner'));
    let left: readonly string[] = [];
    outer.addMiddleware(sets('outer'));
    const streaming = endpoint({}, () => {
      async function* body() {
        yield 'first';
        left = (await outer.close({ timeoutMs: 0 })).tasks;
      }
      return new Response(body(), { background: named('own') });
    });
    await listening(app().use(outer).at('/', streaming).listener(), async url => {
      await (await fetch(url)).text();
      await log.until('reported: The background task `own` was dropped');
    });
    expect(left).toEqual(['outer', 'inner', 'own']);
    expect(log.events).toEqual([
      'reported: The background task `outer` was dropped',
      'reported: The background task `inner` was dropped',
      'reported: The background task `own` was dropped',
    ]);
  });

  it('are dropped by name when the response cannot be written', async () => {
    outer.addMiddleware(sets('outer'));
    const covers = (res: http.ServerResponse): void => {
      const name = isKoa ? 'setHeader' : 'end';
      const { [name]: method } = res;
      res[name] = () => {
        res[name] = method as never;
        throw new Error('covered');
      };
    };
    const mounted = app()
      .use(outer)
      .around(covers, () => undefined);
    expect(await eventsOf(mounted.at('/', own))).toEqual([
      'exit with covered',
      'reported: The background task `injected` was dropped',
      'reported: The background task `own` was dropped',
    ]);
  });
});

/** Native code that does not wait for the code below it, and fails. */
const hasty: [string, (layer: Layer, below: ReturnType<typeof endpoint>) => http.RequestListener][] = [
  [
    'Express 5',
    (layer, below) => {
      const app = express5()
        .set('env', 'test')
        .use(toExpress(layer) as never);
      app.use((_req, _res, next) => {
        next();
        throw new Error('hasty');
      });
      return app.use(toExpress(below) as never);
    },
  ],
  [
    'Koa 3',
    (layer, below) => {
      const app = new Koa().use(toKoa(layer));
      app.silent = true;
      app.use(async (_ctx, next) => {
        void next();
        throw new Error('hasty');
      });
      return app.use(toKoa(below)).callback();
    },
  ],
];

it.each(hasty)(
  'tasks of an answer that comes after its request failed and ended, on %s',
  async (_on, make) => {
    const log = new EventLog();
    const working = gate();
    const layer = new Layer({ onError: error => log.add(String((error as { code?: string }).code)) });
    const slow = endpoint({}, async () => {
      await working.opened;
      log.add('endpoint ends');
      const background = new BackgroundTasks();
      background.addTask(() => log.add('dropped'));
      background.addTask(new BackgroundTask(() => log.add('always'), [], { when: 'always' }));
      return new PlainTextResponse('', { background });
    });
    await listening(make(layer, slow), async url => {
      const { status } = await fetch(url);
      expect(status).toBe(500);
      await layer.close();
      working.open();
      await log.until('always');
    });
    expect(log.events).toEqual(['endpoint ends', 'TASK_DROPPED', 'always']);
  },
);
