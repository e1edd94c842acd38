import type { ServerResponse } from 'node:http';
import { Layer, type Middleware, Response } from 'callnext';
import { gzip } from 'callnext/middleware/gzip';
import { toNode } from 'callnext/node';
import { ask } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';
import { ask as askHttp2, listeningHttp2 } from '../support/http2.js';
import { exchangeOnWire } from '../support/wire.js';

/** Like a lodash wrapper, whose `join` returns another wrapper. */
const wrapper = { toString: () => 'wrapped', join: () => ({}) };

/** Values that Node sends as `String(value)`. */
const values: readonly (readonly [name: string, value: unknown])[] = [
  ['x-boolean', true],
  ['x-bigint', 12n],
  ['x-number', 1.5],
  ['x-date', new Date(0)],
  ['x-url', new URL('http://example.com/a')],
  ['x-null', null],
  ['x-regexp', /a/],
  ['x-object', {}],
  ['x-wrapper', wrapper],
  ['x-list', [1, true, wrapper]],
  ['x-empty-list', []],
  ['set-cookie', ['a=1', wrapper]],
];
const text = 'compressible '.repeat(100);

function setAll(res: ServerResponse): void {
  for (const [name, value] of values) res.setHeader(name, value as string);
}

async function reader(request: never, callNext: (request: never) => Promise<Response>): Promise<Response> {
  const response = await callNext(request);
  for (const [name] of values) response.headers.get(name);
  void [...response.headers, ...response.headers.keys()];
  response.clone();
  return response;
}

/** Middlewares that read or copy the headers. */
const middlewares: Readonly<Record<string, readonly Middleware[]>> = {
  'reads each of them': [reader as never],
  'makes another response of it': [
    async (request, callNext) => {
      const response = await callNext(request);
      return new Response(await response.text(), response);
    },
  ],
  'compresses it': [gzip()],
};

describe.each(frameworks)('header values that are not strings on $name', framework => {
  const ways: Readonly<Record<string, (res: ServerResponse) => void>> = {
    setHeader: res => {
      setAll(res);
      res.end(text);
    },
    'writeHead, an object': res => {
      res.writeHead(200, Object.fromEntries(values) as never).end(text);
    },
    'writeHead, a list': res => {
      res.writeHead(200, values.flat() as never).end(text);
    },
  };

  describe.each(Object.entries(ways))('given to %s', (_way, write) => {
    it.each(Object.entries(middlewares))(
      'are sent as Node sends them below what %s',
      async (_title, middleware) => {
        const headersOf = async (layers: readonly Middleware[]): Promise<Record<string, unknown>> => {
          const app = framework.app().use(new Layer({ middleware: layers }));
          app.native('/', (_req, res) => write(res));
          return listening(app.listener(), async (_url, port) => {
            const got = await ask(port, { headers: { 'accept-encoding': 'gzip' } });
            expect(got.status).toBe(200);
            return Object.fromEntries(values.map(([name]) => [name, got.headers[name]]));
          });
        };
        expect(await headersOf(middleware)).toEqual(await headersOf([]));
      },
    );
  });

  it('reach a middleware as the strings Node sends', async () => {
    const seen: Record<string, string | null> = {};
    const read: Middleware = async (request, callNext) => {
      const { headers } = await callNext(request);
      for (const [name] of values) seen[name] = headers.get(name);
      return new Response('read');
    };
    const app = framework.app().use(read);
    app.handler('/', answer => {
      setAll(answer.res);
      answer.send('answer');
    });
    await listening(app.listener(), async (_url, port) => {
      await ask(port);
    });
    expect(seen).toEqual({
      'x-boolean': 'true',
      'x-bigint': '12',
      'x-number': '1.5',
      'x-date': String(new Date(0)),
      'x-url': 'http://example.com/a',
      'x-null': 'null',
      'x-regexp': '/a/',
      'x-object': '[object Object]',
      'x-wrapper': 'wrapped',
      'x-list': '1, true, wrapped',
      'x-empty-list': null,
      'set-cookie': 'a=1, wrapped',
    });
  });

  it('are strings too when native code has put them on the request', async () => {
    const seen: unknown[] = [];
    const app = framework.app();
    app.around(
      res => Object.assign(res.req.headers, { 'x-user': 42, 'x-roles': ['a', true] }),
      () => undefined,
    );
    app.use((request, callNext) => {
      seen.push(request.headers.get('x-user'), request.headers.get('x-roles'));
      seen.push([...request.headers].filter(([name]) => name.startsWith('x-')));
      return callNext(request);
    });
    app.handler('/', answer => answer.send('answer'));
    await listening(app.listener(), async (_url, port) => {
      expect((await ask(port)).text).toBe('answer');
    });
    expect(seen).toEqual([
      '42',
      'a, true',
      [
        ['x-roles', 'a, true'],
        ['x-user', '42'],
      ],
    ]);
  });

  it('are sent as natively, byte by byte, when a middleware only reads them', async () => {
    const bytesOf = (middleware: readonly Middleware[]): Promise<string> => {
      const app = framework.app().use(new Layer({ middleware }));
      app.native('/', (_req, res) => {
        setAll(res);
        res.end(text);
      });
      return listening(app.listener(), async (_url, port) => (await exchangeOnWire(port, '/')).head);
    };
    expect(await bytesOf([reader as never])).toBe(await bytesOf([]));
  });
});

it('reads header values that are not strings on HTTP/2', async () => {
  const seen: unknown[] = [];
  const read: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    seen.push(response.headers.get('x-date'), [...response.headers].length);
    return new Response(await response.text(), response);
  };
  const sendable = values.filter(([name, value]) => value !== null && name !== 'x-empty-list');
  const listener = toNode(new Layer({ middleware: [read] }), (_req, res) => {
    for (const [name, value] of sendable) res.setHeader(name, value as string);
    res.end(text);
  });
  await listeningHttp2('h2c', listener as never, async connect => {
    const { headers, body } = await askHttp2(connect);
    expect([body, headers['x-date'], headers['x-wrapper']]).toEqual([text, String(new Date(0)), 'wrapped']);
  });
  expect(seen).toEqual([String(new Date(0)), sendable.length + 1]);
});
