import type { RequestListener } from 'node:http';
import { Headers as PonyfillHeaders, Response as PonyfillResponse } from '@whatwg-node/fetch';
import { endpoint, Headers, HTTPException, Layer, Response, type ResponseLike } from 'callnext';
import { toNode } from 'callnext/node';
import { ask } from '../support/ask.js';
import { frameworks, listening } from '../support/frameworks.js';

interface NodeFetch {
  Headers: new (init?: [string, string][]) => { append(name: string, value: string): void };
  Response: new (body: unknown, init: object) => ResponseLike;
}
const nodeFetch = require('node-fetch') as NodeFetch;

const cookies = ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/', 'b=x,y', 'c-d=3; HttpOnly'] as const;

/** Headers with only the methods of early Fetch: everything is joined. */
class JoinedHeaders {
  readonly #lines: readonly (readonly [string, string])[];

  constructor(lines: readonly (readonly [string, string])[]) {
    this.#lines = lines;
  }

  append(): void {
    // Distinguishes them from a `Map`.
  }

  get(name: string): string | null {
    const values = this.#lines.filter(([each]) => each === name).map(([, value]) => value);
    return values.length === 0 ? null : values.join(', ');
  }

  forEach(callback: (value: string, name: string) => void): void {
    for (const name of new Set(this.#lines.map(([each]) => each))) callback(this.get(name) ?? '', name);
  }
}

const lines: [string, string][] = [
  ['x-list', '1'],
  ['x-list', '2'],
  ...cookies.map(line => ['set-cookie', line] as [string, string]),
];

/** Responses of other implementations. */
const makers: readonly (readonly [name: string, make: () => ResponseLike])[] = [
  ['node-fetch 2', () => new nodeFetch.Response('body', { headers: lines })],
  ['@whatwg-node/fetch, a list', () => new PonyfillResponse('body', { headers: lines }) as ResponseLike],
  [
    '@whatwg-node/fetch, appended to',
    () => {
      const headers = new PonyfillHeaders();
      for (const [name, value] of lines) headers.append(name, value);
      return new PonyfillResponse('body', { headers }) as ResponseLike;
    },
  ],
  ['the platform', () => new globalThis.Response('body', { headers: lines })],
  [
    'a ponyfill whose headers only join',
    () => ({ status: 200, headers: new JoinedHeaders(lines), body: ['body'] }),
  ],
];

describe.each(makers)('the response of %s', (_name, make) => {
  it.each(frameworks)('is sent with a line for each cookie on $name', async framework => {
    const layer = new Layer({ middleware: [async (request, callNext) => make() ?? callNext(request)] });
    const app = framework
      .app()
      .at('/endpoint', endpoint({}, make))
      .at(
        '/made',
        endpoint({}, () => new Response('body', make() as never)),
      )
      .at(
        '/headers',
        endpoint({}, () => new Response('body', { headers: make().headers as never })),
      )
      .use(layer);
    await listening(app.listener(), async (_url, port) => {
      for (const path of ['/endpoint', '/made', '/headers', '/middleware']) {
        const { headers, text } = await ask(port, { path });
        expect([path, text, headers['x-list'], headers['set-cookie']]).toEqual([
          path,
          'body',
          '1, 2',
          cookies,
        ]);
      }
    });
  });

  it('is copied and cloned with a line for each cookie', () => {
    expect(new Headers(make().headers as never).getSetCookie()).toEqual(cookies);
    expect(new Response('body', make() as never).clone().headers.getSetCookie()).toEqual(cookies);
  });
});

describe('lists in plain headers', () => {
  it('become a line for each cookie, as in the headers of a Node response', () => {
    const headers = new Headers({ 'set-cookie': [...cookies], 'x-list': ['1', '2'] } as never);
    expect([headers.getSetCookie(), headers.get('x-list')]).toEqual([cookies, '1, 2']);
  });

  it('keep a cookie that is one line of its own', () => {
    const init = new Map([['set-cookie', 'a=1, b=2']]);
    expect(new Headers(init).getSetCookie()).toEqual(['a=1, b=2']);
  });

  const headers = { 'Set-Cookie': [...cookies] } as never;

  it.each(frameworks)('are sent as lines with an HTTPException on $name', async framework => {
    const failing = endpoint({}, () => {
      throw new HTTPException(418, 'teapot', { headers });
    });
    await listening(framework.app().at('/', failing).listener(), async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.headers['set-cookie']]).toEqual([418, cookies]);
    });
  });

  it('are sent as lines with an error that carries them, without a framework', async () => {
    const failing = endpoint({}, () => {
      throw Object.assign(new Error('teapot'), { status: 418, headers });
    });
    await listening(toNode(failing) as RequestListener, async (_url, port) => {
      const got = await ask(port);
      expect([got.status, got.headers['set-cookie']]).toEqual([418, cookies]);
    });
  });
});
