import type http from 'node:http';
import type { Layer } from 'callnext';
import { errorBoundary, inject as injectExpress, toExpress, wrap } from 'callnext/express';
import { inject as injectKoa, toKoa } from 'callnext/koa';
import express5 from 'express';
import Koa3 from 'koa';
import { gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { askTwice, type Kept } from '../support/keep-alive.js';
import {
  dependencies,
  type Events,
  expected,
  expressPackages,
  item,
  koaPackages,
  type Outcome,
  outcomes,
  type Package,
  type Position,
  quiet,
  type Seen,
  sessionCookie,
} from './late-failures.js';

const express4 = require('express4') as typeof express5;
const Koa2 = require('koa2') as typeof Koa3;

/** One request to an app: its layer, what its handler waits for, and the events of its dependencies. */
interface Asked {
  readonly outcome: Outcome;
  readonly layer: Layer;
  readonly answered: Promise<void>;
  readonly events: Events;
}

type Build<Mounted> = (
  given: Asked,
  mount: Package<Mounted>['mount'],
  position: Position,
) => http.RequestListener;

async function play<Mounted>(
  build: Build<Mounted>,
  outcome: Outcome,
  { mount, adds = 'x-nothing' }: Package<Mounted>,
  position: Position,
): Promise<Seen> {
  const { opened: answered, open } = gate();
  const layer = outcome.layer?.() ?? quiet();
  const events: Events = [];
  const listener = build({ outcome, layer, answered, events }, mount, position);
  return listening(listener, async (_url, port) => {
    const headers = { 'accept-encoding': 'gzip', cookie: sessionCookie };
    const got = await askTwice(port, '/item', headers);
    open();
    await layer.close();
    return seenOf(got, adds, events);
  });
}

function seenOf({ status, text, headers, isReused }: Kept, adds: string, events: Events): Seen {
  const { 'content-encoding': coding, 'content-length': length, 'transfer-encoding': transfer } = headers;
  return {
    status,
    text,
    coding,
    isFramed: transfer === 'chunked' ? length === undefined : length !== undefined,
    cookie: headers['set-cookie'] !== undefined,
    isAdded: headers[adds] !== undefined,
    events,
    isReused,
  };
}

async function expectAll<Mounted>(
  build: Build<Mounted>,
  packaged: Package<Mounted>,
  position: Position,
  all: readonly Outcome[],
  isKoa = false,
): Promise<void> {
  const got: [string, Seen | string][] = [];
  for (const outcome of all)
    got.push([outcome.name, await play(build, outcome, packaged, position).catch(error => String(error))]);
  expect(got).toEqual(all.map(outcome => [outcome.name, expected(outcome, packaged, position, isKoa)]));
}

const renderError: express5.ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(503).json({ failed: error.message });
};

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
])('on %s', (_name, express) => {
  type Mounting = 'toExpress' | 'errorBoundary' | 'wrap';
  const builder =
    (mounting: Mounting): Build<express5.Express> =>
    ({ outcome, layer, answered, events }, mount, position) => {
      const app = express();
      app.set('env', 'test');
      app.get('/second', (_req, res) => void res.json('second'));
      if (position === 'above') mount(app);
      if (mounting !== 'wrap') app.use(toExpress(layer) as express5.RequestHandler);
      if (position === 'below') mount(app);
      const { db, tx } = dependencies(outcome, events);
      app.get('/item', async (req, res, next) => {
        try {
          await injectExpress(req, db);
          await injectExpress(req, tx);
          if (outcome.isLate) await answered;
          res.json(item);
        } catch (error) {
          next(error);
        }
      });
      if (mounting === 'errorBoundary') app.use(errorBoundary(layer) as express5.ErrorRequestHandler);
      app.use(renderError);
      return (mounting === 'wrap' ? wrap(app, layer) : app) as http.RequestListener;
    };

  describe.each(expressPackages.map(each => [each.name, each] as const))('%s', (_package, packaged) => {
    it.each([
      ['toExpress', 'below'],
      ['toExpress', 'above'],
      ['errorBoundary', 'below'],
      ['errorBoundary', 'above'],
      ['wrap', 'below'],
    ] as const)('answers every late failure, mounted by %s, %s the layer', async (mounting, position) => {
      await expectAll(builder(mounting), packaged, position, outcomes);
    });
  });
});

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('on %s', (_name, Koa) => {
  const build: Build<Koa3> = ({ outcome, layer, answered, events }, mount, position) => {
    const app = new Koa();
    app.silent = true;
    app.use(async (ctx, next) => {
      if (ctx.path === '/second') {
        ctx.body = 'second';
        return;
      }
      try {
        await next();
      } catch (error) {
        ctx.status = 503;
        ctx.body = { failed: (error as Error).message };
      }
    });
    if (position === 'above') mount(app);
    app.use(toKoa(layer));
    if (position === 'below') mount(app);
    const { db, tx } = dependencies(outcome, events);
    app.use(async ctx => {
      await injectKoa(ctx, db);
      await injectKoa(ctx, tx);
      if (outcome.isLate) await answered;
      ctx.body = item;
    });
    return app.callback();
  };

  describe.each(koaPackages.map(each => [each.name, each] as const))('%s', (_package, packaged) => {
    it.each(['below', 'above'] as const)('answers every late failure, %s the layer', async position => {
      await expectAll(build, packaged, position, outcomes, true);
    });
  });
});
