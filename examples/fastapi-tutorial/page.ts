import type { RequestListener } from 'node:http';
import Router from '@koa/router';
import type { Depends, Endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { openapi, swaggerUi } from 'callnext/openapi';
import express from 'express';
import Koa from 'koa';

/**
 * One page of FastAPI's tutorial: a layer and its routes, without a framework.
 */
export interface Page {
  readonly layer: Layer;
  readonly routes: readonly Route[];
}

/**
 * `dependencies` are those of the path operation decorator: they run, but no
 * one receives their values.
 */
export interface Route {
  readonly method: 'get' | 'post' | 'put';
  readonly path: string;
  readonly dependencies?: readonly Depends<unknown>[];
  readonly endpoint: Endpoint;
}

const info = { title: 'FastAPI tutorial', version: '0.1.0' };

export function onExpress({ layer, routes }: Page): RequestListener {
  const app = express();
  app.get('/openapi.json', toExpress(openapi(app, info)));
  app.get('/docs', toExpress(swaggerUi({ title: info.title })));
  app.use(toExpress(layer));
  for (const { method, path, dependencies = [], endpoint } of routes)
    app[method](
      path,
      ...dependencies.map(each => toExpress(each)),
      toExpress(endpoint),
    );
  return app;
}

export function onKoa({ layer, routes }: Page): RequestListener {
  const app = new Koa();
  const router = new Router();
  const docs = new Router();
  docs.get('/openapi.json', toKoa(openapi(app, info)));
  docs.get('/docs', toKoa(swaggerUi({ title: info.title })));
  for (const { method, path, dependencies = [], endpoint } of routes)
    router[method](
      path,
      ...dependencies.map(each => toKoa(each)),
      toKoa(endpoint),
    );
  app.use(docs.routes()).use(toKoa(layer)).use(router.routes());
  return app.callback();
}
