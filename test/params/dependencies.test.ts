import {
  Depends,
  dependency,
  endpoint,
  HTTPException,
  JSONResponse,
  Layer,
  type Parameter,
  Response,
} from 'callnext';
import { Body, Header, Path, Query, RequestValidationError } from 'callnext/params';
import { override } from 'callnext/testing';
import { z } from 'zod';
import { type Asked, ask, type Got } from '../support/ask.js';
import { type Framework, frameworks, listening, type TestApp } from '../support/frameworks.js';

const number = z.int();
const json = (body: unknown): Asked => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

/** Returns the type and the place of each error. */
function placesIn({ text }: Got): string[] {
  const { detail } = JSON.parse(text) as { detail: { type: string; loc: string[] }[] };
  return detail.map(({ type, loc }) => `${type} ${loc.join('.')}`);
}

/** Creates dependencies that log how they are entered and left. */
function logged() {
  const log: string[] = [];
  const named = (name: string, declared: Record<string, Parameter<unknown>> = {}) =>
    dependency(declared, async function* () {
      log.push(`${name} in`);
      try {
        yield name;
      } catch (error) {
        log.push(`${name} ${(error as Error).name}`);
        throw error;
      }
      log.push(`${name} out`);
    });
  return { log, named };
}

describe.each(frameworks)('parameters on $name', (framework: Framework) => {
  const told: unknown[] = [];
  const run = (mount: (app: TestApp) => TestApp, asked: Asked = {}): Promise<Got> => {
    const app = framework.app().use(new Layer({ onError: error => void told.push(error) }));
    return listening(mount(app).listener(), (_url, port) => ask(port, asked));
  };
  beforeEach(() => told.splice(0));

  it('lists the errors of dependencies first, then those of the query, headers and body', async () => {
    const inner = dependency({ a: Query(number), b: Header(number) }, ({ a }) => a);
    const outer = dependency({ c: Query(number), inner: Depends(inner) }, ({ c }) => c);
    const read = endpoint(
      { item: Body(z.object({ n: number })), d: Header(number), e: Query(number), outer: Depends(outer) },
      () => null,
    );
    const got = await run(app => app.at('/', read), { ...json({ n: 'x' }), path: '/?e=x' });
    expect([got.status, placesIn(got)]).toEqual([
      422,
      [
        'missing query.a',
        'missing header.b',
        'missing query.c',
        'int_parsing query.e',
        'missing header.d',
        'int_parsing body.n',
      ],
    ]);
    expect(told).toEqual([]);
  });

  it('enters dependencies with valid parameters and throws the error of the others into them', async () => {
    const { log, named } = logged();
    const dependencies = {
      wrong: Depends(named('wrong', { a: Query(number) })),
      right: Depends(named('right', { b: Query(number) })),
      plain: Depends(named('plain')),
    };
    const got = await run(
      app =>
        app.at(
          '/',
          endpoint(dependencies, () => log.push('endpoint')),
        ),
      {
        path: '/?a=x&b=1',
      },
    );
    expect([got.status, placesIn(got)]).toEqual([422, ['int_parsing query.a']]);
    expect(log).toEqual([
      'right in',
      'plain in',
      'plain RequestValidationError',
      'right RequestValidationError',
    ]);
  });

  it('does not call a dependency that needs one with invalid parameters', async () => {
    const { log, named } = logged();
    const needs = dependency({ wrong: Depends(named('wrong', { a: Query(number) })) }, () =>
      log.push('needs'),
    );
    const got = await run(app =>
      app.at(
        '/',
        endpoint({ n: Depends(needs), b: Query() }, () => null),
      ),
    );
    expect([got.status, placesIn(got), log]).toEqual([422, ['missing query.a', 'missing query.b'], []]);
  });

  it.each(['before', 'after'])(
    'answers with the 401 of a dependency declared %s one with invalid parameters',
    async where => {
      const login = Depends(() => {
        throw new HTTPException(401);
      });
      const wrong = Depends(dependency({ a: Query(number) }, ({ a }) => a));
      const dependencies = where === 'before' ? { login, wrong } : { wrong, login };
      const got = await run(app =>
        app.at(
          '/',
          endpoint({ ...dependencies, b: Query(number) }, () => null),
        ),
      );
      expect([got.status, got.text]).toEqual([401, '{"detail":"Unauthorized"}']);
    },
  );

  it('does not read the body if a dependency rejects the client', async () => {
    const login = Depends(() => {
      throw new HTTPException(401);
    });
    const read = endpoint({ item: Body(z.object({})), login }, () => null);
    const got = await run(app => app.at('/', read), { ...json({}), body: '{broken' });
    expect(got.status).toBe(401);
  });

  it('answers invalid JSON with one error, even if other parameters are invalid', async () => {
    const needsBody = dependency({ part: Body(z.object({})) }, ({ part }) => part);
    const read = endpoint({ needsBody: Depends(needsBody), a: Query(number) }, () => null);
    const got = await run(app => app.at('/', read), { ...json({}), body: '{broken' });
    expect([got.status, JSON.parse(got.text)]).toEqual([
      422,
      {
        detail: [
          {
            type: 'json_invalid',
            loc: ['body', 1],
            msg: 'JSON decode error',
            input: {},
            ctx: { error: 'Expecting property name enclosed in double quotes' },
          },
        ],
      },
    ]);
  });

  it('finds several bodies by name, even if dependencies declare them', async () => {
    const getUser = dependency({ user: Body(z.object({ name: z.string() })) }, ({ user }) => user.name);
    const alone = endpoint({ name: Depends(getUser) }, ({ name }) => name);
    const both = endpoint({ name: Depends(getUser), item: Body(number) }, ({ name, item }) => [name, item]);
    const user = { name: 'ada' };
    expect((await run(app => app.at('/', alone), json(user))).text).toBe('"ada"');
    expect((await run(app => app.at('/', both), json({ user, item: 1 }))).text).toBe('["ada",1]');
    expect(placesIn(await run(app => app.at('/', both), json(user)))).toEqual([
      'missing body.user',
      'missing body.item',
    ]);
  });

  it('reads the parameters of a shared dependency once', async () => {
    let calls = 0;
    const shared = dependency({ a: Query(number) }, ({ a }) => {
      calls += 1;
      return a;
    });
    const one = dependency({ shared: Depends(shared) }, given => given.shared);
    const read = endpoint({ one: Depends(one), shared: Depends(shared) }, given => [given.one, given.shared]);
    const got = await run(app => app.at('/', read), { path: '/?a=3' });
    expect([got.text, calls]).toEqual(['[3,3]', 1]);
  });

  it('passes parameters to native code through `inject`, by alias or by key', async () => {
    const app = (mount: TestApp): TestApp =>
      mount.handler('/', async answer => {
        const page = await answer.inject(Query(number, { alias: 'page' }));
        const { size } = await answer.inject({ size: Query(number.default(10)) });
        const sum: number = page + size;
        answer.send({ sum });
      });
    expect((await run(app, { path: '/?page=2' })).text).toBe('{"sum":12}');
    const got = await run(app, { path: '/?page=x' });
    expect([got.status, placesIn(got)]).toEqual([422, ['int_parsing query.page']]);
    expect(told).toEqual([]);
  });

  it('checks the parameters of a guard and a layer before the handler runs', async () => {
    const log: string[] = [];
    const guard = Depends(dependency({ xToken: Header() }, ({ xToken }) => xToken));
    const below = (app: TestApp): TestApp =>
      app.handler('/', answer => {
        log.push('native');
        answer.send({});
      });
    const guarded = await run(app => below(app.at('/', guard)));
    expect([guarded.status, placesIn(guarded)]).toEqual([422, ['missing header.x-token']]);
    const layer = new Layer({ dependencies: [guard, Query(number, { alias: 'page' })] });
    const layered = await run(app => below(app.at('/', layer)));
    expect([layered.status, placesIn(layered)]).toEqual([
      422,
      ['missing header.x-token', 'missing query.page'],
    ]);
    expect(log).toEqual([]);
    const passed = await run(app => below(app.at('/', layer)), {
      path: '/?page=1',
      headers: { 'x-token': 't' },
    });
    expect([passed.status, log]).toEqual([200, ['native']]);
  });

  it('passes the errors and the body to an exception handler', async () => {
    const layer = new Layer({ onError: error => void told.push(error) });
    layer.addExceptionHandler(
      RequestValidationError,
      (_request, error) =>
        new JSONResponse({ count: error.errors().length, body: error.body }, { status: 400 }),
    );
    layer.addExceptionHandler(HTTPException, () => new Response('not asked', { status: 500 }));
    layer.addExceptionHandler(422, () => new Response('not asked', { status: 500 }));
    const read = endpoint({ item: Body(z.object({ n: number })) }, () => null);
    const app = framework.app().use(layer).at('/', read).listener();
    const got = await listening(app, (_url, port) => ask(port, json({ n: 'x' })));
    expect([got.status, got.text, told]).toEqual([400, '{"count":1,"body":{"n":"x"}}', []]);
  });

  it('omits received values if the innermost layer sets `validationErrors.input` to false', async () => {
    const read = endpoint({ item: Body(z.object({ n: number, m: number })) }, () => null);
    const quiet = new Layer({ validationErrors: { input: false } });
    const got = await run(app => app.use(quiet).at('/', read), json({ n: 'secret' }));
    expect(JSON.parse(got.text).detail.map(Object.keys)).toEqual([
      ['type', 'loc', 'msg'],
      ['type', 'loc', 'msg'],
    ]);
    const loud = new Layer({ validationErrors: { input: true } });
    expect((await run(app => app.use(quiet).use(loud).at('/', read), json({ n: 'secret' }))).text).toContain(
      'secret',
    );
  });

  it('never repeats the `authorization`, `cookie` and `proxy-authorization` headers', async () => {
    const headers = { authorization: 'Bearer 5ecret', cookie: 'id=5ecret', 'proxy-authorization': '5ecret' };
    const short = z.string().max(3);
    const single = endpoint({ authorization: Header(short), cookie: Header(short) }, () => null);
    const model = endpoint(
      { all: Header(z.strictObject({ missing: z.string(), cookie: short, host: z.string() })) },
      () => null,
    );
    for (const read of [single, model]) {
      const got = await run(app => app.at('/', read), { headers });
      expect([got.status, got.text]).toEqual([422, expect.not.stringContaining('5ecret')]);
    }
  });

  it('answers with a 500 that names the parameter if its schema throws', async () => {
    const throws = z.any().refine(() => {
      throw new RangeError('broken schema');
    });
    const app = framework.app().errors(error => ({ message: (error as Error).message, code: codeOf(error) }));
    const read = endpoint({ page: Query(throws) }, () => null);
    const listener = app.use(new Layer()).at('/', read).listener();
    const got = await listening(listener, (_url, port) => ask(port, { path: '/?page=1' }));
    expect([got.status, JSON.parse(got.text)]).toEqual([
      500,
      { code: 'PARAM_SCHEMA', message: expect.stringContaining('The schema of `Query()` for `page` threw') },
    ]);
  });

  it('answers with a 500 that names the endpoint and a parameter missing from the path', async () => {
    const app = framework.app().errors(error => ({ message: (error as Error).message, code: codeOf(error) }));
    const read = endpoint({ itemId: Path(number) }, function readItem() {
      return null;
    });
    const listener = app.use(new Layer()).at('/', read).listener();
    const got = await listening(listener, (_url, port) => ask(port));
    expect([got.status, JSON.parse(got.text)]).toEqual([
      500,
      {
        code: 'PARAM_UNKNOWN',
        message: expect.stringContaining('`readItem` declares the path parameter `itemId`'),
      },
    ]);
  });

  it('waits for asynchronous schemas and keeps the order of the errors', async () => {
    const later = z.string().refine(async text => text === 'a', 'Not an a');
    const read = endpoint({ first: Query(later), second: Query(number) }, given => given.first);
    const wrong = await run(app => app.at('/', read), { path: '/?first=b&second=x' });
    expect(placesIn(wrong)).toEqual(['value_error query.first', 'int_parsing query.second']);
    expect((await run(app => app.at('/', read), { path: '/?first=a&second=1' })).text).toBe('"a"');
  });

  it('reads the parameters of an override at the position of the original', async () => {
    const layer = new Layer();
    const getUser = (): string => 'user';
    const fake = dependency({ as: Query() }, ({ as }) => as);
    const listener = framework
      .app()
      .use(layer)
      .at(
        '/',
        endpoint({ user: Depends(getUser), page: Query(number) }, ({ user }) => user),
      )
      .listener();
    override(layer, getUser, fake);
    await listening(listener, async (_url, port) => {
      expect((await ask(port, { path: '/?as=ada&page=1' })).text).toBe('"ada"');
      expect(placesIn(await ask(port))).toEqual(['missing query.as', 'missing query.page']);
    });
    layer.dependencyOverrides.clear();
  });
});

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

it('gives each request its own copy of a default', async () => {
  const read = endpoint({ tags: Query(z.array(z.string()), { default: ['a'] }) }, ({ tags }) => {
    tags.push('b');
    return tags;
  });
  const listener = (frameworks[0] as Framework).app().at('/', read).listener();
  await listening(listener, async (_url, port) => {
    await ask(port);
    expect((await ask(port)).text).toBe('["a","b"]');
  });
});

it('uses the defaults of parameters for a function that runs outside a request', async () => {
  const layer = new Layer();
  expect(await layer.run({ page: Query(number.default(1)) }, ({ page }) => page)).toBe(1);
  await expect(layer.run({ page: Query(number) }, ({ page }) => page)).rejects.toThrow(
    RequestValidationError,
  );
});
