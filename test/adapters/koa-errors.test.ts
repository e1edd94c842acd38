// Tests errors of native code on Koa: the dependencies receive those that the layer, a guard or a boundary
// sees, whoever answers.
import type http from 'node:http';
import { type CallnextError, Depends, Layer, PlainTextResponse } from 'callnext';
import { errorBoundary, fromKoa, inject, toKoa } from 'callnext/koa';
import Koa3 from 'koa';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { Conflict, watchedBy } from '../support/native-failures.js';

const Koa2 = require('koa2') as typeof Koa3;

describe.each([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('errors of native code on %s', (_name, Koa) => {
  let log: EventLog;
  let layer: Layer;

  const { watching, onError, transaction } = watchedBy(() => log);

  const render: Koa3.Middleware = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      log.add(`rendered ${(error as Error).message}`);
      ctx.status = (error as Conflict).status ?? 500;
      ctx.body = { rendered: (error as Error).message };
    }
  };
  const conflicts: Koa3.Middleware = async ctx => {
    await inject(ctx, transaction);
    throw new Conflict('conflict');
  };
  const answersAndThrows: Koa3.Middleware = async ctx => {
    await inject(ctx, transaction);
    ctx.respond = false;
    ctx.set('X-Old', '1');
    ctx.res.statusCode = 201;
    ctx.res.end('created');
    throw new Conflict('too late');
  };

  beforeEach(() => {
    log = new EventLog();
    layer = new Layer({ middleware: [watching], onError });
  });

  function listener(...middleware: readonly unknown[]): http.RequestListener {
    const app = new Koa();
    app.silent = true;
    for (const each of middleware) app.use(each as Koa3.Middleware);
    return app.callback();
  }

  const ask = (...middleware: readonly unknown[]) =>
    listening(listener(...middleware), async url => {
      const response = await fetch(url);
      const body = await response.text();
      await layer.close();
      return { status: response.status, body, old: response.headers.get('x-old') };
    });

  const rolledBack = ['rollback: conflict', 'reported background: dropped'];

  describe('that the app answers below the layer', () => {
    it('are thrown in before the answer when a boundary follows the error middleware', async () => {
      const got = await ask(toKoa(layer), render, errorBoundary(layer), conflicts);
      expect([got.status, got.body]).toEqual([409, '{"rendered":"conflict"}']);
      expect(log.events).toEqual(['begin', 'rendered conflict', ...rolledBack, 'after 409', 'always']);
    });

    it('are thrown in by a guard that they pass', async () => {
      const guard = toKoa(Depends(() => undefined));
      expect((await ask(toKoa(layer), render, guard, conflicts)).status).toBe(409);
      expect(log.events).toEqual(['begin', ...rolledBack, 'rendered conflict', 'after 409', 'always']);
    });

    it('are thrown in by a layer that contains the error middleware', async () => {
      layer = new Layer({ middleware: [watching, fromKoa(render)], onError });
      expect((await ask(toKoa(layer), conflicts)).status).toBe(409);
      expect(log.events).toEqual(['begin', ...rolledBack, 'rendered conflict', 'after 409', 'always']);
    });

    it('are invisible without any of these: docs/guides/add-to-koa.md', async () => {
      expect((await ask(toKoa(layer), render, conflicts)).status).toBe(409);
      expect(log.events).toEqual(['begin', 'rendered conflict', 'after 409', 'commit', 'task', 'always']);
    });

    it('belong to the layer if the error middleware stands above it', async () => {
      expect((await ask(render, toKoa(layer), conflicts)).status).toBe(409);
      expect(log.events).toEqual(['begin', ...rolledBack, 'caught conflict', 'rendered conflict', 'always']);
    });

    it('are not handled by a boundary of another layer', async () => {
      const other = errorBoundary(new Layer());
      expect((await ask(toKoa(layer), render, other, conflicts)).status).toBe(409);
      expect(log.events).toContain('commit');
    });

    it('propagate as they were thrown, also without any layer', async () => {
      const got = await ask(render, errorBoundary(layer), () => {
        throw new Conflict('nobody');
      });
      expect([got.status, log.events]).toEqual([409, ['rendered nobody']]);
      expect(() => errorBoundary((() => undefined) as never)).toThrow(
        expect.objectContaining({ code: 'ERROR_BOUNDARY' }) as CallnextError,
      );
    });

    it('make callNext reject when nobody answers them', async () => {
      layer.addExceptionHandler(Conflict, () => new PlainTextResponse('handled', { status: 418 }));
      const passing: Koa3.Middleware = (_ctx, next) => next();
      expect((await ask(toKoa(layer), passing, errorBoundary(layer), conflicts)).status).toBe(418);
      expect(log.events).toEqual(['begin', ...rolledBack, 'after 418', 'always']);
    });
  });

  describe('that come after native code has answered', () => {
    const late: Koa3.Middleware = async ctx => {
      ctx.respond = false;
      ctx.res.writeHead(200).end('first');
      throw new Conflict('too late');
    };
    it.each<[string, () => unknown[]]>([
      ['the layer alone', () => [toKoa(layer), late]],
      ['below the error middleware', () => [render, toKoa(layer), late]],
      ['a boundary', () => [toKoa(layer), render, errorBoundary(layer), late]],
      ['a guard', () => [toKoa(layer), render, toKoa(Depends(() => undefined)), late]],
    ])('leave the first answer unchanged: %s', async (_how, mounted) => {
      expect(await ask(...mounted())).toMatchObject({ status: 200, body: 'first' });
      expect(log.events).toContain('after 200');
      expect(log.events.filter(event => event.startsWith('reported'))).toEqual([
        'reported request: too late',
      ]);
    });

    it('roll back what the layer has entered', async () => {
      layer = new Layer({ middleware: [watching], dependencies: [transaction], onError });
      expect(await ask(toKoa(layer), late)).toMatchObject({ status: 200, body: 'first' });
      const rest = ['rollback: too late', 'reported background: dropped', 'always'];
      expect(log.events).toEqual(['begin', 'reported request: too late', 'after 200', ...rest]);
    });

    const thrownIn = ['rollback: too late', 'reported background: dropped'];
    it.each<[string, () => unknown[], string[]]>([
      [
        'above the layer',
        () => [render, toKoa(layer), answersAndThrows],
        ['begin', ...thrownIn, 'caught too late', 'rendered too late', 'always'],
      ],
      [
        'above a boundary',
        () => [toKoa(layer), render, errorBoundary(layer), answersAndThrows],
        ['begin', 'rendered too late', ...thrownIn, 'after 409', 'always'],
      ],
      [
        'above a guard',
        () => [toKoa(layer), render, toKoa(transaction), answersAndThrows],
        ['begin', ...thrownIn, 'rendered too late', 'after 409', 'always'],
      ],
    ])(
      'replace the answer when native code has injected, for an error middleware %s',
      async (_where, mounted, events) => {
        const got = await ask(...mounted());
        expect(got).toEqual({ status: 409, body: '{"rendered":"too late"}', old: null });
        expect(log.events).toEqual(events);
      },
    );

    it('replace it while a middleware works on it', async () => {
      const failed = gate();
      const working = gate();
      layer.addMiddleware(async (request, callNext) => {
        const response = await callNext(request);
        working.open();
        await failed.opened;
        return response;
      });
      const handler: Koa3.Middleware = async ctx => {
        await inject(ctx, transaction);
        ctx.res.writeHead(200).end('first');
        await working.opened;
        setImmediate(failed.open);
        throw new Conflict('too late');
      };
      expect(await ask(render, toKoa(layer), handler)).toMatchObject({
        status: 409,
        body: '{"rendered":"too late"}',
      });
      expect(log.events).toEqual(['begin', 'after 200', ...thrownIn, 'rendered too late', 'always']);
    });
  });

  describe('in an error middleware that injects', () => {
    const injecting: Koa3.Middleware = async (ctx, next) => {
      try {
        await next();
      } catch {
        const value = await inject(ctx, transaction).catch((refused: CallnextError) => refused.code);
        ctx.status = 409;
        ctx.body = { given: value === ctx.state.transaction ? 'the same' : value };
      }
    };
    const keeping: Koa3.Middleware = async ctx => {
      ctx.state.transaction = await inject(ctx, transaction);
      throw new Conflict('conflict');
    };

    it('get the transaction of the request while it is open', async () => {
      expect((await ask(toKoa(layer), injecting, errorBoundary(layer), keeping)).body).toBe(
        '{"given":"the same"}',
      );
      expect(log.events.filter(event => event === 'begin')).toHaveLength(1);
    });

    it('are refused it after its exit', async () => {
      for (const mounted of [
        [injecting, toKoa(layer), keeping],
        [toKoa(layer), injecting, toKoa(Depends(() => undefined)), keeping],
      ]) {
        layer = new Layer({ onError });
        log.events.length = 0;
        expect((await ask(...mounted)).body).toBe('{"given":"DEPENDENCY_EXITED"}');
        expect(log.events.filter(event => event === 'begin')).toHaveLength(1);
      }
    });
  });
});
