// Programs that must compile. `npm run types` compiles this file; it is not run.
import http from 'node:http';
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { type } from 'arktype';
import {
  type AppContext,
  BackgroundTask,
  Depends,
  dependency,
  EventSourceResponse,
  endpoint,
  FileResponse,
  Headers,
  HTTPException,
  JSONResponse,
  Layer,
  type LayerOptions,
  type Middleware,
  Request,
  Response,
  ServerSentEvent,
  UploadFile,
} from 'callnext';
import {
  backgroundTasks,
  errorBoundary,
  fromExpress,
  inject,
  keepRawBody,
  mountFetch,
  toExpress,
  wrap,
} from 'callnext/express';
import {
  fromKoa,
  inject as injectKoa,
  mountFetch as mountOnKoa,
  backgroundTasks as tasksOfKoa,
  toKoa,
} from 'callnext/koa';
import { AuthCredentials, authentication, requires, SimpleUser } from 'callnext/middleware/authentication';
import { cors } from 'callnext/middleware/cors';
import { rateLimit } from 'callnext/middleware/rate-limit';
import { session as getSession, sessions } from 'callnext/middleware/sessions';
import { inject as injectNode, backgroundTasks as tasksOfNode, toNode } from 'callnext/node';
import { Body, Cookie, File, Form, Header, Path, Query, RequestValidationError } from 'callnext/params';
import { override } from 'callnext/testing';
import compression from 'compression';
import express from 'express';
import expressRateLimit from 'express-rate-limit';
import helmet from 'helmet';
import { Hono } from 'hono';
import Koa from 'koa';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import * as v from 'valibot';
import { z } from 'zod';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_Holds extends true>(): void {
  // Deliberately empty: the compiler is the test.
}

// Values are inferred from every form of dependency.
const fromFunction = () => 1;
const fromAsync = async () => 'text';
function* fromGenerator() {
  yield { generator: true };
}
async function* fromAsyncGenerator() {
  yield new Date();
}
const nested = dependency(
  { n: Depends(fromFunction), d: Depends(fromAsyncGenerator) },
  ({ n, d, request }) => {
    assertType<Equal<typeof n, number>>();
    assertType<Equal<typeof d, Date>>();
    return { n, d, url: request.url };
  },
);
endpoint(
  {
    n: Depends(fromFunction),
    s: Depends(fromAsync, { useCache: false }),
    g: Depends(fromGenerator, { scope: 'function' }),
    a: Depends(fromAsyncGenerator),
    c: Depends(nested),
  },
  ({ n, s, g, a, c, request, response, backgroundTasks }) => {
    assertType<Equal<typeof n, number>>();
    assertType<Equal<typeof s, string>>();
    assertType<Equal<typeof g, { generator: boolean }>>();
    assertType<Equal<typeof a, Date>>();
    assertType<Equal<typeof c, { n: number; d: Date; url: string }>>();
    response.headers.set('x', request.method);
    response.status = 201;
    backgroundTasks.addTask((name: string, times: number) => name.repeat(times), 'a', 2);
    backgroundTasks.addTask(new BackgroundTask((id: number) => id, [1], { when: 'always' }));
    return c;
  },
  { status: 201 },
);

// The generator receives the response.
async function* withSent(): AsyncGenerator<number, void, Response> {
  const sent = yield 1;
  sent.status.toFixed();
}
endpoint({ value: Depends(withSent) }, ({ value }) => value.toFixed());

// A scope may be set at each place, as long as nothing outlives its dependencies.
const session = dependency({ a: Depends(fromAsyncGenerator, { scope: 'request' }) }, async function* ({ a }) {
  const sent: Response = yield a;
  sent.headers.get('x');
});
const handsOn = dependency(
  { session: Depends(session, { scope: 'function' }) },
  ({ session: value }) => value,
);
endpoint(
  {
    narrow: Depends(session, { scope: 'function' }),
    same: Depends(session, { scope: 'request' }),
    unnamed: Depends(session),
    plain: Depends(handsOn),
    cached: Depends(handsOn, { useCache: false }),
  },
  ({ narrow, plain }) => {
    assertType<Equal<typeof narrow, Date>>();
    assertType<Equal<typeof plain, Date>>();
  },
);

// A value opened per request is disposed if the marker asks for it.
const openFile = async () => ({ read: () => 'text', [Symbol.asyncDispose]: async () => undefined });
const openSession = dependency({ a: Depends(fromAsyncGenerator, { scope: 'request' }) }, () => ({
  id: 1,
  [Symbol.dispose]: () => undefined,
}));
const maybe = (): boolean => Math.random() > 0.5;
endpoint(
  {
    file: Depends(openFile, { dispose: true, scope: 'background' }),
    narrow: Depends(openSession, { dispose: true, scope: 'function' }),
    same: Depends(openSession, { dispose: true, useCache: false }),
    sometimes: Depends(openFile, { dispose: maybe() }),
    never: Depends(fromFunction, { dispose: false }),
    untyped: Depends(() => JSON.parse('{}'), { dispose: true }),
    generator: Depends(fromGenerator, { dispose: false }),
  },
  ({ file, narrow }) => {
    assertType<Equal<ReturnType<typeof file.read>, string>>();
    assertType<Equal<typeof narrow.id, number>>();
  },
);
const needsSession = dependency(
  { session: Depends(openSession, { dispose: true, scope: 'function' }) },
  ({ session: { id } }) => id,
);
Depends(needsSession, { scope: 'background' });

// A layer knows the state that its lifespan yields.
async function states(): Promise<void> {
  const pools = new Layer({
    lifespan: async function* () {
      yield { pool: { query: (sql: string) => sql.length } };
    },
    middleware: [
      async (request, callNext) => {
        assertType<Equal<ReturnType<typeof request.state.pool.query>, number>>();
        return callNext(request);
      },
    ],
  });
  pools.addMiddleware(async (request, callNext) => {
    assertType<Equal<ReturnType<typeof request.state.pool.query>, number>>();
    assertType<Equal<typeof request.state.other, unknown>>();
    return callNext(request);
  });
  pools.addMiddleware(middleware[0] as Middleware);
  const length = await pools.run({}, ({ request }) => request.state.pool.query('select'));
  assertType<Equal<typeof length, number>>();
  const declared = new Layer({
    lifespan: dependency({ config }, async function* ({ config: { url } }) {
      yield { url };
    }),
  });
  declared.run({}, ({ request }) => request.state.url.toUpperCase());
  const given = new Layer({
    lifespan: function* ({ signal }) {
      yield { isOver: () => signal.aborted };
    },
  });
  given.run({}, ({ request }) => request.state.isOver());
  new Layer().run({}, ({ request }) => assertType<Equal<typeof request.state.url, unknown>>());
  const layers: Layer[] = [pools, declared, given];
  override(pools, getConfig, () => ({ url: '' }));
  toExpress(pools);
  const options: LayerOptions = { lifespan: noState };
  layers.push(new Layer(options));
}
function* noState() {
  yield;
}
void states;

// Without a request, within a layer's lifetime.
async function life(): Promise<void> {
  const living = new Layer({
    lifespan: async function* () {
      yield { pool: 1 };
    },
  });
  new Layer({
    lifespan: function* () {
      yield;
    },
  });
  await living.start();
  const count = await living.run(
    { n: Depends(fromFunction), d: Depends(fromAsyncGenerator) },
    async ({ n, d, backgroundTasks }) => {
      backgroundTasks.addTask(fetch, 'http://127.0.0.1', { signal: backgroundTasks.signal });
      return n + d.getTime();
    },
  );
  assertType<Equal<typeof count, number>>();
  const { responses, exits, tasks } = await living.close({ timeoutMs: 1000 });
  assertType<Equal<typeof responses, readonly string[]>>();
  exits.concat(tasks);
}
void life;

// Dependencies of scope `app` receive no request; all others may need them.
const getConfig = ({ signal, state }: AppContext) => ({ url: `${state.url}${signal.aborted}` });
const config = Depends(getConfig, { scope: 'app' });
const pooled = Depends(
  dependency({ config }, async function* ({ config: { url } }) {
    yield { url };
  }),
  { scope: 'app' },
);
const annotated = dependency({ pooled }, ({ signal }: { pooled: object } & AppContext) => signal.aborted);
const perRequest = dependency({ pooled, config }, async function* ({ pooled: { url }, request }) {
  yield url + request.path;
});
const together = Depends.all({ config, pooled });
endpoint(
  {
    pooled,
    annotated: Depends(annotated, { scope: 'app' }),
    perRequest: Depends(perRequest, { scope: 'background' }),
    both: Depends.all({ n: Depends(fromFunction), p: Depends(perRequest) }),
    opened: Depends(openFile, { scope: 'app', dispose: true }),
  },
  ({ pooled: { url }, annotated: isAborted, both }) => {
    assertType<Equal<typeof url, string>>();
    assertType<Equal<typeof isAborted, boolean>>();
    assertType<Equal<typeof both, { n: number; p: string }>>();
  },
);
new Layer({
  lifespan: dependency({ pooled, together }, async function* ({ pooled: { url }, together: { config: c } }) {
    yield { url, c };
  }),
});
new Layer({
  lifespan: async function* ({ signal }) {
    yield { signal };
  },
});

// A middleware may return its response, another one, or a platform response.
const middleware: Middleware[] = [
  (request, callNext) => callNext(request),
  async (request, callNext) => {
    request.errorHeaders.append('vary', 'origin');
    return callNext();
  },
  async () => new globalThis.Response('text'),
  () => new JSONResponse({ ok: true }, { status: 202 }),
  async (request, callNext) => callNext(new Request(request, { headers: { 'x-a': '1' } })),
  async (request, callNext) => callNext(new globalThis.Request(request.url, { headers: { 'x-a': '1' } })),
];
const layer = new Layer({
  middleware,
  dependencies: [Depends(fromAsync)],
  exceptionHandlers: [[404, () => new Response('gone')]],
});
class AppError extends Error {
  readonly code = 'app';
}
const handleAppError = (_request: Request, exception: AppError) => new Response(exception.code);
new Layer({ exceptionHandlers: [[AppError, handleAppError]] });
new Layer({ exceptionHandlers: new Map([[AppError, handleAppError]]) });
layer.addExceptionHandler(RangeError, (_request, exception) => new Response(exception.message));
layer.addExceptionHandler(HTTPException, (_request, exception) => new JSONResponse(exception.detail));
layer.dependencyOverrides.set(fromFunction, () => 2);

// Our classes are accepted where the platform's are required.
declare function takesFetch(
  request: globalThis.Request,
  response: globalThis.Response,
  headers: globalThis.Headers,
): void;
declare const request: Request;
takesFetch(request.native, new globalThis.Response(), new globalThis.Headers([...new Headers({ a: 'b' })]));

// The handlers fit the frameworks' own types.
express()
  .use(toExpress(layer))
  .get('/', toExpress(endpoint({}, () => 1)));
express.Router().use(toExpress(middleware[0] as Middleware));
new Koa().use(toKoa(layer)).use(toKoa(endpoint({}, () => 1)));
toNode(layer, (_req, res) => res.end());

// Injected values have the types of their dependencies, in native handlers.
express().get('/', async (req, res) => {
  const value = await inject(req, Depends(nested));
  assertType<Equal<typeof value, { n: number; d: Date; url: string }>>();
  res.json(value);
});
new Koa().use(async ctx => {
  const value = await injectKoa(ctx, Depends(fromGenerator));
  assertType<Equal<typeof value, { generator: boolean }>>();
  ctx.body = value;
});
toNode(layer, async (req, res) => {
  const value = await injectNode(req, Depends(fromAsync));
  assertType<Equal<typeof value, string>>();
  res.end(value);
});

// Several dependencies by name, and a block that receives them.
express().get('/', async (req, res) => {
  const values = await inject(req, { n: Depends(fromFunction), d: Depends(fromAsyncGenerator) });
  assertType<Equal<typeof values, { n: number; d: Date }>>();
  const length = await inject(
    req,
    { s: Depends(fromAsync, { scope: 'function' }), c: Depends(nested) },
    async ({ s, c }) => {
      assertType<Equal<typeof s, string>>();
      assertType<Equal<typeof c, { n: number; d: Date; url: string }>>();
      return s.length;
    },
  );
  assertType<Equal<typeof length, number>>();
  res.json(length);
});
new Koa().use(async (ctx, next) => {
  const { g } = await injectKoa(ctx, { g: Depends(fromGenerator) });
  assertType<Equal<typeof g, { generator: boolean }>>();
  await injectKoa(ctx, { g: Depends(fromGenerator) }, next);
  ctx.body = await injectKoa(ctx, { d: Depends(fromAsyncGenerator) }, ({ d }) => d.getTime());
});
toNode(layer, async (req, res) => {
  const { n } = await injectNode(req, { n: Depends(fromFunction) });
  const text = await injectNode(req, { s: Depends(fromAsync) }, ({ s }) => s.repeat(n));
  assertType<Equal<typeof text, string>>();
  res.end(text);
});

// Guards, boundaries and wrapped apps.
express().use('/admin', toExpress(Depends(fromAsync)), errorBoundary(layer));
new Koa().use(toKoa(Depends(fromAsync)));
http.createServer(wrap(express(), layer));
http.createServer(wrap(express(), middleware[0] as Middleware));
new Layer({ timeout: 30_000 });

// Fetch handlers of other libraries, and parsers that keep the bytes.
const hono = new Hono();
express().use('/api', express.json({ verify: keepRawBody }), mountFetch(hono.fetch));
new Koa().use(mountOnKoa(hono.fetch)).use(mountOnKoa(async request => fetch(request)));

// Bodies and forms, files and events.
endpoint({}, async ({ request, response }) => {
  const file = (await request.form({ maxFiles: 1 })).get('f');
  if (file instanceof UploadFile) assertType<Equal<typeof file.path, string | undefined>>();
  assertType<Equal<typeof request.cookies.a, string | undefined>>();
  response.setCookie('a', '1', { maxAge: 60, httpOnly: true, sameSite: 'strict' });
  response.deleteCookie('b');
  return new FileResponse('/x', { filename: 'x', contentDispositionType: 'inline', status: 201 });
});
endpoint({}, () => {
  async function* events() {
    yield new ServerSentEvent({ data: { a: 1 }, id: 1 });
    yield { a: 1 };
  }
  return new EventSourceResponse(events(), { pingInterval: 0, headers: { 'x-a': '1' } });
});
middleware.push((request, callNext) =>
  callNext(new Request(request, { body: new URLSearchParams({ a: '1' }) })),
);
new Layer({ maxBodySize: 10, strictContentType: false });

// Built-in middleware, and native middleware with the types of its packages.
new Layer({
  middleware: [
    cors({ allowOrigins: ['https://a.example'], allowOriginRegex: /https:/ }),
    sessions({ secretKey: ['a', 'b'], maxAge: null }),
    rateLimit({
      limiter: new RateLimiterMemory({ points: 1, duration: 1 }),
      key: ({ client }) => client?.host,
    }),
    authentication({ backend: { authenticate: () => [new AuthCredentials(), new SimpleUser('a')] } }),
    fromExpress(helmet()),
    fromExpress(compression()),
    fromExpress(expressRateLimit({ limit: 1 })),
    fromExpress((_req: express.Request, _res: express.Response, next: express.NextFunction) => next()),
    fromKoa(async (ctx: Koa.Context, next: Koa.Next) => {
      ctx.set('x-a', '1');
      await next();
    }),
  ],
});
const admin = Depends(requires(['admin', 'member'], { redirect: '/login' }));
endpoint({ admin, current: Depends(getSession) }, ({ current, request }) => {
  assertType<Equal<typeof request.session.other, unknown>>();
  assertType<Equal<typeof request.path, string>>();
  assertType<Equal<typeof request.pathParams, Readonly<Record<string, string>>>>();
  assertType<Equal<ReturnType<typeof request.headers.getAll>, string[]>>();
  assertType<Equal<typeof request.auth.scopes, readonly string[]>>();
  assertType<Equal<typeof request.user.displayName, string>>();
  return current.other;
});
toExpress(admin);

// Yielded values are streamed; a response class may be set for them.
endpoint({ s: Depends(fromAsync) }, async function* ({ s, request, response }) {
  assertType<Equal<typeof s, string>>();
  response.headers.set('x-method', request.method);
  yield { s };
  yield new ServerSentEvent({ data: s });
});
endpoint({ n: Depends(fromFunction) }, function* ({ n }) {
  assertType<Equal<typeof n, number>>();
  yield n;
});
endpoint({}, fromAsyncGenerator, { responseClass: EventSourceResponse });
endpoint({}, () => 'path', { responseClass: FileResponse, status: 200 });
endpoint({}, ({ response }) => {
  response.setCookie('a', 'b c', { encoding: 'python' });
  response.deleteCookie('a', { encoding: 'percent' });
});
class Pages extends Response {}
endpoint({}, () => 'page', { responseClass: Pages });

// The arguments of tasks are type-checked in native handlers.
const sendMail = async (_to: string, _copies: number): Promise<void> => undefined;
express().post('/', (req, res) => {
  backgroundTasks(req).addTask(sendMail, 'ada@example.com', 2);
  res.end();
});
new Koa().use(ctx => tasksOfKoa(ctx).addTask(sendMail, 'ada@example.com', 2));
toNode(new Layer(), req => tasksOfNode(req).addTask(sendMail, 'ada@example.com', 2));

// Parameters have the types of their schemas, in every place.
const Paging = z.object({ skip: z.int().default(0), tag: z.array(z.string()).default([]) });
const Valued = toStandardJsonSchema(v.object({ name: v.string(), price: v.optional(v.number(), 1) }));
const isoDate = type('string.date.iso.parse');
const typedUser = dependency(
  { xToken: Header(z.string()), session: Cookie(z.string().optional()) },
  ({ xToken, session: id, request }) => {
    assertType<Equal<typeof xToken, string>>();
    assertType<Equal<typeof id, string | undefined>>();
    return { xToken, path: request.path };
  },
);
endpoint(
  {
    itemId: Path(z.int().min(1), { alias: 'item_id' }),
    item: Body(Valued, { embed: true }),
    dryRun: Query(z.boolean().default(false), { alias: 'dry-run' }),
    bare: Query(),
    tags: Query({ multiple: true }),
    size: Query(z.int(), { default: 10 }),
    sort: Query(z.enum(['up', 'down']), { default: 'up' }),
    none: Query(z.string(), { default: null }),
    ids: Query(z.array(z.int()), { default: [1] }),
    more: Query({ multiple: true, default: [] }),
    agent: Header({ alias: 'user-agent' }),
    since: Header(isoDate, { convertUnderscores: false }),
    user: Depends(typedUser),
  },
  ({ itemId, item, dryRun, bare, tags, size, sort, none, ids, more, agent, since, user }) => {
    assertType<Equal<typeof itemId, number>>();
    assertType<Equal<typeof item, { name: string; price: number }>>();
    assertType<Equal<typeof dryRun, boolean>>();
    assertType<Equal<typeof bare, string>>();
    assertType<Equal<typeof tags, string[]>>();
    assertType<Equal<typeof size, number>>();
    assertType<Equal<typeof sort, 'up' | 'down'>>();
    assertType<Equal<typeof none, string | null>>();
    assertType<Equal<typeof ids, number[]>>();
    assertType<Equal<typeof more, string[]>>();
    assertType<Equal<typeof agent, string>>();
    assertType<Equal<typeof since, Date>>();
    assertType<Equal<typeof user, { xToken: string; path: string }>>();
  },
);
endpoint(
  {
    paging: Query(Paging),
    title: Form(),
    file: File(),
    files: File({ multiple: true }),
    maybe: File({ default: null }),
  },
  ({ paging, title, file, files, maybe }) => {
    assertType<Equal<typeof paging, { skip: number; tag: string[] }>>();
    assertType<Equal<typeof title, string>>();
    assertType<Equal<typeof file, UploadFile>>();
    assertType<Equal<typeof files, UploadFile[]>>();
    assertType<Equal<typeof maybe, UploadFile | null>>();
  },
);
async function injectParameters(): Promise<void> {
  const page = await inject({}, Query(z.int(), { alias: 'page' }));
  assertType<Equal<typeof page, number>>();
  const { size, user } = await injectKoa({ res: {} }, { size: Query(z.int()), user: Depends(typedUser) });
  assertType<Equal<typeof size, number>>();
  assertType<Equal<typeof user.xToken, string>>();
}
void injectParameters;
toExpress(Depends(typedUser));
toKoa(Header({ alias: 'x-token' }));
new Layer({ dependencies: [Query(z.int(), { alias: 'page' })], validationErrors: { input: false } });
new Layer().run({ page: Query(z.int().default(1)) }, ({ page }) => page.toFixed());
// A generator may live as long as it likes: a parameter has no exit.
const pagedDb = dependency({ page: Query(z.int()) }, async function* ({ page }) {
  yield page;
});
endpoint({ db: Depends(pagedDb, { scope: 'background' }) }, ({ db }) => db.toFixed());

// A response model takes what its schema takes, or a response.
endpoint({}, () => ({ skip: 1, password: 'p' }), { responseModel: Paging, status: 201 });
endpoint({}, async () => ({}), { responseModel: Paging });
endpoint({ page: Query(z.int()) }, ({ page }) => (page > 1 ? { skip: page } : new Response(null)), {
  responseModel: Paging,
});
endpoint({}, () => [{ name: 'a' }], { responseModel: z.array(z.object({ name: z.string() })) });
// What is returned is typed by the model: enums, tuples, discriminated unions, promised or not.
const Light = z.object({ status: z.enum(['on', 'off']), level: z.number().nullable() });
endpoint({}, () => ({ status: 'on', level: 1 }), { responseModel: Light });
endpoint({}, ({ request }) => ({ status: request.method === 'GET' ? 'on' : 'off', level: 1 }), {
  responseModel: Light,
});
endpoint({ q: Query() }, async ({ q }) => ({ status: 'on', level: q.length }), { responseModel: Light });
endpoint(
  { q: Query() },
  async ({ q }) => {
    if (q === '') return { status: 'off', level: null };
    return { status: 'on', level: 1 };
  },
  { responseModel: Light },
);
endpoint({ q: Query() }, ({ q }) => (q === '' ? new Response(null) : { status: 'on', level: 1 }), {
  responseModel: Light,
});
endpoint({ q: Query() }, ({ q }) => (q === '' ? new Response(null) : Promise.resolve({})), {
  responseModel: Paging,
});
endpoint({}, () => ['on', 'off'], { responseModel: z.array(z.enum(['on', 'off'])) });
endpoint({}, () => [1, 'b'], { responseModel: z.tuple([z.number(), z.string()]) });
endpoint({}, () => ['a', 1, 2], { responseModel: z.tuple([z.string()], z.number()) });
endpoint({}, () => ({ lights: [{ status: 'on', level: 1 }] }), {
  responseModel: z.object({ lights: z.array(Light) }),
});
endpoint({}, () => ({ levels: [1, { of: null }] }), { responseModel: z.json() });
const Branch = z.object({
  name: z.string(),
  get children() {
    return z.array(Branch);
  },
});
endpoint({}, () => ({ name: 'a', children: [{ name: 'b', children: [] }] }), { responseModel: Branch });
const Shape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('circle'), radius: z.int() }),
  z.object({ kind: z.literal('point') }),
]);
endpoint({}, async () => ({ kind: 'circle', radius: 1 }), { responseModel: Shape });
const lights: z.infer<typeof Light>[] = [];
endpoint({}, async () => lights, { responseModel: z.array(Light) });
endpoint({}, () => lights as readonly z.infer<typeof Light>[], { responseModel: z.array(Light) });
endpoint({}, () => ({ at: new Date(), by: new Map([['a', 1]]) }), {
  responseModel: z.object({ at: z.date(), by: z.map(z.string(), z.number()) }),
});
endpoint({}, () => new globalThis.Response(null), { responseModel: Light });
endpoint({}, () => ({ status: 'on' }), { responseModel: v.object({ status: v.picklist(['on', 'off']) }) });
endpoint({}, () => ({ status: 'on' }), { responseModel: type({ status: "'on' | 'off'" }) });
// Without a model, anything is returned or yielded.
endpoint({}, function* () {
  yield 'a';
});
endpoint({}, async function* () {
  yield { n: 1 };
});
endpoint({ q: Query() }, ({ q }) => (q === '' ? new Response(null) : Promise.resolve([q, 1])), {
  status: 201,
});
endpoint({}, () => {
  throw new HTTPException(404);
});
const untypedAnswer: unknown = 1;
endpoint({}, () => untypedAnswer, { status: 201 });
new Layer().addExceptionHandler(RequestValidationError, (_request, error) => {
  assertType<Equal<typeof error.body, unknown>>();
  return new JSONResponse({ detail: error.errors().map(({ loc, msg }) => `${loc.join('.')}: ${msg}`) });
});
