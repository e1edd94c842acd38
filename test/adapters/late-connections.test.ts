import type http from 'node:http';
import { Layer, type Middleware, PlainTextResponse } from 'callnext';
import { toExpress, wrap } from 'callnext/express';
import express5 from 'express';
import { Connection } from '../support/connection.js';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';

const express4 = require('express4') as typeof express5;
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** Replacements of a held answer. */
const instead: readonly [string, Middleware, string][] = [
  [
    'an error page',
    async (request, callNext) => {
      await callNext(request);
      throw new Error('failed');
    },
    'page of failed',
  ],
  [
    'another response',
    async (request, callNext) => {
      await callNext(request);
      return new PlainTextResponse('another');
    },
    'another',
  ],
];
const failures: readonly [string, Error][] = [
  ['an error of its own', new Error('late')],
  ['a stream that was closed', Object.assign(new Error('closed'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })],
];

const render: express5.ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(500).send(`page of ${error.message}`);
};

// Express cuts the connection if a handler fails after the head was sent. By then, the connection may serve
// another request.
describe.each([
  ['Express 5', express5, false],
  ['Express 5, wrapped', express5, true],
  ['Express 4', express4, false],
])('a handler of %s that fails after its answer was replaced', (_name, express, isWrapped) => {
  const all = instead.flatMap(place =>
    failures.map(failure => [place[0], failure[0], place, failure] as const),
  );

  it.each(all)('leaves the connection to the next request: %s, %s', async (_what, _how, place, failure) => {
    const log = new EventLog();
    const [, middleware, body] = place;
    const goesOn = gate();
    const onFirst: Middleware = (request, callNext) =>
      request.path === '/second' ? callNext(request) : middleware(request, callNext);
    const layer = new Layer({ middleware: [onFirst], onError: error => log.add(error.message) });
    const app = express().set('env', 'test');
    if (!isWrapped) app.use(toExpress(layer) as express5.RequestHandler);
    app.get('/', (_req, res, next) => {
      res.write('first');
      void goesOn.opened.then(() => next(failure[1]));
    });
    app.get('/second', async (_req, res) => {
      goesOn.open();
      for (let turns = 0; turns < 5; turns += 1) await turn();
      res.send('second');
    });
    app.use(render);
    const listener = (isWrapped ? wrap(app, layer) : app) as http.RequestListener;
    await listening(listener, async (_url, port) => {
      const connection = new Connection(port);
      expect((await connection.ask({})).text).toBe(body);
      expect((await connection.ask({ path: '/second' })).text).toBe('second');
      connection.close();
    });
    expect(log.events.includes('late')).toBe(failure[1].message === 'late');
  });
});
