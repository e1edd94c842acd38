import { Depends, HTTPException, Layer, type Middleware, StreamingResponse } from 'callnext';
import { Hono } from 'hono';
import { type FetchHandler, toFetch } from '../../examples/own-adapter/fetch.js';
import { EventLog } from '../support/events.js';

describe('the adapter of docs/internals/write-an-adapter.md', () => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });
  const layerWith = (...middleware: Middleware[]): Layer =>
    new Layer({
      middleware: [
        async (request, callNext) => {
          log.add('before');
          const response = await callNext(request);
          response.headers.set('x-layer', '1');
          log.add(`after ${response.status}`);
          return response;
        },
        ...middleware,
      ],
      dependencies: [
        Depends(async function* () {
          log.add('enter');
          yield;
          log.add('exit');
        }),
      ],
      onError: error => log.add(`reported ${error.message}`),
    });
  const hono = new Hono()
    .get('/', context => context.text('hello'))
    .post('/echo', async context => context.json(await context.req.json()));
  const ask = (layer: Layer, path: string, init?: RequestInit): Promise<Response> =>
    Promise.resolve(toFetch(layer, hono.fetch as FetchHandler)(new Request(`http://localhost${path}`, init)));

  it('runs a layer around Hono, in the promised order', async () => {
    const response = await ask(layerWith(), '/');
    expect([response.status, response.headers.get('x-layer'), await response.text()]).toEqual([
      200,
      '1',
      'hello',
    ]);
    await log.until('exit');
    expect(log.events).toEqual(['before', 'enter', 'after 200', 'exit']);
  });

  it('gives the body to every reader', async () => {
    const reading: Middleware = async (request, callNext) => {
      log.add(await request.text());
      return callNext(request);
    };
    const response = await ask(layerWith(reading), '/echo', { method: 'POST', body: '{"a":1}' });
    expect(await response.json()).toEqual({ a: 1 });
    expect(log.events).toContain('{"a":1}');
  });

  it('waits for the last byte of a stream, and for an unread one', async () => {
    const streaming: Middleware = () =>
      new StreamingResponse(
        (async function* () {
          yield 'a';
          log.add('first');
          yield 'b';
        })(),
      );
    expect(await (await ask(layerWith(streaming), '/')).text()).toBe('ab');
    const cancelled = await ask(layerWith(streaming), '/');
    await cancelled.body?.cancel();
  });

  it('answers a request that no route handles', async () => {
    const throwing: Middleware = () => {
      throw new Error('nobody handles it');
    };
    expect((await ask(layerWith(throwing), '/')).status).toBe(500);
    expect(log.events).toContain('reported nobody handles it');
    const refusing: Middleware = () => {
      throw new HTTPException(403);
    };
    expect(await (await ask(layerWith(refusing), '/')).json()).toEqual({ detail: 'Forbidden' });
  });
});
