// What the pages of docs/ show in passing, in one app.
import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter, on } from 'node:events';
import { open } from 'node:fs/promises';
import http from 'node:http';
import {
  Depends,
  EventSourceResponse,
  endpoint,
  HTTPException,
  type Injected,
  Layer,
  Request,
  ServerSentEvent,
  UploadFile,
} from 'callnext';
import {
  inject,
  keepRawBody,
  mountFetch,
  toExpress,
  wrap,
} from 'callnext/express';
import express from 'express';
import { Hono } from 'hono';

export const market = new EventEmitter();
const hono = new Hono()
  .basePath('/api')
  .get('/hello', context => context.text('hello from hono'));
const auth = {
  handler: (request: globalThis.Request) =>
    new Response(`auth for ${new URL(request.url).pathname}`),
};
const layer = new Layer();

const upload = endpoint({}, async ({ request }) => {
  const form = await request.form({ maxFiles: 10, maxPartSize: 64 * 1024 });
  const file = form.get('report');
  if (!(file instanceof UploadFile)) throw new HTTPException(422, 'No file');
  return {
    name: file.filename,
    type: file.contentType,
    size: file.size,
    isOnDisk: file.path !== undefined,
  };
});

layer.addMiddleware(async (request, callNext) => {
  if (request.method !== 'PUT') return callNext(request);
  const text = await request.text();
  return callNext(
    new Request(request, { body: text.replaceAll('colour', 'color') }),
  );
});

layer.addMiddleware(async function internalOnly(request, callNext) {
  // Express ignores the case of paths, so a guard must ignore it, too.
  const isInternal = /^\/internal(\/|$)/i.test(request.path);
  if (isInternal && request.headers.get('x-key') !== 'secret')
    throw new HTTPException(403);
  return callNext(request);
});

const audit = new AsyncLocalStorage<{ user?: string }>();
layer.addMiddleware((request, callNext) =>
  audit.run({}, () => callNext(request)),
);

async function getAuditedUser({ request }: Injected) {
  const user = request.headers.get('x-user') ?? 'nobody';
  // Endpoints, native handlers, exits and tasks see it.
  Object.assign(audit.getStore() ?? {}, { user });
  return user;
}

// Express middleware sets these on `req` and `res`: a session, a user, a body.
function agentOf({ request }: Injected) {
  const { req } = request.raw as {
    req: express.Request;
    res: express.Response;
  };
  return req.get('user-agent') ?? 'nobody';
}

// This file handle is opened for one request, so dispose of it.
const openLicence = () => open('LICENSE');
const readLicence = endpoint(
  { file: Depends(openLicence, { dispose: true }) },
  async ({ file }) => {
    return { title: (await file.readFile('utf8')).split('\n', 1)[0] };
  },
);

export const orders: string[] = [];
async function* getTx() {
  const rows: string[] = [];
  yield { insert: async (row: string) => rows.push(row) };
  orders.push(...rows); // the commit
}
const tx = Depends(getTx, { scope: 'function' });

const prices = endpoint({}, ({ request }) => {
  async function* events() {
    for await (const [price] of on(market, 'price', {
      signal: request.signal,
    })) {
      yield new ServerSentEvent({
        event: 'price',
        data: price,
        id: String(price.id),
      });
    }
  }
  return new EventSourceResponse(events());
});

const app = express();
app.use(express.json({ verify: keepRawBody }));
app.post('/upload', toExpress(upload));
app.get('/prices', toExpress(prices));
app.get('/licence', toExpress(readLicence));
app.get(
  '/agent',
  toExpress(endpoint({ agent: Depends(agentOf) }, ({ agent }) => agent)),
);
app.get(
  '/audit',
  toExpress(
    endpoint({ user: Depends(getAuditedUser) }, () => audit.getStore()),
  ),
);
app.post('/orders', async (req, res) => {
  await inject(req, { tx, agent: Depends(agentOf) }, async ({ tx, agent }) => {
    res.status(201).json({ agent });
    await tx.insert(agent); // the response waits for this
  });
});
app.put('/text', express.text(), (req, res) => void res.send(req.body));
app.post('/raw', toExpress(endpoint({}, ({ request }) => request.text())));
app.get('/internal/:page', (req, res) => void res.send(req.params.page));
// On Koa: app.use(mount('/api', mountFetch(hono.fetch)))
app.use('/api', mountFetch(hono.fetch));
app.all(/^\/auth\//, mountFetch(auth.handler));

export const server = http.createServer(wrap(app, layer));
