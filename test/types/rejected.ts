// Programs that must not compile: each `@ts-expect-error` is an error itself where the compiler finds none.
import {
  BackgroundTasks,
  Depends,
  dependency,
  EventSourceResponse,
  endpoint,
  FileResponse,
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

// @ts-expect-error A name that is not declared is not given.
endpoint({ one: Depends(one) }, ({ two }) => two);

// @ts-expect-error The value has the type of what the dependency gives.
endpoint({ one: Depends(one) }, ({ one: value }) => value.toUpperCase());

// @ts-expect-error A dependency is wrapped in `Depends`.
endpoint({ one }, () => 1);

// @ts-expect-error A scope is one of three.
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

// @ts-expect-error A generator can not outlive what it needs.
Depends(long, { scope: 'request' });

// @ts-expect-error Nor may there be plain functions in between.
Depends(longer, { scope: 'background' });

const open = () => ({ [Symbol.dispose]: () => undefined });
const opensLong = dependency({ inner: Depends(short, { scope: 'function' }) }, open);
const holdsShort = dependency(
  { opened: Depends(open, { dispose: true, scope: 'function' }) },
  async function* ({ opened }) {
    yield opened;
  },
);

// @ts-expect-error What is disposed can not outlive what it needs.
Depends(opensLong, { dispose: true, scope: 'request' });

// @ts-expect-error Nor can what needs it outlive it.
Depends(holdsShort, { scope: 'request' });

// @ts-expect-error Only what can be disposed is disposed.
Depends(one, { dispose: true });

// @ts-expect-error And what may not be there can not.
Depends(() => (Math.random() > 0.5 ? open() : undefined), { dispose: true });

// @ts-expect-error A generator has an exit of its own.
Depends(short, { dispose: true });

// @ts-expect-error The name of an injected object is taken.
endpoint({ request: Depends(one) }, () => 1);

// @ts-expect-error In a dependency, too.
dependency({ backgroundTasks: Depends(one) }, () => 1);

// @ts-expect-error And in `run`.
new Layer().run({ response: Depends(one) }, () => 1);

// @ts-expect-error What is run is given what it declares and nothing else.
new Layer().run({ one: Depends(one) }, ({ two }) => two);

// @ts-expect-error A lifespan is a generator.
new Layer({ lifespan: async () => ({ pool: 1 }) });

// @ts-expect-error It yields an object.
new Layer({ lifespan: nothing });
function* nothing() {
  yield 'pool';
}

// @ts-expect-error The time is a number of milliseconds.
new Layer().close({ timeoutMs: '10s' });

// @ts-expect-error The default scope is one of three.
new Layer({ defaultScope: 'session' });

// @ts-expect-error `Depends` takes the function, not its result.
Depends(one());

// @ts-expect-error A dependency is given what it declares and nothing else.
dependency({ one: Depends(one) }, ({ two }) => two);

// @ts-expect-error A middleware returns a response.
const silent: Middleware = async (request, callNext) => {
  await callNext(request);
};

// @ts-expect-error A layer's dependencies are a list.
new Layer({ dependencies: { one: Depends(one) } });

// @ts-expect-error The arguments of a task are those of its function.
new BackgroundTasks().addTask((name: string) => name, 1);

// @ts-expect-error A handler for an error class gets that error.
new Layer().addExceptionHandler(RangeError, (_request, exception: SyntaxError & { extra: 1 }) => exception);

// @ts-expect-error Neither a layer nor a middleware nor an endpoint.
toExpress({ one });

// @ts-expect-error A layer needs something to be around.
toNode(new Layer());

// @ts-expect-error A dependency is wrapped in `Depends`.
inject({}, one);

// @ts-expect-error The value has the type of what the dependency gives.
inject({}, Depends(one)).then(value => value.toUpperCase());

// @ts-expect-error A request is no context.
injectKoa({}, Depends(one));

// @ts-expect-error Each of several is wrapped in `Depends`.
inject({}, { one });

// @ts-expect-error The name of an injected object is taken.
inject({}, { request: Depends(one) });

// @ts-expect-error A name that is not declared is not given.
inject({}, { one: Depends(one) }).then(({ two }) => two);

// @ts-expect-error Nor to the block.
inject({}, { one: Depends(one) }, ({ two }) => two);

// @ts-expect-error The block is given values of their types.
inject({}, { one: Depends(one) }, ({ one: value }) => value.toUpperCase());

// @ts-expect-error It gives what it returns.
inject({}, { one: Depends(one) }, ({ one: value }) => value).then(value => value.toUpperCase());

// @ts-expect-error A block takes dependencies by name.
inject({}, Depends(one), value => value);

// @ts-expect-error A block is a function.
inject({}, { one: Depends(one) }, 'block');

// @ts-expect-error A boundary is of a layer.
errorBoundary(silent);

// @ts-expect-error A listener is no Express app.
wrap(() => undefined, new Layer());

// @ts-expect-error A timeout is a number of milliseconds.
new Layer({ timeout: '10s' });

// @ts-expect-error A size is a number of bytes.
new Layer({ maxBodySize: '1mb' });

// @ts-expect-error A Fetch handler is a function: `mountFetch(app.fetch)`.
mountFetch({ fetch: () => new globalThis.Response() });

// @ts-expect-error A handler that takes no Fetch request.
mountFetch((request: { readonly body: number }) => new globalThis.Response(String(request.body)));

// @ts-expect-error Browsers know three of them.
new Response().setCookie('a', '1', { sameSite: 'some' });

// @ts-expect-error A file is shown or saved.
new FileResponse('/x', { contentDispositionType: 'shown' });

// @ts-expect-error Milliseconds.
new EventSourceResponse([], { pingInterval: '15s' });

// @ts-expect-error An event has one line of type.
new ServerSentEvent({ event: 1 });

endpoint({}, async ({ request }) => {
  // @ts-expect-error The limits are numbers.
  await request.form({ maxFiles: 'many' });
  // @ts-expect-error What a client has sent is not set.
  request.cookies.a = '1';
  // @ts-expect-error The path is that of the url: `new Request(request, { url })`.
  request.path = '/';
});

// @ts-expect-error Options are in camelCase.
cors({ allow_origins: ['*'] });

// @ts-expect-error A list.
cors({ allowOrigins: '*' });

// @ts-expect-error It speaks two of them.
gzip({ encodings: ['zstd'] });

// @ts-expect-error There is no secret by default.
sessions({});

// @ts-expect-error Browsers know three of them.
sessions({ secretKey: 's', sameSite: 'Lax' });

// @ts-expect-error How much?
bodyLimit({});

// @ts-expect-error A backend has a method.
authentication({ backend: () => null });

// @ts-expect-error A scope is a text.
requires(1);

// @ts-expect-error A limiter is made before.
rateLimit({ limiter: { points: 1, duration: 1 } });

// @ts-expect-error A middleware of Express, not the package.
fromExpress({ helmet: () => undefined });

// @ts-expect-error An error handler is none.
fromKoa('cors');

endpoint({}, ({ request }) => {
  // @ts-expect-error What a backend says is not set by others.
  request.user = { isAuthenticated: true, displayName: 'me' };
  // @ts-expect-error Scopes are only read.
  request.auth.scopes.push('admin');
});

export { silent };

// @ts-expect-error A class of responses, not a response.
endpoint({}, () => 1, { responseClass: new Response() });

// @ts-expect-error A class of callnext: the platform's sends what it is given as it is.
endpoint({}, () => 1, { responseClass: globalThis.Response });

// @ts-expect-error An encoding is one of two.
new Response().setCookie('a', 'b', { encoding: 'base64' });

// @ts-expect-error A response is no request.
tasksOfKoa({ body: 'text' });
// @ts-expect-error The arguments of a task are those of its function.
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

// @ts-expect-error A model is a schema.
endpoint({}, () => 1, { responseModel: Number });
