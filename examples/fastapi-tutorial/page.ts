import type { RequestListener } from 'node:http';
import Router from '@koa/router';
import type { Depends, Endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
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

export function onExpress({ layer, routes }: Page): RequestListener {
  const app = express();
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
  const router = new Router();
  for (const { method, path, dependencies = [], endpoint } of routes)
    router[method](
      path,
      ...dependencies.map(each => toKoa(each)),
      toKoa(endpoint),
    );
  return new Koa().use(toKoa(layer)).use(router.routes()).callback();
}
