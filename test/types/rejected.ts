// Programs that must not compile: an `@ts-expect-error` without an error is itself an error.
import {
  type AppContext,
  BackgroundTasks,
  Depends,
  dependency,
  EventSourceResponse,
  endpoint,
  FileResponse,
  type Injected,
  Layer,
  type Middleware,
  Response,
  ServerSentEvent,
} from 'callnext';
import {
  backgroundTasks,
  errorBoundary,
  fromExpress,
  inject,
  mountFetch,
  toExpress,
  wrap,
} from 'callnext/express';
import { fromKoa, inject as injectKoa, backgroundTasks as tasksOfKoa } from 'callnext/koa';
import { authentication, requires } from 'callnext/middleware/authentication';
import { bodyLimit } from 'callnext/middleware/body-limit';
import { cors } from 'callnext/middleware/cors';
import { gzip } from 'callnext/middleware/gzip';
import { rateLimit } from 'callnext/middleware/rate-limit';
import { sessions } from 'callnext/middleware/sessions';
import { toNode } from 'callnext/node';
import { Cookie, Path, Query } from 'callnext/params';
import { z } from 'zod';

const one = () => 1;

// @ts-expect-error An undeclared name is not available.
endpoint({ one: Depends(one) }, ({ two }) => two);

// @ts-expect-error The value has the type of its dependency.
endpoint({ one: Depends(one) }, ({ one: value }) => value.toUpperCase());

// @ts-expect-error A dependency must be wrapped in `Depends`.
endpoint({ one }, () => 1);

// @ts-expect-error There are three scopes.
Depends(one, { scope: 'session' });

async function* short() {
  yield 1;
}
const long = dependency({ inner: Depends(short, { scope: 'function' }) }, async function* ({ inner }) {
  yield inner;
});
const handsOn = dependency({ inner: Depends(short, { scope: 'function' }) }, ({ inner }) => inner);
const longer = dependency({ inner: Depends(handsOn) }, async function* ({ inner }) {
  yield inner;
});

// @ts-expect-error A generator cannot outlive its dependencies.
Depends(long, { scope: 'request' });

// @ts-expect-error Not even through plain functions.
Depends(longer, { scope: 'background' });

// @ts-expect-error A dependency of scope `app` is given no request.
Depends(({ request }: Injected) => request.path, { scope: 'app' });

// @ts-expect-error One that is given `signal` and `state` is of no other scope.
Depends(({ signal }: AppContext) => signal, { scope: 'request' });

const needsShort = dependency({ inner: Depends(short, { scope: 'background' }) }, ({ inner }) => inner);
const needsUnnamed = dependency({ inner: Depends(one) }, ({ inner }) => inner);
const getsSignal = dependency(
  { inner: Depends(one, { scope: 'app' }) },
  ({ signal }: { inner: number } & AppContext) => signal,
);

// @ts-expect-error It cannot outlive what it needs, with an exit or without.
Depends(needsShort, { scope: 'app' });

// @ts-expect-error What it needs names the scope, too.
Depends(needsUnnamed, { scope: 'app' });

const getPage = dependency({ page: Query() }, ({ page }) => page);

// @ts-expect-error It has no request whose parameters it could read.
Depends(getPage, { scope: 'app' });

// @ts-expect-error A lifespan has none either.
new Layer({ lifespan: dependency({ page: Query() }, noState) });

// @ts-expect-error A declared one that is given `signal` is of that scope.
Depends(getsSignal);

// @ts-expect-error Its value is shared.
Depends(one, { scope: 'app', useCache: false });

// @ts-expect-error It is not the default.
new Layer({ defaultScope: 'app' });

// @ts-expect-error A lifespan needs what lives as long.
new Layer({ lifespan: dependency({ inner: Depends(short) }, noState) });
function* noState() {
  yield;
}

const pools = new Layer({
  lifespan: async function* () {
    yield { pool: one };
  },
});

// @ts-expect-error The lifespan yields another type.
pools.addMiddleware((request, callNext) => callNext(request.state.pool));

// @ts-expect-error It yields nothing of that name, so the type is unknown.
pools.run({}, ({ request }) => request.state.pools());

// @ts-expect-error A layer without a lifespan has no such state.
new Layer().run({}, ({ request }) => request.state.pool());

// @ts-expect-error An exception handler also runs if the lifespan fails.
pools.addExceptionHandler(Error, request => Response.json(request.state.pool()));

// @ts-expect-error Each of several is wrapped in `Depends`.
Depends.all({ one });

const open = () => ({ [Symbol.dispose]: () => undefined });
const opensLong = dependency({ inner: Depends(short, { scope: 'function' }) }, open);
const holdsShort = dependency(
  { opened: Depends(open, { dispose: true, scope: 'function' }) },
  async function* ({ opened }) {
    yield opened;
  },
);

// @ts-expect-error A disposed value cannot outlive its dependencies.
Depends(opensLong, { dispose: true, scope: 'request' });

// @ts-expect-error Its users cannot outlive it either.
Depends(holdsShort, { scope: 'request' });

// @ts-expect-error Only disposable values can be disposed.
Depends(one, { dispose: true });

// @ts-expect-error A value that may be missing cannot be disposed.
Depends(() => (Math.random() > 0.5 ? open() : undefined), { dispose: true });

// @ts-expect-error A generator already has an exit.
Depends(short, { dispose: true });

// @ts-expect-error The name of an injected object is reserved.
endpoint({ request: Depends(one) }, () => 1);

// @ts-expect-error In a dependency too.
dependency({ backgroundTasks: Depends(one) }, () => 1);

// @ts-expect-error In `run` too.
new Layer().run({ response: Depends(one) }, () => 1);

// @ts-expect-error The function of `run` only receives declared dependencies.
new Layer().run({ one: Depends(one) }, ({ two }) => two);

// @ts-expect-error A lifespan must be a generator.
new Layer({ lifespan: async () => ({ pool: 1 }) });

// @ts-expect-error A lifespan must yield an object.
new Layer({ lifespan: nothing });
function* nothing() {
  yield 'pool';
}

// @ts-expect-error The time must be a number of milliseconds.
new Layer().close({ timeoutMs: '10s' });

// @ts-expect-error The default scope must be one of three.
new Layer({ defaultScope: 'session' });

// @ts-expect-error `Depends` takes the function, not its result.
Depends(one());

// @ts-expect-error A dependency only receives what it declares.
dependency({ one: Depends(one) }, ({ two }) => two);

// @ts-expect-error A middleware must return a response.
const silent: Middleware = async (request, callNext) => {
  await callNext(request);
};

// @ts-expect-error A layer's dependencies must be a list.
new Layer({ dependencies: { one: Depends(one) } });

// @ts-expect-error The arguments must match the function of the task.
new BackgroundTasks().addTask((name: string) => name, 1);

// @ts-expect-error A handler receives the error class it is registered for.
new Layer().addExceptionHandler(RangeError, (_request, exception: SyntaxError & { extra: 1 }) => exception);

// @ts-expect-error Not a layer, a middleware or an endpoint.
toExpress({ one });

// @ts-expect-error A layer needs a listener below it.
toNode(new Layer());

// @ts-expect-error A dependency must be wrapped in `Depends`.
inject({}, one);

// @ts-expect-error The value has the type of its dependency.
inject({}, Depends(one)).then(value => value.toUpperCase());

// @ts-expect-error A request is not a context.
injectKoa({}, Depends(one));

// @ts-expect-error Each dependency must be wrapped in `Depends`.
inject({}, { one });

// @ts-expect-error The name of an injected object is reserved.
inject({}, { request: Depends(one) });

// @ts-expect-error An undeclared name is not available.
inject({}, { one: Depends(one) }).then(({ two }) => two);

// @ts-expect-error Not in the block either.
inject({}, { one: Depends(one) }, ({ two }) => two);

// @ts-expect-error The block receives values of their types.
inject({}, { one: Depends(one) }, ({ one: value }) => value.toUpperCase());

// @ts-expect-error The result is that of the block.
inject({}, { one: Depends(one) }, ({ one: value }) => value).then(value => value.toUpperCase());

// @ts-expect-error A block takes named dependencies.
inject({}, Depends(one), value => value);

// @ts-expect-error A block must be a function.
inject({}, { one: Depends(one) }, 'block');

// @ts-expect-error A boundary needs a layer.
errorBoundary(silent);

// @ts-expect-error A listener is not an Express app.
wrap(() => undefined, new Layer());

// @ts-expect-error A timeout must be a number of milliseconds.
new Layer({ timeout: '10s' });

// @ts-expect-error A size must be a number of bytes.
new Layer({ maxBodySize: '1mb' });

// @ts-expect-error A Fetch handler is a function: `mountFetch(app.fetch)`.
mountFetch({ fetch: () => new globalThis.Response() });

// @ts-expect-error A handler must accept a Fetch request.
mountFetch((request: { readonly body: number }) => new globalThis.Response(String(request.body)));

// @ts-expect-error There are three values of `sameSite`.
new Response().setCookie('a', '1', { sameSite: 'some' });

// @ts-expect-error A file is shown inline or saved.
new FileResponse('/x', { contentDispositionType: 'shown' });

// @ts-expect-error The retry time must be in milliseconds.
new EventSourceResponse([], { pingInterval: '15s' });

// @ts-expect-error An event type must be a string.
new ServerSentEvent({ event: 1 });

endpoint({}, async ({ request }) => {
  // @ts-expect-error The limits are numbers.
  await request.form({ maxFiles: 'many' });
  // @ts-expect-error The client's cookies are read-only.
  request.cookies.a = '1';
  // @ts-expect-error The path is that of the url: `new Request(request, { url })`.
  request.path = '/';
});

// @ts-expect-error Options are in camelCase.
cors({ allow_origins: ['*'] });

// @ts-expect-error The origins must be a list.
cors({ allowOrigins: '*' });

// @ts-expect-error There are two encodings.
gzip({ encodings: ['zstd'] });

// @ts-expect-error There is no secret by default.
sessions({});

// @ts-expect-error There are three values of `sameSite`.
sessions({ secretKey: 's', sameSite: 'Lax' });

// @ts-expect-error The limit is required.
bodyLimit({});

// @ts-expect-error A backend must have a method.
authentication({ backend: () => null });

// @ts-expect-error A scope must be a string.
requires(1);

// @ts-expect-error A limiter must be constructed first.
rateLimit({ limiter: { points: 1, duration: 1 } });

// @ts-expect-error An object is not a middleware.
fromExpress({ helmet: () => undefined });

// @ts-expect-error An error handler is not a middleware.
fromKoa('cors');

endpoint({}, ({ request }) => {
  // @ts-expect-error `request.user` is read-only.
  request.user = { isAuthenticated: true, displayName: 'me' };
  // @ts-expect-error Scopes are read-only.
  request.auth.scopes.push('admin');
});

export { silent };

// @ts-expect-error A response is not a response class.
endpoint({}, () => 1, { responseClass: new Response() });

// @ts-expect-error The platform's class would send the value unserialized.
endpoint({}, () => 1, { responseClass: globalThis.Response });

// @ts-expect-error There are two encodings.
new Response().setCookie('a', 'b', { encoding: 'base64' });

// @ts-expect-error A response is not a request.
tasksOfKoa({ body: 'text' });
// @ts-expect-error The arguments must match the function of the task.
backgroundTasks({}).addTask((to: string) => to, 1);

// @ts-expect-error A schema is wrapped in a parameter.
endpoint({ page: z.int() }, () => 1);

// @ts-expect-error The value has the type of the schema's output.
endpoint({ page: Query(z.int()) }, ({ page }) => page.toUpperCase());

// @ts-expect-error Without a schema it is a text.
endpoint({ page: Query() }, ({ page }) => page.toFixed());

// @ts-expect-error An optional one may be missing.
endpoint({ page: Query(z.int().optional()) }, ({ page }) => page.toFixed());

// @ts-expect-error A parameter is called.
endpoint({ page: Query }, () => 1);

// @ts-expect-error The path has what it has.
Path(z.int(), { default: 1 });

// @ts-expect-error A cookie comes once.
Cookie(z.string(), { multiple: true });

// @ts-expect-error Only a body is embedded.
Query(z.int(), { embed: true });

// @ts-expect-error Only headers have dashes for underscores.
Query(z.int(), { convertUnderscores: false });

// @ts-expect-error A type is no schema.
Query(Number);

// @ts-expect-error The name of an injected object is taken.
endpoint({ request: Query() }, () => 1);

// @ts-expect-error A parameter is not a dependency function.
Depends(Query());

// @ts-expect-error A parameter has no value that a layer could give away.
new Layer({ dependencies: { page: Query() } });

// @ts-expect-error There is one thing to say.
new Layer({ validationErrors: { ctx: false } });

// @ts-expect-error The value has the type of the schema's output.
inject({}, Query(z.int(), { alias: 'page' })).then(page => page.toUpperCase());

// @ts-expect-error What is returned fits the model.
endpoint({}, () => ({ name: 1 }), { responseModel: z.object({ name: z.string() }) });

// @ts-expect-error In a promise, too.
endpoint({}, async () => 'text', { responseModel: z.object({ name: z.string() }) });

// @ts-expect-error Also with dependencies.
endpoint({ one: Depends(one) }, ({ one: name }) => ({ name }), {
  responseModel: z.object({ name: z.string() }),
});

const Light = z.object({ status: z.enum(['on', 'off']), level: z.number().nullable() });

// @ts-expect-error The enum has no such value.
endpoint({}, () => ({ status: 'dim', level: 1 }), { responseModel: Light });

// @ts-expect-error A property is missing in what is promised.
endpoint({ page: Query(z.int()) }, async ({ page: _page }) => ({ status: 'on' }), { responseModel: Light });

// @ts-expect-error One branch does not fit.
endpoint({ page: Query(z.int()) }, ({ page }) => (page > 1 ? { status: 'on', level: 1 } : 'off'), {
  responseModel: Light,
});

// @ts-expect-error The items of the list do not fit.
endpoint({}, () => [1], { responseModel: z.array(z.enum(['on', 'off'])) });

// @ts-expect-error The tuple has another order.
endpoint({}, () => ['b', 1], { responseModel: z.tuple([z.number(), z.string()]) });

// @ts-expect-error The rest of the tuple comes last.
endpoint({}, () => [1, 2, 'a'], { responseModel: z.tuple([z.string()], z.number()) });

// @ts-expect-error A text is not a date.
endpoint({}, () => ({ at: '2026-11-29' }), { responseModel: z.object({ at: z.date() }) });

// @ts-expect-error A generator sends each value by itself.
endpoint({}, () => nothing(), { responseModel: Light });

// @ts-expect-error A model is a schema.
endpoint({}, () => 1, { responseModel: Number });
