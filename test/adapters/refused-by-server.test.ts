// Tests bytes that a client sends after a request in progress: the server itself answers them on the same
// connection.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { endpoint, Layer, type Middleware } from 'callnext';
import { EventLog } from '../support/events.js';
import { mounts, type TestApp } from '../support/frameworks.js';
import { record } from '../support/wire.js';

const request = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
const refusal = (status: string): string => `HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`;

/** Each with the bytes after the request, and the server's answer. */
const refused: [what: string, behind: string, prepare: (server: http.Server) => void, bytes: string][] = [
  ['garbage', 'BOOM\r\n\r\n', () => undefined, refusal('400 Bad Request')],
  [
    'a head that is too large',
    `GET / HTTP/1.1\r\nx-large: ${'a'.repeat(20_000)}`,
    () => undefined,
    refusal('431 Request Header Fields Too Large'),
  ],
  ['a head that does not end', 'GET / HTTP/1.1\r\n', () => undefined, refusal('408 Request Timeout')],
  [
    "garbage for the app's own listener",
    'BOOM\r\n\r\n',
    server => server.on('clientError', (_error, socket) => socket.end(refusal('400 Mine'))),
    refusal('400 Mine'),
  ],
];

/** Native code and an endpoint that answer after the connection is gone. */
const handlers: [what: string, mount: (app: TestApp, answer: () => Promise<string>) => TestApp][] = [
  ['a native handler', (app, answer) => app.native('/', async (_req, res) => res.end(await answer()))],
  ["the framework's own answer", (app, answer) => app.handler('/', async own => own.send(await answer()))],
  ['an endpoint', (app, answer) => app.at('/', endpoint({}, answer))],
];

describe.each(mounts)('on $name, a request', ({ app }) => {
  it.each(refused.flatMap(row => handlers.map(handler => [row[0], handler[0], row, handler] as const)))(
    'followed by %s counts as one whose client left: %s',
    async (_what, _handler, [, behind, prepare, bytes], [, mount]) => {
      const log = new EventLog();
      const errors: unknown[] = [];
      const setting: Middleware = async (asked, callNext) => {
        const response = await callNext(asked);
        response.headers.set('x-late', '1');
        return response;
      };
      const layer = new Layer({ middleware: [setting], onError: error => errors.push(error) });
      const answer = async (): Promise<string> => {
        await log.until('closed');
        return 'late';
      };
      const listener = mount(app().use(layer), answer).listener();
      const server = http.createServer(
        { connectionsCheckingInterval: 10, headersTimeout: 50, requestTimeout: 50 },
        (req, res) => {
          req.socket.once('close', () => log.add('closed'));
          listener(req, res);
        },
      );
      prepare(server);
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
      const got = await record((server.address() as AddressInfo).port, request + behind);
      await layer.close();
      await new Promise(resolve => server.close(resolve));
      expect([got.bytes, errors]).toEqual([bytes, []]);
    },
  );
});
