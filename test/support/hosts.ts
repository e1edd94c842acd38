import type http from 'node:http';
import type { Depends, Layer } from 'callnext';
import { inject as injectExpress, toExpress, wrap } from 'callnext/express';
import { inject as injectKoa, toKoa } from 'callnext/koa';
import { inject as injectNode, toNode } from 'callnext/node';
import express5 from 'express';
import Koa3 from 'koa';

const Koa2 = require('koa2') as typeof Koa3;

type Inject = <T>(marker: Depends<T>) => Promise<T>;

/** An async handler that writes to Node's response. */
export type Handler = (res: http.ServerResponse, inject: Inject, req: http.IncomingMessage) => unknown;

/** An app with a layer around one handler at `/`. */
export type Host = (
  layer: Layer,
  handler: Handler,
  ...before: express5.RequestHandler[]
) => http.RequestListener;

export function onExpress(express: typeof express5, isWrapped = false): Host {
  return (layer, handler, ...before) => {
    const app = express().set('env', 'test');
    if (!isWrapped) app.use(toExpress(layer));
    for (const each of before) app.use(each);
    app.get('/', (req, res) => handler(res, marker => injectExpress(req, marker), req) as Promise<void>);
    return (isWrapped ? wrap(app, layer) : app) as http.RequestListener;
  };
}

export function onKoa(Koa: typeof Koa3): Host {
  return (layer, handler) => {
    const app = new Koa();
    app.silent = true;
    app.use(toKoa(layer));
    app.use(async ctx => {
      ctx.respond = false;
      ctx.res.statusCode = 200;
      await handler(ctx.res, marker => injectKoa(ctx, marker), ctx.req);
    });
    return app.callback();
  };
}

export const onNode: Host = (layer, handler) =>
  toNode(layer, (req, res) => handler(res, marker => injectNode(req, marker), req)) as http.RequestListener;

/** Hosts that see the promise of a handler. */
export const seeing: readonly [string, Host][] = [
  ['Express 5', onExpress(express5)],
  ['Express 5, wrapped', onExpress(express5, true)],
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
  ['node:http', onNode],
];
