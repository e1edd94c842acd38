import http from 'node:http';
import { Readable } from 'node:stream';
import {
  BackgroundTask,
  Depends,
  dependency,
  endpoint,
  Headers,
  HTTPException,
  JSONResponse,
  Layer,
  type Middleware,
  Response,
} from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { listening, mounts, type TestApp } from '../support/frameworks.js';

/** A value from a caller who ignores the types. */
const untyped = (value: unknown): never => value as never;
const code = (value: string) => expect.objectContaining({ code: value });

function thrownBy(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('misuse that is rejected at construction', () => {
  const one = (): number => 1;
  function* generator(): Generator<number> {
    yield 1;
  }
  it.each([
    [
      'a middleware that is no function',
      () => new Layer().addMiddleware(untyped({})),
      'MIDDLEWARE_NOT_A_FUNCTION',
    ],
    [
      'a middleware of Express',
      () => new Layer().addMiddleware(untyped((_req: unknown, _res: unknown, next: () => void) => next())),
      'MIDDLEWARE_NATIVE',
    ],
    ['an invalid list of middleware', () => new Layer({ middleware: untyped(one) }), 'LAYER_OPTIONS'],
    ['an onError that is not a function', () => new Layer({ onError: untyped('log') }), 'LAYER_OPTIONS'],
    [
      'a layer dependency without Depends',
      () => new Layer({ dependencies: [untyped(one)] }),
      'DEPENDS_EXPECTED',
    ],
    ['an invalid scope', () => new Layer({ defaultScope: untyped('session') }), 'INVALID_SCOPE'],
    ['an invalid handler', () => new Layer().addExceptionHandler(404, untyped('page')), 'EXCEPTION_HANDLER'],
    [
      'a handler for a value that is not a class',
      () => new Layer().addExceptionHandler(untyped('NotFound'), () => new Response()),
      'EXCEPTION_KEY',
    ],
    [
      'a handler for an informational status',
      () => new Layer().addExceptionHandler(199, () => new Response()),
      'EXCEPTION_KEY',
    ],
    ['an endpoint without a handler', () => endpoint({}, untyped(undefined)), 'ENDPOINT_HANDLER'],
    ['an invalid endpoint status', () => endpoint({}, one, { status: 99 }), 'STATUS'],
    ['invalid dependencies', () => endpoint(untyped(null), one), 'DEPENDENCIES'],
    ['a dependency without Depends', () => endpoint(untyped({ one }), one), 'DEPENDS_EXPECTED'],
    [
      'a dependency named as an injected object',
      () => endpoint(untyped({ request: Depends(one) }), one),
      'DEPENDENCY_NAME',
    ],
    ['a dependency that is not a function', () => Depends(untyped(1)), 'DEPENDENCY_NOT_A_FUNCTION'],
    ['a status outside 200–599', () => new Response(null, { status: 99 }), 'STATUS'],
    ['a status that is not a number', () => new HTTPException(untyped('404')), 'STATUS'],
    ['a header value with a line break', () => new Headers({ 'x-a': 'a\r\nset-cookie: b' }), 'HEADER_VALUE'],
    ['a header name with a space', () => new Headers({ 'x a': '1' }), 'HEADER_NAME'],
    ['data that JSON has no form for', () => new JSONResponse(one), 'NOT_SERIALIZABLE'],
    ['a generator as a task', () => new BackgroundTask(untyped(generator)), 'BACKGROUND_TASK'],
    ['nothing that toExpress knows', () => toExpress(untyped({})), 'ADAPTER_TARGET'],
    ['nothing that toKoa knows', () => toKoa(untyped(undefined)), 'ADAPTER_TARGET'],
  ])('%s', (_title, build, expected) => {
    expect(thrownBy(build)).toEqual(code(expected));
  });

  it('names its subject and the cure', () => {
    expect(() => new Layer().addMiddleware(untyped('compress'))).toThrow(
      'A middleware is a function (request, callNext) => response, received string `compress`.',
    );
    expect(() => endpoint(untyped({ db: one }), one)).toThrow('Wrap it: `db: Depends(…)`.');
  });

  it('prints and carries the path of a cycle and of a scope error', () => {
    async function* narrow() {
      yield 1;
    }
    const wide = dependency(
      { narrow: Depends(narrow, { scope: 'function' }) },
      async function* getWide({ narrow: value }) {
        yield value;
      },
    );
    function readWide(): void {
      throw new Error('never built');
    }
    expect(thrownBy(() => endpoint({ wide: Depends(wide) }, readWide))).toEqual(
      expect.objectContaining({
        code: 'DEPENDENCY_SCOPE',
        path: ['readWide', 'getWide', 'narrow'],
        message: expect.stringContaining('readWide → getWide → narrow'),
      }),
    );
    const dependencies: Record<string, Depends<unknown>> = {};
    const circular = dependency(dependencies, function getCircular() {
      return 1;
    });
    dependencies.again = Depends(circular);
    expect(thrownBy(() => endpoint({ circular: Depends(circular) }, readWide))).toEqual(
      expect.objectContaining({ code: 'DEPENDENCY_CYCLE', path: ['readWide', 'getCircular', 'getCircular'] }),
    );
  });
});

describe.each(mounts)('misuse at request time on $name', ({ app }) => {
  /** Sends two requests on one connection: the misuse, and one that must still be served. */
  async function answers(
    mount: (app: TestApp, layer: Layer) => TestApp,
  ): Promise<{ error: unknown; statuses: number[] }> {
    const seen: { error: unknown } = { error: undefined };
    const layer = new Layer({ onError: () => undefined });
    layer.addExceptionHandler(Error, (_request, error) => {
      seen.error = error;
      return new Response('failed', { status: 500 });
    });
    const listener = mount(app().use(layer), layer)
      .at(
        '/fine',
        endpoint({}, () => 'fine'),
      )
      .listener();
    const statuses = await listening(listener, async url => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const first = await status(`${url}/bad`, agent);
      const second = await status(`${url}/fine`, agent);
      agent.destroy();
      return [first, second];
    });
    return { ...seen, statuses };
  }

  function status(url: string, agent: http.Agent): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = http.get(url, { agent }, response =>
        response.resume().on('end', () => resolve(response.statusCode ?? 0)),
      );
      sent.on('error', reject);
    });
  }

  const native = (mounted: TestApp): TestApp => mounted.handler('/bad', answer => answer.send('native'));
  const named = (name: string, middleware: unknown): Middleware =>
    Object.defineProperty(middleware, 'name', { value: name }) as Middleware;

  it.each<[string, unknown, string]>([
    [
      'calls callNext twice',
      async (request: never, callNext: (r: never) => Promise<never>) => {
        await callNext(request);
        return callNext(request);
      },
      'CALL_NEXT_TWICE',
    ],
    [
      'returns nothing after callNext',
      async (request: never, callNext: (r: never) => Promise<never>) => {
        await callNext(request);
      },
      'NOTHING_RETURNED',
    ],
    ['returns nothing and calls nothing', () => undefined, 'NOTHING_RETURNED'],
    ['returns no response', () => ({ ok: true }), 'NOT_A_RESPONSE'],
    [
      'gives callNext no request',
      (_request: never, callNext: (r: unknown) => unknown) => callNext({ url: '/' }),
      'REQUEST_EXPECTED',
    ],
    [
      'sets a status outside 200–599',
      async (request: never, callNext: (r: never) => Promise<Response>) => {
        const response = await callNext(request);
        response.status = 42;
        return response;
      },
      'STATUS',
    ],
    [
      'sets a header with a line break',
      async (request: never, callNext: (r: never) => Promise<Response>) => {
        const response = await callNext(request);
        response.headers.set('x-a', 'a\nb');
        return response;
      },
      'HEADER_VALUE',
    ],
  ])('a middleware that %s is a 500, and the connection survives', async (_title, misused, expected) => {
    const { error, statuses } = await answers(mounted =>
      native(mounted.at('/bad', named('culprit', misused))),
    );
    expect(error).toEqual(code(expected));
    expect(statuses).toEqual([500, 200]);
  });

  it('errors name the middleware that called callNext twice or returned nothing', async () => {
    const silent = named('silent', async (request: never, callNext: (r: never) => Promise<never>) => {
      await callNext(request);
    });
    const { error } = await answers(mounted => native(mounted.at('/bad', silent)));
    expect((error as Error).message).toBe(
      'The middleware `silent` returned nothing. ' +
        'Return the response: `const response = await callNext(request); return response;`. (GET /bad)',
    );
  });

  it.each<[string, () => unknown, string]>([
    [
      'never yields',
      async function* never() {
        if (Date.now() < 0) yield 1;
      },
      'GENERATOR_NEVER_YIELDED',
    ],
  ])('a generator that %s is a 500', async (_title, generator, expected) => {
    const { error, statuses } = await answers(mounted =>
      mounted.at(
        '/bad',
        endpoint({ value: Depends(generator) }, () => 1),
      ),
    );
    expect(error).toEqual(code(expected));
    expect(statuses).toEqual([500, 200]);
  });

  it('a generator that yields twice in scope function is a 500', async () => {
    function* twice() {
      yield 1;
      yield 2;
    }
    const bad = endpoint({ value: Depends(twice, { scope: 'function' }) }, () => 1);
    const { error, statuses } = await answers(mounted => mounted.at('/bad', bad));
    expect(error).toEqual(code('GENERATOR_YIELDED_TWICE'));
    expect(statuses).toEqual([500, 200]);
  });

  it('an endpoint whose result has no JSON form is a 500', async () => {
    const { error, statuses } = await answers(mounted =>
      mounted.at(
        '/bad',
        endpoint({}, () => () => 1),
      ),
    );
    expect(error).toEqual(code('NOT_SERIALIZABLE'));
    expect(statuses).toEqual([500, 200]);
  });

  it.each<[string, () => unknown]>([
    ['a Node stream', () => Readable.from(['a'])],
    ['a Web stream', () => new Blob(['a']).stream()],
    [
      'an async iterable',
      () => ({ [Symbol.asyncIterator]: () => Readable.from(['a'])[Symbol.asyncIterator]() }),
    ],
    ['a Blob', () => new Blob(['a'])],
    ['bytes', () => new Uint8Array(1)],
    ['shared memory', () => new SharedArrayBuffer(1)],
    ['a form', () => new FormData()],
    ['a Map', () => new Map([['ok', true]])],
    ['a Set', () => new Set([1])],
  ])('an endpoint that returns %s is a 500 instead of JSON of its internals', async (_name, make) => {
    const { error, statuses } = await answers(mounted => mounted.at('/bad', endpoint({}, make)));
    expect(error).toEqual(code('NOT_SERIALIZABLE'));
    expect(statuses).toEqual([500, 200]);
  });

  it.each<[string, unknown]>([
    ['a Blob', new Blob(['a'])],
    ['shared memory', new SharedArrayBuffer(1)],
  ])('an endpoint that yields %s first is a 500', async (_name, value) => {
    const bad = endpoint({}, async function* () {
      yield value;
    });
    const { error, statuses } = await answers(mounted => mounted.at('/bad', bad));
    expect(error).toEqual(code('NOT_SERIALIZABLE'));
    expect(statuses).toEqual([500, 200]);
  });

  it("a middleware that catches callNext's rejection of a bad request reports nothing", async () => {
    const told: unknown[] = [];
    const seen: unknown[] = [];
    const layer = new Layer({ onError: error => void told.push(error) });
    layer.addMiddleware(async (_request, callNext) => {
      await callNext(untyped({ url: '/' })).catch(error => seen.push(error));
      return new Response('caught');
    });
    await listening(native(app().use(layer)).listener(), async url => {
      expect(await (await fetch(`${url}/bad`)).text()).toBe('caught');
    });
    expect(seen).toEqual([code('REQUEST_EXPECTED')]);
    expect(told).toEqual([]);
  });

  it('a Response object that answers twice is a 500, so nothing set on it leaks', async () => {
    const constant = new Response('shared');
    const errors: unknown[] = [];
    const layer = new Layer({ onError: () => undefined });
    layer.addExceptionHandler(Error, (_request, error) => {
      errors.push(error);
      return new Response('failed', { status: 500 });
    });
    await listening(
      app()
        .use(layer)
        .use(() => constant)
        .listener(),
      async url => {
        expect((await fetch(url)).status).toBe(200);
        expect((await fetch(url)).status).toBe(500);
      },
    );
    expect(errors).toEqual([code('RESPONSE_REUSED')]);
  });

  it('adding to a layer after its first request throws', async () => {
    const layer = new Layer();
    await listening(native(app().use(layer)).listener(), async url => {
      await fetch(`${url}/bad`);
    });
    expect(thrownBy(() => layer.addMiddleware(() => new Response()))).toEqual(code('LAYER_FROZEN'));
    expect(thrownBy(() => layer.addExceptionHandler(404, () => new Response()))).toEqual(
      code('LAYER_FROZEN'),
    );
  });

  it('changing a response after it was sent throws', async () => {
    let late: Promise<unknown> | undefined;
    let sent!: () => void;
    const isSent = new Promise<void>(resolve => {
      sent = resolve;
    });
    const layer = new Layer({
      middleware: [
        async (request, callNext) => {
          const response = await callNext(request);
          late = isSent.then(() => thrownBy(() => response.headers.set('x-late', '1')));
          return response;
        },
      ],
    });
    await listening(
      app()
        .around(() => undefined, sent)
        .use(layer)
        .handler('/', answer => answer.send('x'))
        .listener(),
      async url => {
        await fetch(url);
        expect(await late).toEqual(code('HEADERS_SENT'));
      },
    );
  });
});

it('frozen functions are accepted and not taken for classes', () => {
  const middleware = Object.freeze<Middleware>(function timing(request, callNext) {
    return callNext(request);
  });
  const getDb = Object.freeze(async function* getDb() {
    yield { pool: 1 };
  });
  const read = Object.freeze(function read() {
    return 1;
  });
  const layer = new Layer({ middleware: [middleware], lifespan: getDb });
  expect(layer.describe().middleware).toEqual(['timing']);
  expect(endpoint({ db: Depends(getDb) }, read).name).toBe('read');
  expect(thrownBy(() => Depends(untyped(Object.freeze(class Database {}))))).toEqual(
    code('DEPENDENCY_NOT_A_FUNCTION'),
  );
});
