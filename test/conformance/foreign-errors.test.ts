import {
  Depends,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
  PlainTextResponse,
  type Response,
} from 'callnext';
import createError from 'http-errors';
import { ask, type Got } from '../support/ask.js';
import { EventLog } from '../support/events.js';
import { listening, mounts, type TestApp } from '../support/frameworks.js';

/** The app's own error, with the fields that Express and Koa read. */
class AppError extends Error {
  readonly status = 403;
  readonly expose = true;
  readonly headers = { 'x-reason': 'policy' };
}

const passes: Middleware = (request, callNext) => callNext(request);
const fails = (error: unknown) => (): never => {
  throw error;
};

/** Each place in callnext where an error may be thrown, and a native handler. */
const places: [string, (app: TestApp, error: unknown, log: EventLog) => void][] = [
  ['a native handler', (app, error) => app.handler('/', fails(error))],
  ['an endpoint', (app, error) => app.at('/', endpoint({}, fails(error)))],
  [
    'a dependency',
    (app, error) =>
      app.at(
        '/',
        endpoint({ failing: Depends(fails(error)) }, () => 1),
      ),
  ],
  ['a guard', (app, error) => app.at('/', Depends(fails(error))).handler('/', answer => answer.send('x'))],
  [
    'an exit of scope function',
    (app, error) => {
      async function* commit() {
        yield 1;
        throw error;
      }
      app.at(
        '/',
        endpoint({ commit: Depends(commit, { scope: 'function' }) }, () => 1),
      );
    },
  ],
  [
    'a middleware of an inner layer',
    (app, error) =>
      app.at('/', new Layer({ middleware: [fails(error)] })).handler('/', answer => answer.send('x')),
  ],
  [
    'a middleware of an inner layer, after callNext',
    (app, error) => {
      const late: Middleware = async (request, callNext) => {
        await callNext(request);
        throw error;
      };
      app.at('/', new Layer({ middleware: [late] })).handler('/', answer => answer.send('x'));
    },
  ],
];

/** Places in the outermost layer. */
const outermost: [string, (error: unknown) => Middleware][] = [
  ['the outermost middleware', error => fails(error)],
  [
    'the outermost middleware, after callNext',
    error => async (request, callNext) => {
      await callNext(request);
      throw error;
    },
  ],
];

describe.each(mounts)('an error with a status that is not an HTTPException on $name', framework => {
  let log: EventLog;
  let seen: unknown[];
  beforeEach(() => {
    log = new EventLog();
    seen = [];
  });

  async function* transaction() {
    log.add('begin');
    try {
      yield 1;
      log.add('commit');
    } catch (error) {
      log.add(`rollback: ${(error as Error).message}`);
      throw error;
    }
  }
  const layerOf = (options: ConstructorParameters<typeof Layer>[0] = {}): Layer =>
    new Layer({ onError: (error, { phase }) => log.add(`reported ${phase}: ${error.message}`), ...options });
  const company = (error: unknown, answer: { set(name: string, value: string): unknown }) => {
    seen.push(error);
    answer.set('x-company', '1');
    return { company: (error as Error).message, status: (error as { status?: unknown }).status };
  };
  const answerOf = (mounted: TestApp, layer: Layer): Promise<Got> =>
    listening(mounted.listener(), async (_url, port) => {
      const got = await ask(port);
      await layer.close();
      return got;
    });

  it.each(places)("thrown in %s is answered by the app's error middleware", async (_place, mount) => {
    const error = new AppError('forbidden by app');
    const layer = layerOf({ dependencies: [Depends(transaction)], middleware: [passes] });
    const app = framework.app().errors(company).use(layer);
    mount(app, error, log);
    const { status, headers, text } = await answerOf(app, layer);
    expect([status, headers['x-company'], JSON.parse(text)]).toEqual([
      403,
      '1',
      { company: 'forbidden by app', status: 403 },
    ]);
    expect(seen).toEqual([error]);
    expect(seen[0]).toBe(error);
    expect(log.events).toEqual(['begin', 'rollback: forbidden by app']);
  });

  it.each(outermost)('thrown in %s is answered by it too', async (_place, make) => {
    const error = new AppError('forbidden by app');
    const layer = layerOf({ middleware: [make(error)] });
    const app = framework
      .app()
      .errors(company)
      .use(layer)
      .handler('/', answer => answer.send('x'));
    const { status, headers, text } = await answerOf(app, layer);
    expect([status, headers['x-company'], JSON.parse(text)]).toEqual([
      403,
      '1',
      { company: 'forbidden by app', status: 403 },
    ]);
    expect([seen[0] === error, seen.length, log.events]).toEqual([true, 1, []]);
  });

  /** The framework's answer without a layer. */
  const bare = (error: unknown): Promise<Got> =>
    listening(framework.app().handler('/', fails(error)).listener(), (_url, port) => ask(port));
  const shown = ({ status, headers, text }: Got) => {
    const { date: _date, ...rest } = headers;
    return { status, headers: rest, text };
  };

  it.each([...places, ...outermost.map(([place, make]) => [place, make] as const)])(
    'thrown in %s is rendered by the framework as without a layer',
    async (place, mount) => {
      for (const error of [new AppError('forbidden by app'), createError(503, 'password: 123')]) {
        const isOutermost = outermost.some(([name]) => name === place);
        const middleware = isOutermost ? [(mount as (error: unknown) => Middleware)(error)] : [passes];
        const layer = layerOf({ middleware });
        const app = framework.app().use(layer);
        if (isOutermost) app.handler('/', answer => answer.send('x'));
        else (mount as (app: TestApp, error: unknown, log: EventLog) => void)(app, error, log);
        expect(shown(await answerOf(app, layer))).toEqual(shown(await bare(error)));
      }
      expect(log.events).toEqual([]);
    },
  );

  const text =
    (body: string, status = 499) =>
    (): Response =>
      new PlainTextResponse(body, { status });

  it.each<[string, (outer: Layer, inner: Layer) => void, string]>([
    [
      'of an inner layer for its class',
      (_outer, inner) => inner.addExceptionHandler(AppError, text('inner')),
      'inner',
    ],
    ['of an outer layer for its class', outer => outer.addExceptionHandler(AppError, text('outer')), 'outer'],
    ['for Error', outer => outer.addExceptionHandler(Error, text('any')), 'any'],
  ])('is answered by a handler %s', async (_which, add, body) => {
    const outer = layerOf();
    const inner = layerOf();
    add(outer, inner);
    const app = framework.app().errors(company).use(outer).at('/', inner);
    app.at('/', endpoint({}, fails(new AppError('no'))));
    expect(await answerOf(app, outer)).toMatchObject({ status: 499, text: body });
    expect(seen).toEqual([]);
  });

  it('is not answered by a handler for its status or for HTTPException', async () => {
    const layer = layerOf();
    layer.addExceptionHandler(403, text('by status')).addExceptionHandler(HTTPException, text('by class'));
    const app = framework
      .app()
      .use(layer)
      .at('/', endpoint({}, fails(new AppError('no'))));
    expect(await answerOf(app, layer)).toMatchObject({ status: 403, headers: { 'x-reason': 'policy' } });
  });

  describe('an HTTPException', () => {
    const exception = (): HTTPException =>
      new HTTPException(429, { wait: 60 }, { headers: { 'retry-after': '60' } });
    const rethrows = (_request: unknown, thrown: Error): never => {
      throw thrown;
    };

    it.each(places)('thrown in %s reaches the app when its handler rethrows it', async (_place, mount) => {
      const thrown = exception();
      const layer = layerOf({ dependencies: [Depends(transaction)], middleware: [passes] });
      layer.addExceptionHandler(HTTPException, rethrows);
      const app = framework.app().errors(company).use(layer);
      mount(app, thrown, log);
      const { status, text: body } = await answerOf(app, layer);
      expect([status, JSON.parse(body)]).toEqual([429, { company: '{"wait":60}', status: 429 }]);
      expect([seen[0] === thrown, seen.length]).toEqual([true, 1]);
      expect(seen[0]).toMatchObject({ detail: { wait: 60 }, headers: { 'retry-after': '60' } });
      expect(log.events).toEqual(['begin', 'rollback: {"wait":60}']);
    });

    it('has its status and headers on the page of the framework', async () => {
      const layer = layerOf().addExceptionHandler(429, rethrows);
      const app = framework
        .app()
        .use(layer)
        .at('/', endpoint({}, fails(exception())));
      const got = await answerOf(app, layer);
      expect([got.status, got.headers['retry-after']]).toEqual([429, '60']);
      expect(got.headers['content-type']).not.toContain('json');
      expect(log.events).toEqual([]);
    });

    it('reaches the handlers of outer layers when an inner handler rethrows it', async () => {
      const outer = layerOf().addExceptionHandler(429, (_request, { message }) =>
        Promise.resolve(new PlainTextResponse(`outer: ${message}`, { status: 429 })),
      );
      const inner = layerOf().addExceptionHandler(HTTPException, rethrows);
      const app = framework.app().errors(company).use(outer).at('/', inner);
      app.at('/', endpoint({}, fails(exception())));
      expect(await answerOf(app, outer)).toMatchObject({ status: 429, text: 'outer: {"wait":60}' });
      expect(seen).toEqual([]);
    });

    it('may become another error in its handler that an outer layer handles', async () => {
      const outer = layerOf().addExceptionHandler(AppError, text('outer'));
      const inner = layerOf().addExceptionHandler(429, fails(new AppError('too often')));
      const app = framework
        .app()
        .use(outer)
        .at('/', inner, endpoint({}, fails(exception())));
      expect(await answerOf(app, outer)).toMatchObject({ status: 499, text: 'outer' });
    });
  });

  it("of `request.json()` is answered by the layer as the client's mistake", async () => {
    const names: string[] = [];
    const layer = layerOf();
    const reads = endpoint({}, async ({ request }) => {
      try {
        return await (request.queryParams.has('form') ? request.formData() : request.json());
      } catch (error) {
        names.push((error as Error).constructor.name);
        throw error;
      }
    });
    const app = framework.app().errors(company).use(layer).at('/', reads);
    await listening(app.listener(), async (_url, port) => {
      const headers = { 'content-type': 'application/json' };
      const sent = { method: 'POST', headers, body: '{' };
      const invalid = await ask(port, sent);
      expect([invalid.status, Object.keys(JSON.parse(invalid.text))]).toEqual([400, ['detail']]);
      expect(await ask(port, { ...sent, path: '/?form' })).toMatchObject({
        status: 415,
        text: '{"detail":"The body is no form: its content type is \\"application/json\\"."}',
      });
    });
    expect([names, seen]).toEqual([['SyntaxError', 'TypeError'], []]);
  });
});
