// Tests an app that receives the request and response of another app, with layers in both.
import http from 'node:http';
import { endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import { toNode } from 'callnext/node';
import express from 'express';
import Koa3 from 'koa';
import { ask } from '../support/ask.js';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const Koa2 = require('koa2') as typeof Koa3;
const express4 = require('express4') as typeof express;

type Listener = http.RequestListener;
const nothing = { responses: [], exits: [], tasks: [] };

/** A layer that writes its name to the response. */
const layerOf = (name: string): Layer =>
  new Layer({
    middleware: [
      async (request, callNext) => {
        const response = await callNext(request);
        response.headers.set(`x-${name}`, 'yes');
        return response;
      },
    ],
  });

/** Ways to put a layer around a listener that receives the native request and response. */
const outers: [name: string, around: (layer: Layer, inner: Listener) => Listener][] = [
  ...[Koa3, Koa2].map((Koa, index): [string, (layer: Layer, inner: Listener) => Listener] => [
    `Koa ${3 - index}`,
    (layer, inner) => {
      const app = new Koa();
      app.use(toKoa(layer) as never);
      app.use(ctx => {
        ctx.respond = false;
        ctx.res.statusCode = 200;
        return inner(ctx.req, ctx.res) as never;
      });
      return app.callback();
    },
  ]),
  ...[express, express4].map((make, index): [string, (layer: Layer, inner: Listener) => Listener] => [
    `Express ${5 - index}`,
    (layer, inner) => {
      const app = make();
      app.use(toExpress(layer));
      app.use((req, res) => void inner(req, res));
      return app as Listener;
    },
  ]),
  ['node:http', (layer, inner) => toNode(layer, inner) as Listener],
];

describe.each(outers)('inside %s, an app with a layer', (_name, around) => {
  describe.each([
    ['Koa 3', Koa3],
    ['Koa 2', Koa2],
  ])('of %s', (_inner, Koa) => {
    const koa = (errors: unknown[]) => {
      const app = new Koa();
      app.silent = true;
      app.on('error', error => errors.push(error));
      return app;
    };

    it('is a 500 whose error names it, and leaves nothing open', async () => {
      const errors: unknown[] = [];
      const [outer, inner] = [layerOf('outer'), layerOf('inner')];
      const app = koa(errors);
      app.use(toKoa(inner) as never);
      app.use(ctx => {
        ctx.body = 'never';
      });
      const got = await listening(around(outer, app.callback()), (_url, port) => ask(port));
      expect([got.status, got.headers['x-outer'], got.text]).toEqual([500, 'yes', 'Internal Server Error']);
      expect(errors).toMatchObject([{ code: 'APP_INSIDE_APP' }]);
      expect([await outer.close(), await inner.close()]).toEqual([nothing, nothing]);
    });

    it('without a layer that never answers ends with its connection', async () => {
      const log = new EventLog();
      const outer = layerOf('outer');
      const app = koa([]);
      app.use(() => {
        log.add('waiting');
        return log.until('never') as never;
      });
      await listening(around(outer, app.callback()), async (_url, port) => {
        const asked = http.get({ port, host: '127.0.0.1', agent: false }).on('error', () => undefined);
        await log.until('waiting');
        asked.destroy();
        expect(await outer.close()).toEqual(nothing);
      });
    });

    it('answers with an endpoint without a layer', async () => {
      const outer = layerOf('outer');
      const app = koa([]);
      app.use(toKoa(endpoint({}, () => 'inner')) as never);
      const got = await listening(around(outer, app.callback()), (_url, port) => ask(port));
      expect([got.status, got.headers['x-outer'], got.text]).toEqual([200, 'yes', '"inner"']);
      expect(await outer.close()).toEqual(nothing);
    });
  });
});

// An Express app that another app calls as a function is edge case 63.
describe.each(outers.filter(([name]) => !name.startsWith('Express')))('inside %s', (_name, around) => {
  it.each<[string, (layer: Layer) => Listener]>([
    ...[express, express4].map((make, index): [string, (layer: Layer) => Listener] => [
      `an app of Express ${5 - index}`,
      layer => {
        const app = make();
        app.use(toExpress(layer));
        app.use((_req, res) => void res.send('inner'));
        return app as Listener;
      },
    ]),
    ['a listener of `toNode`', layer => toNode(layer, (_req, res) => res.end('inner')) as Listener],
  ])('%s with a layer acts as a layer inside a layer', async (_inner, innerOf) => {
    const [outer, inner] = [layerOf('outer'), layerOf('inner')];
    const got = await listening(around(outer, innerOf(inner)), (_url, port) => ask(port));
    const { status, headers, text } = got;
    expect([status, headers['x-outer'], headers['x-inner'], text]).toEqual([200, 'yes', 'yes', 'inner']);
    expect([await outer.close(), await inner.close()]).toEqual([nothing, nothing]);
  });
});
