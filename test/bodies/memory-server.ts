// Run by memory.test.ts in its own process: reports its memory while a request is being read, and after that.
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { EventSourceResponse, endpoint, Layer, type Request, Response } from 'callnext';
import { gzip } from 'callnext/middleware/gzip';
import { gate } from '../support/events.js';
import { express5Framework, koa3Framework } from '../support/frameworks.js';

const read: Record<string, (request: Request) => Promise<unknown>> = {
  form: async request => [...(await request.form())].length,
  text: async request => (await request.text()).length,
  async body(request) {
    let size = 0;
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) size += chunk.byteLength;
    return size;
  },
};

const [, , framework] = process.argv;
const done = gate<unknown>();
let socket: Socket | undefined;

/** Keeps the request, with everything that belongs to it, after it was read. */
const reading = endpoint({}, async ({ request }) => {
  const reader = read[request.headers.get('x-reader') ?? ''];
  done.open(await reader?.(request));
  await new Promise(() => undefined);
});

const silent = endpoint({}, () => {
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
  return new EventSourceResponse(never, { pingInterval: 1 });
});

const tiny = endpoint({}, ({ request }) => {
  const size = Number(request.headers.get('x-size'));
  async function* bytes(): AsyncGenerator<string> {
    for (let sent = 0; sent < size; sent += 1) yield 'a';
  }
  return new Response(bytes(), { headers: { 'content-length': String(size) } });
});

/** The first form loads the parser and Node's Fetch, which stay in memory. */
const first = endpoint({}, ({ request }) => read.form?.(request));

const app = (framework === 'Koa 3' ? koa3Framework : express5Framework).app().use(new Layer());
app.at('/first', first).at('/read', reading).at('/silent', silent).at('/tiny', gzip(), tiny);
const server = http.createServer(app.listener()).on('connection', opened => {
  socket = opened;
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const headers = { 'content-type': 'multipart/form-data; boundary=b', connection: 'close' };
  const request = http.request({ port, path: '/first', method: 'POST', headers }, response =>
    response.resume().once('end', () => process.send?.(port)),
  );
  request.end('--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\na\r\n--b--\r\n');
});

/** A number waits for that many bytes on the last connection, `read` for the end of the reading. */
process.on('message', async (awaited: number | 'read' | 'now') => {
  const result = awaited === 'read' ? await done.opened : undefined;
  while (typeof awaited === 'number' && (socket?.bytesRead ?? 0) < awaited) await setImmediate();
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ held: heapUsed + external, result });
});
