import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { endpoint, Layer, type Middleware, Request, Response } from 'callnext';
import { toNode } from 'callnext/node';
import { type Framework, mounts } from '../support/frameworks.js';
import { record } from '../support/wire.js';

/** A request: its line without the version, its other headers, its body. */
type Asked = readonly [line: string, headers: string, body: string];

const asked: readonly Asked[] = [
  ['GET /raw', '', ''],
  ['HEAD /raw', '', ''],
  ['POST /raw', '', ''],
  ['GET /framework', '', ''],
  ['GET /failing', '', ''],
  ['GET /nothing', '', ''],
  ['POST /nothing', '', ''],
  ['POST /echo', '', ''],
  ['POST /echo', 'Content-Length: 4\r\n', 'body'],
  ['POST /echo', 'Transfer-Encoding: chunked\r\n', '4\r\nbody\r\n0\r\n\r\n'],
];

const passing: Middleware = (request, callNext) => callNext(request);
const reading: Middleware = async (request, callNext) => {
  await request.text();
  const response = await callNext(request);
  await response.arrayBuffer();
  return response;
};
const replacing: Middleware = async (request, callNext) => {
  await callNext(request);
  return new Response('instead', { status: 299, statusText: 'Odd', headers: { 'x-a': 'b' } });
};
const changing: Middleware = (request, callNext) =>
  callNext(new Request(request, { method: 'PUT', headers: { 'x-changed': '1' } }));

/** Sends raw requests, each on its own connection. Returns all bytes except the dates. */
async function wire(
  listener: http.RequestListener,
  version: string,
  all: readonly Asked[],
): Promise<string[]> {
  // The strict parser accepts 2.0, the lenient one any two digits.
  const server = http.createServer({ insecureHTTPParser: version !== 'HTTP/2.0' }, listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const one = async ([line, headers, body]: Asked): Promise<string> => {
    const sent = `${line} ${version}\r\nHost: test\r\nConnection: close\r\n${headers}\r\n${body}`;
    const { bytes } = await record(port, sent);
    return bytes.replace(/\r\nDate: [^\r]*/gi, '');
  };
  try {
    return await Promise.all(all.map(one));
  } finally {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
}

async function echo(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part);
  res.end(`${req.method} ${req.headers['x-changed']} ${Buffer.concat(parts)}`);
}

function raw(_req: http.IncomingMessage, res: http.ServerResponse): void {
  res.writeHead(201, { 'x-a': '1' });
  res.write('one');
  res.end('two');
}

/** An app, bare or inside middleware. */
function app(framework: Framework, ...middleware: Middleware[]): http.RequestListener {
  const mounted = framework.app();
  if (middleware.length > 0) mounted.use(new Layer({ middleware, onError: () => undefined }));
  return mounted
    .native('/raw', raw)
    .native('/echo', echo)
    .handler('/framework', answer => answer.set('x-a', '1').status(202).send({ ok: true }))
    .handler('/failing', () => {
      throw Object.assign(new Error('failed'), { status: 418, expose: true, stack: 'failed' });
    })
    .listener();
}

describe.each(['HTTP/2.0', 'HTTP/2.1', 'HTTP/9.9'])('an HTTP/1 request line that says %s', version => {
  describe.each(mounts)('on $name', framework => {
    it('is answered as without a layer', async () => {
      const native = await wire(app(framework), version, asked);
      expect(native.map(bytes => bytes.slice(0, 9))).toEqual(asked.map(() => 'HTTP/1.1 '));
      expect(await wire(app(framework, passing), version, asked)).toEqual(native);
      expect(await wire(app(framework, reading), version, asked)).toEqual(native);
    });

    it('is answered by an endpoint with the body that was sent', async () => {
      const text = endpoint({}, async ({ request }) => ({ text: await request.text() }));
      const listener = framework.app().use(passing).at('/', text).listener();
      const [bytes] = await wire(listener, version, [['POST /', 'Content-Length: 4\r\n', 'body']]);
      expect(bytes).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\{"text":"body"\}$/);
    });

    it('is answered by a middleware in place of what is below, with its reason phrase', async () => {
      const paths = ['GET /raw', 'GET /framework', 'GET /nothing'].map(line => [line, '', ''] as const);
      for (const bytes of await wire(app(framework, replacing), version, paths))
        expect(bytes).toMatch(/^HTTP\/1\.1 299 Odd\r\n(.+\r\n)*x-a: b\r\n(.+\r\n)*\r\ninstead$/);
    });

    it('shows native code what a middleware has changed', async () => {
      const [bytes] = await wire(app(framework, changing), version, [['GET /echo', '', '']]);
      expect(bytes).toMatch(/\r\n\r\nPUT 1 $/);
    });
  });

  it('is answered by a node:http listener as without a layer', async () => {
    for (const listener of [raw, echo]) {
      const native = await wire(listener, version, asked);
      expect(await wire(toNode(passing, listener), version, asked)).toEqual(native);
      expect(await wire(toNode(reading, listener), version, asked)).toEqual(native);
    }
  });
});

it('leaves a `stream` that an app set on its HTTP/1 messages alone', async () => {
  const own = (listener: http.RequestListener): http.RequestListener => {
    return (req, res) => listener(Object.assign(req, { stream: {} }), Object.assign(res, { stream: {} }));
  };
  const native = await wire(own(raw), 'HTTP/1.1', asked);
  expect(await wire(own(toNode(passing, raw)), 'HTTP/1.1', asked)).toEqual(native);
  expect(await wire(own(toNode(reading, raw)), 'HTTP/1.1', asked)).toEqual(native);
});
