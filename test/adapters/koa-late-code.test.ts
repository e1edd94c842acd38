// Code below a layer of Koa that the layer did not wait for, while Koa waits for middleware around the layer.
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Layer, type Middleware, Response, StreamingResponse } from 'callnext';
import { toKoa } from 'callnext/koa';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { askTwice, type Kept } from '../support/keep-alive.js';

const Koa2 = require('koa2') as typeof Koa3;
type Context = Koa3.Context;
type Handler = Koa3.Middleware;

/** Whether late code is recognised by its async context: docs/internals/held-response.md. */
const tellsContexts = Number.parseInt(process.versions.node, 10) >= 24;
const itTells = tellsContexts ? it : it.skip;

const setting = (values: object) => (ctx: Context) => void Object.assign(ctx, values);

const changes: [name: string, change: (ctx: Context) => void][] = [
  ['a text', setting({ body: 'late' })],
  ['JSON', setting({ body: { late: true } })],
  ['null', setting({ body: null })],
  ['a stream', setting({ body: Readable.from(['late']) })],
  ['a status', setting({ status: 418 })],
  ['a status without a body', setting({ status: 204 })],
  ['a length', setting({ length: 2 })],
  ['a type', setting({ type: 'html' })],
  ['a redirect', ctx => ctx.redirect('/late')],
  ['an end', ctx => void ctx.res.end('late')],
  ['a write', ctx => void ctx.res.write('late')],
  ['a pipe', ctx => void Readable.from(['late']).pipe(ctx.res)],
  ['a head', ctx => void ctx.res.writeHead(201, { 'Content-Length': '1' })],
  ['a broken connection', ctx => void ctx.res.destroy()],
  [
    'an answer past Koa',
    ctx => {
      ctx.respond = false;
      ctx.res.end('late');
    },
  ],
];

/** What breaks into a body on the wire, or destroys it. */
const breaking = changes.filter(([name]) => !/status|length|type|redirect|head/.test(name));

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('code that a layer did not wait for, on %s', (_name, Koa) => {
  let log: EventLog;
  let errors: string[];
  let late: ReturnType<typeof gate<void>>;
  let released: ReturnType<typeof gate<void>>;

  beforeEach(() => {
    log = new EventLog();
    errors = [];
    late = gate();
    released = gate();
  });

  const newLayer = (middleware: Middleware[] = [leaving], timeout?: number): Layer =>
    new Layer({ middleware, onError: error => void errors.push(error.message), ...(timeout && { timeout }) });
  const leaving: Middleware = async (request, callNext) => {
    const below = callNext(request);
    if (request.path === '/second') return below;
    below.catch(() => undefined);
    return new Response('early', { status: 504 });
  };
  const above: Handler = async (ctx, next) => {
    await next();
    if (ctx.path === '/second') return;
    log.add('above');
    await released.opened;
  };
  const changing =
    (change: (ctx: Context) => unknown): Handler =>
    async ctx => {
      if (ctx.path === '/second') return setting({ body: 'second' })(ctx as Context);
      await late.opened;
      try {
        await change(ctx as Context);
      } finally {
        log.add('changed');
      }
    };

  /** Asks the app; the late code runs while Koa waits for the middleware above. */
  async function ask(...middleware: readonly unknown[]): Promise<Kept> {
    const app = new Koa();
    app.silent = true;
    for (const each of middleware) app.use(each as Handler);
    return listening(app.callback(), async url => {
      const asked = askTwice(Number(new URL(url).port), '/');
      await log.until('above');
      await turn();
      late.open();
      await log.until('changed');
      await turn();
      released.open();
      return asked;
    });
  }

  const early = { status: 504, text: 'early', isReused: true };

  it.each(changes)('cannot replace the answer by %s', async (_what, change) => {
    const kept = await ask(above, toKoa(newLayer()), changing(change));
    expect(kept).toMatchObject(early);
    expect(kept.headers).toMatchObject({ 'content-length': '5', 'content-type': 'text/plain;charset=UTF-8' });
  });

  it.each(changes)('cannot replace the answer of a timeout by %s', async (_what, change) => {
    const kept = await ask(above, toKoa(newLayer([], 1)), changing(change));
    expect(kept).toMatchObject({ status: 504, text: '{"detail":"Gateway Timeout"}', isReused: true });
    expect(errors).toEqual([expect.stringContaining('`timeout` of 1')]);
  });

  itTells.each([
    ['a header', (ctx: Context) => ctx.set('x-late', '1')],
    ['a cookie', (ctx: Context) => ctx.cookies.set('late', '1')],
    ['removing one', (ctx: Context) => ctx.remove('x-outside')],
  ])('cannot change the headers by %s', async (_what, change) => {
    const outside: Handler = async (ctx, next) => {
      ctx.set('x-outside', '1');
      await next();
    };
    const kept = await ask(outside, above, toKoa(newLayer()), changing(change));
    expect(kept).toMatchObject(early);
    expect(kept.headers['x-late']).toBeUndefined();
    expect(kept.headers['set-cookie']).toBeUndefined();
    expect(kept.headers['x-outside']).toBe('1');
  });

  it('leaves the answer to the middleware around the layer', async () => {
    const wrapping: Handler = async (ctx, next) => {
      await next();
      if (ctx.path === '/second') return;
      ctx.body = `<${String(ctx.body)}>`;
      ctx.status = 503;
      ctx.set('x-above', '1');
    };
    const kept = await ask(above, wrapping, toKoa(newLayer()), changing(changes[0]?.[1] as never));
    expect(kept).toMatchObject({ status: 503, text: '<early>', isReused: true });
    expect(kept.headers['x-above']).toBe('1');
  });

  it('leaves headers to middleware around the layer that takes its time', async () => {
    const slow: Handler = async (ctx, next) => {
      await next();
      if (ctx.path !== '/second') ctx.set('x-above', '1');
    };
    const kept = await ask(slow, above, toKoa(newLayer()), changing(changes[0]?.[1] as never));
    expect(kept).toMatchObject(early);
    expect(kept.headers['x-above']).toBe('1');
  });

  itTells('leaves the body to middleware around the layer that takes its time', async () => {
    const slow: Handler = async (ctx, next) => {
      await next();
      if (ctx.path === '/second') return;
      ctx.status = 503;
      ctx.body = new PassThrough().end(`<${String(ctx.body)}>`);
    };
    const kept = await ask(slow, above, toKoa(newLayer()), changing(changes[0]?.[1] as never));
    expect(kept).toMatchObject({ status: 503, text: '<early>', isReused: true });
  });

  it('has the streams destroyed that it sets as a body', async () => {
    const stream = new PassThrough();
    await ask(above, toKoa(newLayer()), changing(setting({ body: stream })));
    expect(stream.destroyed).toBe(true);
  });

  it('has its callbacks called for what is dropped', async () => {
    const write: Promise<unknown>[] = [];
    const change = (ctx: Context): void => {
      write.push(new Promise<void>(resolve => ctx.res.write('late', () => resolve())));
      write.push(new Promise<void>(resolve => ctx.res.end(resolve)));
    };
    expect(await ask(above, toKoa(newLayer()), changing(change))).toMatchObject(early);
    await Promise.all(write);
  });

  it('has its error reported', async () => {
    const failing = changing(() => {
      throw new Error('late failure');
    });
    expect(await ask(above, toKoa(newLayer()), failing)).toMatchObject(early);
    expect(errors).toEqual(['late failure']);
  });

  it('cannot change the page of an error that a middleware throws', async () => {
    const throwing: Middleware = async (request, callNext) => {
      if (request.path === '/second') return callNext(request);
      callNext(request).catch(() => undefined);
      throw new Error('gave up');
    };
    const rendering: Handler = async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        ctx.status = 503;
        ctx.body = (error as Error).message;
      }
    };
    for (const [, change] of changes) {
      [log, late, released] = [new EventLog(), gate(), gate()];
      const kept = await ask(above, rendering, toKoa(newLayer([throwing])), changing(change));
      expect(kept).toMatchObject({ status: 503, text: 'gave up', isReused: true });
    }
  });

  itTells.each(changes)('below an inner layer, cannot replace its answer by %s', async (_what, change) => {
    const kept = await ask(toKoa(newLayer([])), above, toKoa(newLayer()), changing(change));
    expect(kept).toMatchObject(early);
  });

  it('cannot put an inner layer back that fails after the outer one has answered', async () => {
    const failing: Middleware = async (request, callNext) => {
      const response = await callNext(request);
      if (request.path === '/second') return response;
      await late.opened;
      setImmediate(() => log.add('changed'));
      throw new Error('late failure');
    };
    const handler: Handler = ctx => {
      ctx.body = ctx.path === '/second' ? 'second' : 'first';
    };
    const kept = await ask(above, toKoa(newLayer()), toKoa(newLayer([failing])), handler);
    expect(kept).toMatchObject(early);
  });

  const streaming = (first: Handler[]) => async (change: (ctx: Context) => void) => {
    const rest = gate();
    const chunks = async function* (): AsyncGenerator<string> {
      yield 'one ';
      log.add('above');
      await rest.opened;
      yield 'two';
    };
    const middleware: Middleware = async (request, callNext) => {
      if (request.path === '/second') return callNext(request);
      callNext(request).catch(() => undefined);
      return new StreamingResponse(chunks());
    };
    const handler = changing(async ctx => {
      change(ctx);
      await turn();
      rest.open();
    });
    return ask(...first, toKoa(newLayer([middleware])), handler);
  };
  const passing: Handler = (_ctx, next) => next();

  it.each(breaking)('cannot break into a streamed answer by %s', async (_what, change) => {
    expect(await streaming([])(change)).toMatchObject({ text: 'one two', isReused: true });
  });

  itTells.each(breaking)('cannot break into one below other middleware by %s', async (_what, change) => {
    expect(await streaming([passing])(change)).toMatchObject({ text: 'one two', isReused: true });
  });
});
