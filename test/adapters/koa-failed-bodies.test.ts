// Tests a stream on Koa's context that fails while middleware reads it. If it only emits an error and is not
// destroyed, Koa 2 answers that at once on the native response.
import { PassThrough } from 'node:stream';
import { Layer, type Middleware } from 'callnext';
import { toKoa } from 'callnext/koa';
import Koa3 from 'koa';
import { EventLog } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { exchangeOnWire } from '../support/wire.js';

const Koa2 = require('koa2') as typeof Koa3;

type Fail = (body: PassThrough, error: Error) => void;
const destroys: Fail = (body, error) => void body.destroy(error);
const emits: Fail = (body, error) => void body.emit('error', error);
const inOrder = ['read: broken', 'callNext rejected: broken', 'app reported broken'];

describe.each<[string, typeof Koa3, Fail, string[]]>([
  ['Koa 3', Koa3, destroys, inOrder],
  ['Koa 3, without being destroyed', Koa3, emits, inOrder],
  ['Koa 2', Koa2, destroys, inOrder],
  [
    'Koa 2, without being destroyed',
    Koa2,
    emits,
    ['app reported broken', 'read: broken', 'callNext gave 500'],
  ],
])('a body that fails while a middleware reads it, on %s', (_name, Koa, fail, events) => {
  const log = new EventLog();
  beforeEach(() => void log.events.splice(0));

  const reads: Middleware = async (request, callNext) => {
    const response = await callNext(request);
    await response.text().catch(error => log.add(`read: ${error.message}`));
    return response;
  };
  const notes: Middleware = async (request, callNext) => {
    try {
      const response = await callNext(request);
      log.add(`callNext gave ${response.status}`);
      return response;
    } catch (error) {
      log.add(`callNext rejected: ${(error as Error).message}`);
      throw error;
    }
  };
  const mounted = (middleware: Middleware) =>
    toKoa(new Layer({ middleware: [middleware], onError: () => undefined })) as unknown as Koa3.Middleware;
  /** Patches methods of the response, so that the layer below it holds on its own. */
  const covers: Koa3.Middleware = (ctx, next) => {
    const { end } = ctx.res;
    ctx.res.end = ((...args: Parameters<typeof end>) => Reflect.apply(end, ctx.res, args)) as typeof end;
    return next();
  };

  async function answerTo(...middleware: Koa3.Middleware[]) {
    const app = new Koa();
    app.on('error', error => log.add(`app reported ${error.message}`));
    for (const each of middleware) app.use(each);
    const answer = await listening(app.callback(), (_url, port) => exchangeOnWire(port, '/'));
    return answer;
  }
  const fails =
    (prepare: (ctx: Koa3.Context) => void): Koa3.Middleware =>
    ctx => {
      prepare(ctx);
      const body = new PassThrough();
      ctx.body = body;
      body.write('first');
      setImmediate(() => fail(body, new Error('broken')));
    };

  it.each<[string, Koa3.Middleware[]]>([
    ['right below another', []],
    ['below methods of native code', [covers]],
  ])('is one failure for a layer around it, %s', async (_where, between) => {
    const { head, body, cut } = await answerTo(
      mounted(notes),
      ...between,
      mounted(reads),
      fails(() => undefined),
    );
    expect(head).toMatch(/^HTTP\/1\.1 500 /);
    expect({ body, cut }).toEqual({ body: 'Internal Server Error', cut: false });
    expect(log.events).toEqual(events);
  });

  it.each<[string, Koa3.Middleware[]]>([
    ['by one layer', []],
    ['by one below another', [mounted(notes)]],
  ])('is reported to the app once if the head was flushed before, %s', async (_where, outer) => {
    const { head, cut } = await answerTo(
      ...outer,
      mounted(reads),
      fails(ctx => {
        ctx.status = 200;
        ctx.flushHeaders();
      }),
    );
    expect({ status: head.slice(0, 12), cut }).toEqual({ status: 'HTTP/1.1 200', cut: true });
    expect(log.events.filter(event => event.startsWith('app'))).toEqual(['app reported broken']);
    expect(log.events).toContain('read: broken');
  });

  it('stays unread when the status has no body', async () => {
    const { head } = await answerTo(
      mounted(reads),
      fails(ctx => {
        ctx.status = 204;
      }),
    );
    expect(head).toMatch(/^HTTP\/1\.1 204 /);
    expect(log.events).not.toContain('read: broken');
  });
});
