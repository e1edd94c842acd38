import * as core from 'callnext';
import * as onExpress from 'callnext/express';
import * as onKoa from 'callnext/koa';
import { AuthCredentials, requires } from 'callnext/middleware/authentication';
import { cors } from 'callnext/middleware/cors';
import { gzip } from 'callnext/middleware/gzip';
import { sessions } from 'callnext/middleware/sessions';
import { timeout } from 'callnext/middleware/timeout';
import { toNode } from 'callnext/node';
import * as params from 'callnext/params';
import * as tasks from 'callnext/tasks';
import { override, TestClient } from 'callnext/testing';
import compression from 'compression';
import express from 'express';
import helmet from 'helmet';
import Koa from 'koa';
import { z } from 'zod';

/** The code of a mistake, which runs with the names of `scope`. */
export type Mistake = string;

/** Mistakes that the call itself rejects. */
export const whenBuilt: Readonly<Record<string, readonly Mistake[]>> = {
  'Layers and middleware': [
    'layer.addMiddleware(cors)',
    'layer.addMiddleware(helmet())',
    'layer.addMiddleware(class Auth {})',
    'layer.addMiddleware(getDb)',
    'layer.addMiddleware(readItem)',
    'layer.addMiddleware(new Layer())',
    'layer.addMiddleware(Depends(getDb))',
    'layer.addMiddleware(toExpress(layer))',
    'layer.addMiddleware(import("./timing.js"))',
    'new Layer({ middlewares: [timing] })',
    'new Layer({ middleware: timing })',
    'new Layer([timing])',
    'new Layer({ timeout: "5s" })',
    'new Layer({ maxBodySize: -1 })',
    'new Layer({ dependencies: [getDb] })',
    'new Layer({ defaultScope: "session" })',
    'new Layer({ defaultScope: "app" })',
    'new Layer({ exceptionHandlers: { 404: notFound } })',
    'new Layer({ lifespan: async () => ({ pool }) })',
    'new Layer({ lifespan: lifespan() })',
    'layer.addExceptionHandler(notFound, 404)',
    'layer.addExceptionHandler(new RangeError(), notFound)',
    'layer.addExceptionHandler(404, (error, req, res, next) => res.end())',
    'cors({ allow_origins: ["*"] })',
    'cors({ allowOrigins: "*" })',
    'timeout("5s")',
    'timeout({ timeoutMs: "5s" })',
    'gzip({ minimumSize: -1 })',
    'sessions({ secret: "s3cret" })',
    'new AuthCredentials("admin")',
  ],
  'Dependencies and endpoints': [
    'Depends(Database)',
    'Depends(getDb())',
    'Depends(Depends(getDb))',
    'Depends(requires)',
    'Depends((req, res) => req.user)',
    'Depends(getDb, { use_cache: false })',
    'Depends(getDb, { useCache: "no" })',
    'Depends(getDb, { scope: "session" })',
    'Depends(getDb, { scope: "app", useCache: false })',
    'Depends.all([Depends(getDb)])',
    'Depends(getDb, "function")',
    'Depends(getDb, { dispose: true })',
    'dependency(getUser)',
    'dependency({ db: getDb }, getUser)',
    'endpoint(({ request }) => request.path)',
    'endpoint(Depends(getDb), ({ db }) => db.all())',
    'endpoint([Depends(getDb)], ({ db }) => db.all())',
    'endpoint({ db: getDb }, ({ db }) => db.all())',
    'endpoint({ request: Depends(getDb) }, ({ request }) => request)',
    'endpoint({}, (req, res) => res.json({}))',
    'endpoint({}, Database)',
    'endpoint({}, () => null, { statusCode: 201 })',
    'endpoint({}, () => null, { status: "201" })',
    'endpoint({}, () => null, 201)',
    'override(layer, Depends(getDb), () => fakeDb)',
    'override(layer, getDb, fakeDb)',
    'override(app, getDb, () => fakeDb)',
    'layer.dependencyOverrides.set(Depends(getDb), getTestDb)',
    'backgroundTasks.addTask(sendMail("to@example.com"))',
    'new BackgroundTask(sendMail, "to@example.com")',
    'new BackgroundTask(sendMail, [], { always: true })',
    'backgroundTasks.addTask(getDb)',
  ],
  Parameters: [
    'Query("skip")',
    'Body({ name: z.string(), price: z.number() })',
    'Query(z.int(), { required: true })',
    'Query(z.int(), { alias: 1 })',
    'Path(z.int(), { default: 1 })',
    'Depends(Query(z.int()))',
    'endpoint({ skip: z.int() }, ({ skip }) => skip)',
    'endpoint({ skip: Query }, ({ skip }) => skip)',
    'endpoint(Query(z.int()), ({ skip }) => skip)',
    'endpoint({ item: Body(Item), file: File() }, function create({ item }) { return item; })',
    'endpoint({ paging: Query(Item), q: Query() }, function list({ paging }) { return paging; })',
    'new Layer({ lifespan: dependency({ q: Query() }, async function* life() { yield; }) })',
    'endpoint({ token: Header({ alias: "x token" }) }, ({ token }) => token)',
    'new Layer({ dependencies: [Query(z.int())] })',
    'endpoint({}, () => db.all(), { responseModel: Database })',
    'endpoint({}, chunks, { responseModel: Item })',
  ],
  'Mounting and testing': [
    'toExpress(gzip)',
    'toExpress(getDb)',
    'toExpress(dependency({}, getDb))',
    'toExpress([layer, readItem])',
    'toExpress(toExpress(layer))',
    'toExpress(layer, { errortap: false })',
    'toKoa(undefined)',
    'toNode(layer)',
    'wrap(layer, app)',
    'wrap(app, readItem)',
    'mountFetch(hono)',
    'fromExpress(cors())',
    'fromKoa((req, res, next) => next())',
    'errorBoundary(timing)',
    'express.json({ verify: keepRawBody() })',
    'new TestClient({ app })',
    'new TestClient(app, { baseURL: "https://example.com" })',
    'new TestClient(app).post("/items", { name: "spoon" })',
  ],
  Responses: [
    'new JSONResponse({ ok: true }, 201)',
    'new JSONResponse({ ok: true }, { statusCode: 201 })',
    'new JSONResponse({ items: db.all() })',
    'new JSONResponse(chunks())',
    'new JSONResponse(new Map([["ok", true]]))',
    'new Response({ ok: true })',
    'new StreamingResponse(chunks)',
    'new HTMLResponse(render())',
    'new RedirectResponse(301, "/login")',
    'new FileResponse(new URL("file:///srv/report.pdf"))',
    'new FileResponse("report.pdf", { filename: "a.pdf", disposition: "inline" })',
    'new HTTPException("404")',
    'new HTTPException(401, "Who?", { "www-authenticate": "Bearer" })',
    'response.setCookie("id", "1", { httponly: true })',
    'response.setCookie("id", { httpOnly: true })',
    'response.background = sendMail',
    'new ServerSentEvent("tick")',
  ],
  'Durable tasks': [
    'task("sendMail", {}, sendMail)',
    'task("send-mail", sendMail)',
    'task("send-mail", {}, chunks)',
    'task("send-mail", { task: Depends(getDb) }, sendMail)',
    'task("send-mail", {}, sendMail, { retries: 3 })',
    'backgroundTasks.addTask(welcome, { at: new Date() })',
    'backgroundTasks.addTask(welcome, [{ done: () => true }])',
    'backgroundTasks.addTask(welcome, { note: undefined })',
    'backgroundTasks.addTask(welcome, "ada", { delay: 5000 })',
    'backgroundTasks.enqueue(sendMail)',
    'layer.runTask(sendMail)',
    'new Layer({ taskQueue: "shop" })',
    'new Layer({ whenQueueFails: "retry" })',
    'runWorker(layer, [welcome])',
    'runWorker(new Layer({ taskQueue: memoryQueue() }), [sendMail])',
    'runWorker(new Layer({ taskQueue: collectingQueue() }), [welcome])',
    'outbox(getDb)',
  ],
};

/** Mistakes that only show in a request for `/`, in `onError` or as its failure. */
export const inRequests: readonly Mistake[] = [
  'layer.addMiddleware(async function twice(request, callNext) { await callNext(request); return callNext(request); })',
  'layer.addMiddleware(async function timing(request, callNext) { await callNext(request); })',
  'layer.addMiddleware(async function timing(request, callNext) { const response = callNext(request); response.headers.set("x-a", "1"); return response; })',
  'layer.addMiddleware(async function timing(request, callNext) { return callNext; })',
  'layer.addMiddleware(fromExpress(compression))',
  'app.use(toKoa(layer))',
  'koa.use(toExpress(layer))',
  'app.get("/early", toExpress(readItem)); app.use(toExpress(layer))',
  'app.use(toExpress(layer)); app.use(toExpress(layer))',
  'app.get("/", toExpress(endpoint({}, function readItem() { return new HTTPException(404); })))',
  'app.get("/", toExpress(endpoint({}, ({ request }) => request.form({ max_files: 3 }))))',
  'app.get("/", toExpress(endpoint({}, ({ request }) => request.session.userId)))',
  'app.get("/", toExpress(endpoint({}, function readItem() { return { items: db.all() }; })))',
  'app.get("/", toExpress(endpoint({}, function readFile() { return new Blob(["a"]); })))',
  'app.use(toExpress(layer)); app.get("/", (req, res, next) => { inject(req, getDb).catch(next); })',
  'app.use(toExpress(layer)); app.get("/", (req, res, next) => inject(req, Query(Item)).catch(next))',
  'app.get("/{:item_id}", toExpress(endpoint({ itemId: Path() }, ({ itemId }) => itemId)))',
  'app.get("/", toExpress(endpoint({ q: Query(z.any().refine(q => q.size() > 1)) }, ({ q }) => q)))',
  'app.use(toExpress(layer)); app.get("/", (req, res, next) => { inject(req, { db: Depends(getDb) }, function* list({ db }) { yield db.all(); }).catch(next); })',
];

class Database {
  async all(): Promise<string[]> {
    return [];
  }
}

async function* getDb(): AsyncGenerator<Database> {
  yield new Database();
}

async function* lifespan(): AsyncGenerator<object> {
  yield { pool: 1 };
}

async function* chunks(): AsyncGenerator<string> {
  yield 'a';
}

const readItem = core.endpoint({}, function readItem() {
  return null;
});

export function scope(layer: core.Layer): Record<string, unknown> {
  const names = {
    ...core,
    ...onKoa,
    ...onExpress,
    ...params,
    ...tasks,
    z,
    ...{
      AuthCredentials,
      cors,
      gzip,
      requires,
      sessions,
      timeout,
      toNode,
      override,
      TestClient,
      compression,
      express,
      helmet,
    },
    ...{ Database, chunks, getDb, lifespan, readItem },
    layer,
    app: express(),
    koa: new Koa(),
    db: new Database(),
    Item: z.object({ name: z.string() }),
    fakeDb: new Database(),
    getTestDb: () => new Database(),
    getUser: () => ({ name: 'me' }),
    welcome: tasks.task('welcome', {}, (_context, to: string) => to),
    pool: 1,
    hono: { fetch: () => new Response() },
    notFound: () => new core.Response(null, { status: 404 }),
    render: async () => '<p>',
    sendMail: async (to: string) => `to ${to}`,
    timing: async (request: core.Request, callNext: core.CallNext) => callNext(request),
    backgroundTasks: new core.BackgroundTasks(),
    response: new core.Response(),
  };
  names.app.set('env', 'test');
  names.koa.silent = true;
  return names;
}

/** Runs the code of a mistake. `import()` stands for any promise: nothing is loaded. */
export function make(mistake: Mistake, names: Record<string, unknown>): unknown {
  const text = mistake.replace(/import\([^)]*\)/, 'Promise.resolve()');
  return new Function(
    ...Object.keys(names),
    `return (${text.includes(';') ? `() => { ${text} }` : `() => ${text}`})()`,
  )(...Object.values(names));
}
