import {
  BackgroundTask,
  type BackgroundTasks,
  Depends,
  type Endpoint,
  endpoint,
  HTTPException,
  Layer,
  type LayerOptions,
  type Middleware,
  PlainTextResponse,
  StreamingResponse,
} from 'callnext';
import { toError } from 'callnext/adapter';
import { fromExpress } from 'callnext/express';
import { fromKoa } from 'callnext/koa';
import { ask } from '../support/ask.js';
import { listening, mounts, type TestApp } from '../support/frameworks.js';
import { thrownValues } from '../support/thrown.js';

const nothing = { responses: [], exits: [], tasks: [] };

type Throw = () => never;
type Mount = (app: TestApp) => TestApp;

/** A place that throws, and the client's status; 0 for a cut connection. */
interface Place {
  status: number;
  layer?: LayerOptions;
  mount?: Mount;
  /** Whether it throws before the layer's dependency is entered. */
  isEarly?: boolean;
}

const at =
  (target: Endpoint): Mount =>
  app =>
    app.at('/', target);
const fine = at(endpoint({}, () => 'fine'));
const passing: Middleware = (request, callNext) => callNext(request);
const plainly = (): never => {
  throw new Error('plainly');
};
const afterwards =
  (fail: () => unknown): Middleware =>
  async (request, callNext) => {
    await callNext(request);
    return fail() as never;
  };

/** An endpoint that answers, with a dependency that fails at its exit. */
function exiting(fail: Throw, scope: 'function' | 'request' | 'background'): Mount {
  async function* failing() {
    yield 1;
    fail();
  }
  return at(endpoint({ failing: Depends(failing, { scope }) }, () => 'fine'));
}

function converting(fail: Throw): Mount {
  async function* failing() {
    try {
      yield 1;
    } catch {
      fail();
    }
  }
  return at(endpoint({ failing: Depends(failing) }, plainly));
}

function streaming(fail: Throw): Mount {
  async function* body() {
    yield 'begun';
    fail();
  }
  return at(endpoint({}, () => new StreamingResponse(body())));
}

const addingTask = (task: () => unknown): Mount =>
  at(endpoint({}, ({ backgroundTasks }) => backgroundTasks.addTask(task)));

const webStream = (pull: Throw): ReadableStream => new ReadableStream({ pull }, { highWaterMark: 0 });

async function* failingLifespan(fail: Throw) {
  fail();
  yield;
}

const reading: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  await response.text();
  return response;
};

const peeking: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  const reader = (response.clone().body as ReadableStream).getReader();
  await reader.read();
  return response;
};

const impatient: Middleware = (request, callNext) => {
  void callNext(request);
  return new PlainTextResponse('own', { status: 202 });
};

const places: Record<string, (fail: Throw) => Place> = {
  'a background task': fail => ({ status: 200, mount: addingTask(fail) }),
  'an exit of scope request': fail => ({ status: 200, mount: exiting(fail, 'request') }),
  'an exit of scope function': fail => ({ status: 500, mount: exiting(fail, 'function') }),
  'an exit of scope background': fail => ({ status: 200, mount: exiting(fail, 'background') }),
  'an exit, in place of another exception': fail => ({ status: 500, mount: converting(fail) }),
  'the generator of a body': fail => ({ status: 0, mount: streaming(fail) }),
  'a body that is a Web stream': fail => ({
    status: 0,
    mount: at(endpoint({}, () => new StreamingResponse(webStream(fail)))),
  }),
  'a body that a middleware reads': fail => ({
    status: 500,
    layer: { middleware: [reading] },
    mount: streaming(fail),
  }),
  'a body that a middleware has begun to read': fail => ({
    status: 0,
    layer: { middleware: [peeking] },
    mount: streaming(fail),
  }),
  'a middleware before callNext': fail => ({
    status: 500,
    layer: { middleware: [passing, fail] },
    isEarly: true,
  }),
  'a middleware after callNext': fail => ({
    status: 500,
    layer: { middleware: [passing, afterwards(fail)] },
  }),
  'a middleware that nobody waits for': fail => ({
    status: 202,
    layer: { middleware: [impatient, afterwards(fail)] },
  }),
  'an endpoint': fail => ({ status: 500, mount: at(endpoint({}, fail)) }),
  'an endpoint that rejects': fail => ({ status: 500, mount: at(endpoint({}, async () => fail())) }),
  'an endpoint of a layer in a layer': fail => ({
    status: 500,
    mount: app => app.use(new Layer({ middleware: [passing] })).at('/', endpoint({}, fail)),
  }),
  'a dependency': fail => ({
    status: 500,
    mount: at(endpoint({ failing: Depends(fail) }, () => 'fine')),
  }),
  'an exception handler': fail => ({
    status: 500,
    layer: { exceptionHandlers: [[418, fail]] },
    mount: at(endpoint({}, () => Promise.reject(new HTTPException(418)))),
  }),
  'a handler for Error': fail => ({
    status: 500,
    layer: { exceptionHandlers: [[Error, fail]] },
    mount: at(endpoint({}, plainly)),
  }),
  onError: fail => ({ status: 200, layer: { onError: fail }, mount: addingTask(plainly) }),
  'an onError that rejects': fail => ({
    status: 200,
    layer: { onError: async () => fail() },
    mount: addingTask(plainly),
  }),
  'a lifespan': fail => ({ status: 500, layer: { lifespan: () => failingLifespan(fail) }, isEarly: true }),
};

async function* injected(): AsyncGenerator<string> {
  yield 'injected';
}

const nativePlaces: Record<string, (fail: Throw, isKoa: boolean) => Place> = {
  'a native handler': fail => ({ status: 500, mount: app => app.handler('/', fail) }),
  'a native handler that rejects': fail => ({
    status: 500,
    mount: app => app.handler('/', async () => fail()),
  }),
  // The body on Koa's context has not been sent.
  'a native handler that has answered': (fail, isKoa) => ({
    status: isKoa ? 500 : 200,
    mount: app =>
      app.handler('/', answer => {
        answer.send('answered');
        fail();
      }),
  }),
  'a native handler that holds a dependency and has answered': fail => ({
    status: 500,
    mount: app =>
      app.handler('/', async answer => {
        await answer.inject(Depends(injected));
        answer.send('answered');
        fail();
      }),
  }),
  'a native middleware among ours': (fail, isKoa) => ({
    status: 500,
    layer: { middleware: [passing, isKoa ? fromKoa(fail) : fromExpress(fail)] },
    isEarly: true,
  }),
};

const unhandled: unknown[] = [];
const note = (error: unknown): void => {
  unhandled.push(error);
};
beforeEach(() => {
  unhandled.length = 0;
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  process.on('unhandledRejection', note).on('uncaughtException', note);
});
afterEach(() => {
  process.off('unhandledRejection', note).off('uncaughtException', note);
  jest.restoreAllMocks();
});

/**
 * Sends one request and waits until everything has ended. Resolves with the status and the events of a
 * dependency.
 */
async function happening(app: TestApp, { layer: options, mount = fine }: Place): Promise<unknown[]> {
  const events: unknown[] = [];
  async function* outer({ backgroundTasks }: { backgroundTasks: BackgroundTasks }) {
    events.push('enter');
    try {
      yield 1;
    } finally {
      events.push('exit');
      backgroundTasks.addTask(new BackgroundTask(() => events.push('task'), [], { when: 'always' }));
    }
  }
  const layer = new Layer({ onError: () => undefined, ...options, dependencies: [Depends(outer)] });
  const status = await listening(mount(app.use(layer)).listener(), (_url, port) =>
    ask(port).then(
      got => got.status,
      () => 0,
    ),
  );
  return [status, ...events, await layer.close()];
}

describe.each(mounts)('on $name, whatever is thrown by', ({ app, isKoa }) => {
  it.each(Object.entries(places))('%s: exits and tasks run, and the layer closes', async (_place, make) => {
    const got: Record<string, unknown> = {};
    const expected: Record<string, unknown> = {};
    for (const [name, value] of thrownValues) {
      const place = make(() => {
        throw value();
      });
      got[name] = await happening(app(), place);
      expected[name] = [place.status, ...(place.isEarly ? [] : ['enter', 'exit', 'task']), nothing];
    }
    expect(got).toEqual(expected);
    expect(unhandled).toHaveLength(0);
  });

  it.each(Object.entries(nativePlaces))('%s: the client is answered', async (_place, make) => {
    const got: Record<string, unknown> = {};
    const expected: Record<string, unknown> = {};
    for (const [name, value] of thrownValues) {
      // Express treats a falsy value as no error, and continues.
      if (!isKoa && (value() ?? undefined) === undefined) continue;
      const place = make(() => {
        throw value();
      }, isKoa);
      got[name] = await happening(app(), place);
      expected[name] = [place.status, ...(place.isEarly ? [] : ['enter', 'exit', 'task']), nothing];
    }
    expect(got).toEqual(expected);
    expect(unhandled).toHaveLength(0);
  });

  it('a task failure is printed without an onError', async () => {
    const printed = jest.mocked(console.error);
    for (const [, value] of thrownValues) {
      printed.mockClear();
      const place = places['a background task']?.(() => {
        throw value();
      }) as Place;
      await happening(app(), { ...place, layer: { onError: undefined as never } });
      expect(printed).toHaveBeenCalled();
    }
    expect(unhandled).toHaveLength(0);
  });
});

describe('whatever is thrown', () => {
  it.each(thrownValues)('by layer.run: its dependencies exit and it rejects: %s', async (_name, value) => {
    const events: string[] = [];
    async function* outer() {
      try {
        yield 1;
      } finally {
        events.push('exit');
      }
    }
    const layer = new Layer({ onError: () => undefined });
    const run = layer.run({ outer: Depends(outer) }, () => {
      throw value();
    });
    await run.then(
      () => events.push('resolved'),
      () => events.push('rejected'),
    );
    expect(events).toEqual(['exit', 'rejected']);
    expect(await layer.close()).toEqual(nothing);
  });

  it('is an Error to handlers, which has a thrown non-error as its cause', async () => {
    for (const [name, value] of thrownValues) {
      const thrown = value();
      let seen: Error | undefined;
      const layer = new Layer({
        onError: error => {
          seen = error;
        },
      });
      await layer.run({}, ({ backgroundTasks }) => {
        backgroundTasks.addTask(() => {
          throw thrown;
        });
      });
      const found = seen as Error;
      expect([
        name,
        typeof found.message,
        Object.is(found, thrown) || Object.is(found.cause, thrown),
      ]).toEqual([name, 'string', true]);
    }
  });
});

it('an error is caught without formatting its stack, which would dominate the cost', () => {
  const { prepareStackTrace } = Error;
  let formatted = 0;
  Error.prepareStackTrace = () => {
    formatted += 1;
    return 'stack';
  };
  try {
    const error = new Error('thrown');
    expect(toError(error)).toBe(error);
    expect(formatted).toBe(0);
    expect([error.stack, formatted]).toEqual(['stack', 1]);
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
});
