import type http from 'node:http';
import { Headers, Layer, type Middleware, Response } from 'callnext';
import { gzip } from 'callnext/middleware/gzip';
import { frameworks, listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

// `x-outer`, `vary` and a cookie are set before the layer, as by helmet or a session; the handler removes
// them.
describe.each(frameworks)('a header that is removed below a layer on $name', ({ app }) => {
  const before = (res: http.ServerResponse): void => {
    res.setHeader('X-Outer', '1');
    res.setHeader('Vary', 'Cookie');
    res.setHeader('Set-Cookie', 'outer=1');
  };
  const takeAway = (res: http.ServerResponse): void => {
    for (const name of ['X-Outer', 'Vary']) res.removeHeader(name);
    res.setHeader('Set-Cookie', 'inner=1');
  };
  const headers = async (layers: Middleware[][], handle = takeAway, encoding = 'identity') => {
    const mounted = app().around(before, () => undefined);
    for (const middleware of layers) mounted.use(new Layer({ middleware, onError: () => undefined }));
    mounted.handler('/', answer => {
      handle(answer.res);
      answer.set('X-Own', '1').set('Content-Type', 'text/plain').send('text '.repeat(200));
    });
    const { head } = await listening(mounted.listener(), (_url, port) =>
      exchangeOnWire(port, '/', 'GET', [`Accept-Encoding: ${encoding}`]),
    );
    const lines = head.split('\r\n').map(line => line.replace(/^[^:]+/, name => name.toLowerCase()));
    return lines.filter(line => /^(x-o|vary|set-cookie)/.test(line)).sort();
  };
  const own = ['set-cookie: inner=1', 'x-own: 1'];

  const rewrite: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    return new Response((await response.text()).toUpperCase(), response);
  };
  const forms: [how: string, layers: Middleware[][]][] = [
    ['whose body is rewritten', [[rewrite]]],
    ['whose body is rewritten twice', [[rewrite, rewrite]]],
    ['whose body is rewritten by two layers', [[rewrite], [rewrite]]],
    ['whose body is rewritten by the inner layer', [[(request, callNext) => callNext(request)], [rewrite]]],
    [
      'whose headers are given to a new response',
      [
        [
          async (request, callNext) => {
            const { status, headers } = await callNext(request);
            return new Response('new', { status, headers });
          },
        ],
      ],
    ],
    [
      'whose headers are copied',
      [
        [
          async (request, callNext) => {
            const response = await callNext(request);
            return new Response('new', { headers: new Headers(response.headers) });
          },
        ],
      ],
    ],
    ['that is cloned', [[async (request, callNext) => (await callNext(request)).clone()]]],
  ];

  it.each(forms)('stays away from a response %s', async (_how, layers) => {
    expect(await headers(layers)).toEqual(own);
  });

  it('stays away from a response that gzip() compresses', async () => {
    expect(await headers([[gzip()]], takeAway, 'gzip')).toEqual([
      ...own.slice(0, 1),
      'vary: Accept-Encoding',
      'x-own: 1',
    ]);
  });

  it('stays away when a middleware removes it from the response it makes', async () => {
    const strip: Middleware = async (request, callNext) => {
      const response = new Response('new', await callNext(request));
      for (const name of ['x-outer', 'vary', 'set-cookie']) response.headers.delete(name);
      return response;
    };
    expect(await headers([[strip]], () => undefined)).toEqual(['x-own: 1']);
  });

  it('appears on a response that is made from nothing', async () => {
    const answer: Middleware = async (request, callNext) => {
      await callNext(request);
      return new Response('new');
    };
    expect(await headers([[answer]])).toEqual(['set-cookie: outer=1', 'vary: Cookie', 'x-outer: 1']);
  });
});
