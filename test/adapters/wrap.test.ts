import http, { type RequestListener } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Depends, endpoint, Layer, type Middleware, PlainTextResponse } from 'callnext';
import { inject, toExpress, wrap } from 'callnext/express';
import express5 from 'express';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;

const short: Middleware = () => new PlainTextResponse('short');
const marking: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  response.headers.set('x-marked', '1');
  return response;
};

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('wrap on %s', (_name, express) => {
  const around = (app: express5.Express, layer: Layer | Middleware) =>
    wrap(app as never, layer) as RequestListener;

  it('holds the answer of an app whose `response` has methods of its own', async () => {
    const ended: string[] = [];
    const newApp = (): express5.Express => {
      const app = express();
      app.response.end = function end(this: express5.Response, ...args: unknown[]) {
        ended.push('end');
        return Reflect.apply(http.ServerResponse.prototype.end, this, args);
      } as never;
      return app;
    };
    const answer: RequestListener = (_req, res) => void (res as express5.Response).send('app');
    for (const listener of [
      around(newApp().get('/', answer), marking),
      newApp().use(toExpress(marking)).get('/', answer),
    ]) {
      const response = await listening(listener, url => fetch(url));
      expect(response.headers.get('x-marked')).toBe('1');
    }
    expect(ended).toEqual(['end', 'end']);
  });

  it('keeps the settings of an outer app in force until its own app begins', async () => {
    const seen: unknown[] = [];
    const outer = express().set('trust proxy', true);
    const look: Middleware = (request, callNext) => {
      seen.push(new URL(request.url).origin, request.client?.host);
      return callNext(request);
    };
    outer.use((req, res, next) => {
      res.once('finish', () => seen.push(req.app === outer));
      next();
    });
    outer.use(around(express(), new Layer({ middleware: [look, short] })));
    const headers = {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'a.example',
      'x-forwarded-for': '9.9.9.9',
    };
    await listening(outer, async url => (await fetch(url, { headers })).text());
    expect(seen).toEqual(['https://a.example', '9.9.9.9', true]);
  });

  it('keeps the message classes of a server that uses its own', async () => {
    class Response extends http.ServerResponse {
      override writeHead(...args: unknown[]): this {
        this.setHeader('x-sub', 'yes');
        return Reflect.apply(http.ServerResponse.prototype.writeHead, this, args) as this;
      }
    }
    const server = http.createServer({ ServerResponse: Response } as never, around(express(), short));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    server.close().closeAllConnections();
    expect([response.headers.get('x-sub'), await response.text()]).toEqual(['yes', 'short']);
  });

  it('answers on HTTP/2 when the app is not reached', async () => {
    const server = http2.createServer(around(express(), short) as never);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    let body = '';
    for await (const chunk of client.request({ ':path': '/' })) body += String(chunk);
    client.close();
    server.close();
    expect(body).toBe('short');
  });
});

it('solves a dependency that injects itself without waiting once', async () => {
  let calls = 0;
  const self = ({ request }: { request: { raw: unknown } }): number => {
    calls += 1;
    const { req } = request.raw as { req: express5.Request };
    if (calls < 5) inject(req, marker).catch(() => undefined);
    return calls;
  };
  const marker = Depends(self);
  const app = express5().use(toExpress(new Layer()));
  app.get('/', toExpress(endpoint({ value: marker }, ({ value }) => value)));
  expect(await listening(app, async url => (await fetch(url)).text())).toBe('1');
  expect(calls).toBe(1);
});
