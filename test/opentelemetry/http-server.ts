// Run by http-instrumentation.test.ts in its own process, because the HTTP instrumentation patches `require`.
// Sends the spans of each case.
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind, trace } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import type { Layer } from 'callnext';
import { callnextInstrumentation } from 'callnext/opentelemetry';
import { Spans } from './spans.js';

const spans = new Spans();
const instrumentations = [
  new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true }),
  callnextInstrumentation(),
];

/** Loaded after the instrumentation. */
const http = require('node:http') as typeof import('node:http');
const core = require('callnext') as typeof import('callnext');
const { frameworks } = require('../support/frameworks.ts') as typeof import('../support/frameworks.js');

async function* getDb() {
  yield 'db';
}

function notify(): void {
  trace.getTracer('app').startSpan('mail').end();
}

const parts = { db: core.Depends(getDb) };

const endpoints = {
  success: core.endpoint(parts, function read({ backgroundTasks }) {
    backgroundTasks.addTask(notify);
    return 1;
  }),
  failure: core.endpoint(parts, function fail({ backgroundTasks }) {
    backgroundTasks.addTask(notify);
    throw new RangeError('failed');
  }),
  missing: core.endpoint(parts, function miss() {
    throw new core.HTTPException(404);
  }),
  stream: core.endpoint(parts, async function* stream() {
    yield 1;
    trace.getTracer('app').startSpan('row').end();
    yield 2;
  }),
};

/** Asks one app once; resolves with the spans when the request has settled. */
async function ask(framework: (typeof frameworks)[number], name: string): Promise<string[]> {
  spans.reset();
  const layer = new core.Layer({ onError: () => undefined });
  layer.addMiddleware(function timing(request, callNext) {
    return callNext(request);
  });
  const app = framework.app().use(layer);
  if (name === 'native')
    app.handler('/', answer => {
      notify();
      answer.send('native');
    });
  else app.at('/', endpoints[name as keyof typeof endpoints]);
  await get(app.listener(), '/');
  await layer.close();
  return tree();
}

async function get(listener: RequestListener, path: string): Promise<void> {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => {
    http.get({ port, path, agent: false }, res => res.resume().once('close', resolve));
  });
  await new Promise(resolve => server.close(resolve));
}

/** The tree, after the library that made the SERVER span and its route. */
function tree(): string[] {
  const servers = spans.all.filter(({ kind }) => kind === SpanKind.SERVER);
  const made = servers.map(
    ({ instrumentationScope, attributes }) => `${instrumentationScope.name} ${attributes['http.route']}`,
  );
  return [...made, ...spans.tree];
}

/** Routers name their routes; the layer is above them. */
async function askRouted(host: 'express' | 'koa'): Promise<string[]> {
  spans.reset();
  const layer = new core.Layer();
  await get(host === 'express' ? routedExpress(layer) : routedKoa(layer), '/users/ada/items/7');
  await layer.close();
  return tree();
}

function routedExpress(layer: Layer): RequestListener {
  const { toExpress } = require('callnext/express') as typeof import('callnext/express');
  const express = require('express') as typeof import('express');
  const items = express.Router().get('/:id', toExpress(endpoints.success));
  return express().use(toExpress(layer)).use('/users/:user/items', items);
}

function routedKoa(layer: Layer): RequestListener {
  const { toKoa } = require('callnext/koa') as typeof import('callnext/koa');
  const Koa = require('koa') as typeof import('koa');
  const Router = require('@koa/router') as typeof import('@koa/router').default;
  const router = new Router({ prefix: '/users/:user' }).get('/items/:id', toKoa(endpoints.success));
  return new Koa().use(toKoa(layer)).use(router.routes()).callback() as RequestListener;
}

async function askAll(): Promise<Record<string, Record<string, string[]>>> {
  const trees: Record<string, Record<string, string[]>> = {};
  for (const framework of frameworks) {
    const ofFramework: Record<string, string[]> = {};
    for (const name of [...Object.keys(endpoints), 'native']) ofFramework[name] = await ask(framework, name);
    trees[framework.name] = ofFramework;
  }
  trees.routed = { express: await askRouted('express'), koa: await askRouted('koa') };
  return trees;
}

process.send?.('ready');
process.once('message', async () => {
  process.send?.(await askAll());
  for (const instrumentation of instrumentations) instrumentation.disable();
});
