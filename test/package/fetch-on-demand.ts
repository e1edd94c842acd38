/**
 * Answers one request natively and two with endpoints, and reports which parts of Fetch were loaded by
 * then.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { endpoint, Layer, type Middleware, type Request, Response } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

/** Reading a property of the class would load it. */
const isLoaded = (): boolean =>
  (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList.some(name =>
    name.endsWith('undici/undici'),
  );

let seen: Request | undefined;
const app = express();
const layer = new Layer();
layer.addMiddleware(async (request, callNext) => {
  seen = request;
  const response = await callNext(request);
  response.headers.set('x-layer', '1');
  return response;
});
app.use(toExpress(layer));
app.get('/native', (_req, res) => {
  res.json({ native: true });
});
app.get('/endpoint', toExpress(endpoint({}, () => ({ native: false }))));
async function* chunks() {
  yield 'a';
}
const replace: Middleware = async (request, callNext) => new Response(chunks(), await callNext(request));
app.get('/streamed', toExpress(replace), toExpress(endpoint({}, () => new Response(chunks()))));

const get = (port: number, path: string): Promise<unknown> =>
  new Promise(resolve => http.get({ port, path }, response => response.resume().once('end', resolve)));

const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo;
  await get(port, '/native');
  await get(port, '/endpoint');
  await get(port, '/streamed');
  const before = isLoaded();
  const isRequest = seen instanceof globalThis.Request;
  process.send?.({ before, isRequest, after: isLoaded(), hasThen: 'then' in (seen as object) });
  server.close();
});
