import type http from 'node:http';
import KoaRouter from '@koa/router';
import { Layer, type LayerOptions } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa3 from 'koa';
import { features, type Operation, type TutorialFeature } from './fastapi-features.js';
import { expectSame, type Mode, modes, type Played, play } from './features.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

const onExpress = (express: typeof express5) => (layer: Layer, operations: readonly Operation[]) => {
  const app = express();
  app.set('env', 'test');
  app.use(toExpress(layer));
  for (const { method, path, dependencies = [], endpoint } of operations)
    app[method](path, ...dependencies.map(each => toExpress(each)), toExpress(endpoint));
  return app as http.RequestListener;
};

const onKoa = (Koa: typeof Koa3) => (layer: Layer, operations: readonly Operation[]) => {
  const app = new Koa();
  app.silent = true;
  const router = new KoaRouter();
  for (const { method, path, dependencies = [], endpoint } of operations)
    router[method](path, ...(dependencies.map(each => toKoa(each)) as never[]), toKoa(endpoint) as never);
  return app
    .use(toKoa(layer))
    .use(router.routes() as never)
    .callback();
};

describe.each([
  ['Express 5', onExpress(express5)],
  ['Express 4', onExpress(express4)],
  ['Koa 3', onKoa(Koa3)],
  ['Koa 2', onKoa(Koa2)],
])("a feature of FastAPI's tutorial on %s below a middleware", (_name, mount) => {
  const playOn = (feature: TutorialFeature, mode?: Mode): Promise<Played> => {
    const log: string[] = [];
    const tell = (entry: unknown): void => void log.push(String(entry));
    const options: LayerOptions = {
      onError: error => tell(`reported of ${error}`),
      ...feature.options?.(tell),
    };
    const outermost = mode ? [mode.middleware] : [];
    const layer = new Layer({ ...options, middleware: [...outermost, ...(options.middleware ?? [])] });
    return play(mount(layer, feature.operations(tell)), log, feature.asks);
  };

  it.each(features.map(feature => [feature.title, feature] as const))('%s', async (_title, feature) => {
    const bare = await playOn(feature);
    expect(bare.answers.filter(({ connection }) => connection === 'silent')).toEqual([]);
    for (const mode of modes) expectSame(bare, await playOn(feature, mode), mode, feature as never);
  });
});
