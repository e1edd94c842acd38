import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { endpoint, Headers, Layer, Request } from 'callnext';
import { toNode } from 'callnext/node';
import { frameworks, listening } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const seen = endpoint({}, ({ request: { headers, cookies, queryParams } }) => ({
  x: [headers.get('x'), headers.getAll('X')],
  once: [headers.get('user-agent'), headers.getAll('user-agent')],
  cookie: [headers.get('cookie'), headers.getAll('cookie')],
  none: [headers.get('none'), headers.getAll('none')],
  cookies: { ...cookies },
  query: [queryParams.get('q'), queryParams.getAll('q')],
}));

const expected = {
  x: ['1, 2, 3', ['1, 2', '3']],
  once: ['a', ['a', 'b']],
  cookie: ['a=1; b=2; a=3', ['a=1; b=2', 'a=3']],
  none: [null, []],
  cookies: { a: '1', b: '2' },
  query: ['1', ['1', '2']],
};

const lines = ['X: 1, 2', 'User-Agent: a', 'Cookie: a=1; b=2', 'x: 3', 'user-agent: b', 'cookie: a=3'];

async function sendTwice(port: number): Promise<unknown> {
  const head = ['GET /?q=1&q=2 HTTP/1.1', 'Host: h', 'Connection: close', ...lines, '', ''].join('\r\n');
  const { bytes } = await record(port, head);
  return JSON.parse(bytes.slice(bytes.indexOf('\r\n\r\n') + 4));
}

describe.each(frameworks)('what comes several times on $name', ({ app }) => {
  it('is the first or joined, and complete with `getAll`', async () => {
    const listener = app().use(new Layer()).at('/', seen).listener();
    expect(await listening(listener, (_url, port) => sendTwice(port))).toEqual(expected);
  });

  it('is kept in a request that is made from it', async () => {
    const layer = new Layer({
      middleware: [
        (request, callNext) => callNext(new Request(request, { headers: request.headers, method: 'GET' })),
      ],
    });
    const listener = app().use(layer).at('/', seen).listener();
    expect(await listening(listener, (_url, port) => sendTwice(port))).toEqual(expected);
  });

  it('is what it was set to, on either side', async () => {
    const layer = new Layer({
      middleware: [
        (request, callNext) => {
          request.headers.set('x', '1, 2');
          request.headers.set('user-agent', 'a');
          (request.raw as { req: { headers: Record<string, string> } }).req.headers.cookie = 'a=1';
          return callNext(request);
        },
      ],
    });
    const listener = app().use(layer).at('/', seen).listener();
    expect(await listening(listener, (_url, port) => sendTwice(port))).toMatchObject({
      x: ['1, 2', ['1, 2']],
      once: ['a', ['a']],
      cookie: ['a=1', ['a=1']],
      cookies: { a: '1' },
    });
  });
});

it('repeated HTTP/2 headers appear in `getAll`, and split cookies are joined', async () => {
  const server = http2.createServer(toNode(seen) as never).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const headers = { ':path': '/?q=1&q=2', x: ['1, 2', '3'], cookie: ['a=1; b=2', 'a=3'] };
  const stream = client.request(headers).setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += chunk;
  client.close();
  await new Promise(resolve => server.close(resolve));
  const { x, cookie, cookies, query } = expected;
  expect(JSON.parse(text)).toMatchObject({ x, cookie, cookies, query });
});

it('appended values appear in `getAll` until the header is set anew', () => {
  const headers = new Headers([
    ['accept', 'a, b'],
    ['Accept', 'c'],
    ['set-cookie', 'd'],
  ]);
  expect([headers.get('accept'), headers.getAll('accept')]).toEqual(['a, b, c', ['a, b', 'c']]);
  headers.append('set-cookie', 'e');
  expect(headers.getAll('set-cookie')).toEqual(['d', 'e']);
  headers.set('accept', 'x');
  expect([headers.getAll('accept'), new Headers(headers).getAll('accept')]).toEqual([['x'], ['x']]);
});
