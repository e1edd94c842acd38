// Tests errors of native code on Express: the same code answers them as without a layer, and the dependencies
// receive them, however the layer is mounted.
import type http from 'node:http';
import { Depends, Layer, PlainTextResponse } from 'callnext';
import { errorBoundary, inject, toExpress, wrap } from 'callnext/express';
import { timeout } from 'callnext/middleware/timeout';
import express5 from 'express';
import { EventLog, gate } from '../support/events.js';
import { listening } from '../support/frameworks.js';
import { Conflict, watchedBy } from '../support/native-failures.js';

const express4 = require('express4') as typeof express5;

describe.each([
  ['Express 5', express5, express4],
  ['Express 4', express4, express5],
])('errors of native code on %s', (_name, express, otherExpress) => {
  let log: EventLog;
  let layer: Layer;

  const { watching, onError, getTransaction, transaction } = watchedBy(() => log);

  const render: express5.ErrorRequestHandler = (error, _req, res, next) => {
    if (res.headersSent) return next(error);
    log.add(`rendered ${error.message}`);
    res.status(error.status ?? 500).json({ rendered: error.message });
  };

  /** Catches the rejections of an async handler, which Express 4 does not. */
  const handling =
    (
      handle: (req: express5.Request, res: express5.Response, next: express5.NextFunction) => unknown,
    ): express5.RequestHandler =>
    async (req, res, next) => {
      if (express === express5) return void (await handle(req, res, next));
      new Promise(resolve => resolve(handle(req, res, next))).catch(next);
    };

  function newApp(): express5.Express {
    const app = express();
    app.set('env', 'test');
    return app;
  }

  const fails = new Conflict('conflict');
  const failing: Record<string, express5.RequestHandler> = {
    throws: () => {
      throw fails;
    },
    'passes to next': (_req, _res, next) => next(fails),
    rejects: handling(async () => {
      throw fails;
    }),
    'injects and rejects': handling(async req => {
      await inject(req, transaction);
      throw fails;
    }),
    'injects and passes to next': (req, _res, next) => {
      inject(req, transaction).then(() => next(fails));
    },
  };

  type Mount = (
    routes: (app: express5.Router) => void,
    ...errorHandlers: express5.ErrorRequestHandler[]
  ) => http.RequestListener;
  const mounts: Record<string, Mount> = {
    plain: (routes, ...errorHandlers) => {
      const app = newApp().use(toExpress(layer));
      routes(app);
      return errorHandlers.length > 0 ? app.use(...errorHandlers) : app;
    },
    'a boundary before': (routes, ...errorHandlers) => {
      const app = newApp().use(toExpress(layer));
      routes(app);
      return app.use(errorBoundary(layer) as express5.ErrorRequestHandler, ...errorHandlers);
    },
    'a boundary after': (routes, ...errorHandlers) => {
      const app = newApp().use(toExpress(layer));
      routes(app);
      return app.use(...errorHandlers, errorBoundary(layer) as express5.ErrorRequestHandler);
    },
    wrap: (routes, ...errorHandlers) => {
      const app = newApp();
      routes(app);
      return wrap(
        (errorHandlers.length > 0 ? app.use(...errorHandlers) : app) as never,
        layer,
      ) as http.RequestListener;
    },
    'a nested router that answers its errors': (routes, ...errorHandlers) => {
      const router = express.Router();
      routes(router);
      return newApp()
        .use(toExpress(layer))
        .use(router.use(...errorHandlers));
    },
    'a layer in a sub-router': (routes, ...errorHandlers) => {
      const router = express.Router().use(toExpress(layer));
      routes(router);
      return newApp()
        .use(router)
        .use(...errorHandlers);
    },
    'routers in an app that is mounted': (routes, ...errorHandlers) => {
      const router = express.Router();
      routes(router);
      const inner = newApp().use(express.Router().use(router));
      return newApp()
        .use(toExpress(layer))
        .use(inner)
        .use(...errorHandlers);
    },
    'a router of another copy of Express': (routes, ...errorHandlers) => {
      const router = otherExpress.Router();
      routes(router);
      return newApp()
        .use(toExpress(layer))
        .use(router.use(...errorHandlers));
    },
    'an app of another copy of Express': (routes, ...errorHandlers) => {
      const inner = otherExpress().set('env', 'test');
      routes(inner);
      return newApp()
        .use(toExpress(layer))
        .use(inner.use(...errorHandlers));
    },
  };

  beforeEach(() => {
    log = new EventLog();
    layer = new Layer({ middleware: [watching], onError });
  });

  /** Sends one request, and waits for the last task. */
  const ask = (listener: http.RequestListener, path = '/', init: RequestInit = {}) =>
    listening(listener, async url => {
      const response = await fetch(url + path, { redirect: 'manual', ...init });
      const body = await response.text();
      await layer.close();
      return { status: response.status, headers: response.headers, body };
    });

  const rolledBack = ['rollback: conflict', 'reported background: dropped'];
  const byApp = ['begin', 'rendered conflict', ...rolledBack, 'after 409', 'always'];

  describe('that the app answers', () => {
    it.each<[string, string, string[]]>([
      ['plain', 'injects and rejects', byApp],
      ['plain', 'injects and passes to next', byApp],
      ['plain', 'throws', ['rendered conflict', 'after 409']],
      [
        'a boundary before',
        'injects and rejects',
        ['begin', ...rolledBack, 'caught conflict', 'rendered conflict', 'always'],
      ],
      ['a boundary after', 'injects and rejects', byApp],
      ['wrap', 'injects and rejects', byApp],
      ['a nested router that answers its errors', 'injects and rejects', byApp],
      ['a layer in a sub-router', 'injects and passes to next', byApp],
      ['a router of another copy of Express', 'injects and passes to next', byApp],
      ['an app of another copy of Express', 'injects and passes to next', byApp],
    ])('roll back before the answer: %s, a handler that %s', async (mount, handler, events) => {
      const listener = mounts[mount]?.(
        app => app.get('/', failing[handler] as express5.RequestHandler),
        render,
      );
      expect(await ask(listener as http.RequestListener)).toMatchObject({
        status: 409,
        body: '{"rendered":"conflict"}',
      });
      expect(log.events).toEqual(events);
    });

    it.each(['throws', 'passes to next', 'rejects'])(
      'are thrown into the dependencies of the layer: a handler that %s',
      async handler => {
        layer = new Layer({ middleware: [watching], dependencies: [transaction], onError });
        const listener = mounts.plain?.(
          app => app.get('/', failing[handler] as express5.RequestHandler),
          render,
        );
        expect((await ask(listener as http.RequestListener)).status).toBe(409);
        expect(log.events).toEqual(byApp);
      },
    );

    it('are thrown into a guard and what is entered inside it', async () => {
      const listener = mounts.plain?.(app => {
        app.use(toExpress(transaction) as express5.RequestHandler);
        app.get('/', failing.throws as express5.RequestHandler);
      }, render);
      expect((await ask(listener as http.RequestListener)).status).toBe(409);
      expect(log.events).toEqual(byApp);
    });

    it('are thrown in unchanged when the app answers with a 5xx, which the client gets', async () => {
      const down = new Error('down');
      const listener = mounts.plain?.(
        app => app.get('/', (req, _res, next) => void inject(req, transaction).then(() => next(down))),
        render,
      );
      expect((await ask(listener as http.RequestListener)).status).toBe(500);
      expect(log.events).toEqual([
        'begin',
        'rendered down',
        'rollback: down',
        'reported background: dropped',
        'after 500',
        'always',
      ]);
    });

    it('bypass the exception handlers of the layer', async () => {
      layer.addExceptionHandler(Conflict, () => new PlainTextResponse('handled'));
      const listener = mounts.plain?.(app => app.get('/', failing.throws as express5.RequestHandler), render);
      expect((await ask(listener as http.RequestListener)).status).toBe(409);
      expect(log.events).toEqual(['rendered conflict', 'after 409']);
    });

    it('are answered by an error handler of their own route', async () => {
      const listener = mounts.plain?.(app =>
        app.get('/', failing['injects and passes to next'] as express5.RequestHandler, render as never),
      );
      expect((await ask(listener as http.RequestListener)).status).toBe(409);
      expect(log.events).toEqual(byApp);
    });

    it('are thrown in as the error handler that passed them on changed them', async () => {
      const translate: express5.ErrorRequestHandler = (error, _req, _res, next) =>
        next(Object.assign(new Error('translated', { cause: error }), { status: 422 }));
      const listener = mounts.plain?.(
        app => app.get('/', failing['injects and rejects'] as express5.RequestHandler),
        translate,
        render,
      );
      expect((await ask(listener as http.RequestListener)).status).toBe(422);
      expect(log.events.slice(1, 3)).toEqual(['rendered translated', 'rollback: translated']);
    });

    it('become what a dependency turns them into', async () => {
      async function* converting() {
        try {
          yield;
        } catch (error) {
          throw new Error('rollback failed', { cause: error });
        }
      }
      const listener = mounts.plain?.(
        app =>
          app.get('/', (req, _res, next) => void inject(req, Depends(converting)).then(() => next(fails))),
        render,
      );
      expect((await ask(listener as http.RequestListener)).status).toBe(409);
      expect(log.events).toEqual(['rendered conflict', 'reported exit: rollback failed', 'after 409']);
    });

    it('are not observed with `errorTap: false`, which leaves the app alone', async () => {
      const app = newApp().use(toExpress(layer, { errorTap: false }) as express5.RequestHandler);
      app.get('/', failing['injects and rejects'] as express5.RequestHandler).use(render);
      const { stack } = (express === express5 ? app.router : Reflect.get(app, '_router')) as {
        stack: unknown[];
      };
      const before = stack.length;
      expect((await ask(app)).status).toBe(409);
      expect(log.events).toEqual(['begin', 'rendered conflict', 'after 409', 'commit', 'task', 'always']);
      expect(stack.length).toBe(before);
    });

    it('are observed by a boundary with `errorTap: false`', async () => {
      const app = newApp().use(toExpress(layer, { errorTap: false }) as express5.RequestHandler);
      app.get('/', failing['injects and rejects'] as express5.RequestHandler);
      app.use(errorBoundary(layer) as express5.ErrorRequestHandler, render);
      expect((await ask(app)).status).toBe(409);
      expect(log.events).toEqual(['begin', ...rolledBack, 'caught conflict', 'rendered conflict', 'always']);
    });
  });

  describe('that an error handler recovers from', () => {
    const recover: express5.ErrorRequestHandler = (_error, _req, _res, next) => {
      log.add('recovers');
      next();
    };

    it('roll back before it goes on, and later dependencies begin anew', async () => {
      const listener = mounts.plain?.(app => {
        app.get('/', failing['injects and rejects'] as express5.RequestHandler);
        app.use(recover);
        app.get('/', (req, res) => void inject(req, transaction).then(value => res.json(value)));
      });
      expect((await ask(listener as http.RequestListener)).status).toBe(200);
      const anew = ['begin', 'after 200', 'commit', 'always', 'task', 'always'];
      expect(log.events).toEqual(['begin', 'recovers', ...rolledBack, ...anew]);
    });

    it('do not affect what is entered afterwards', async () => {
      const listener = mounts.plain?.(app => {
        app.use(failing.throws as express5.RequestHandler, recover as never);
        app.get('/', (req, res) => void inject(req, transaction).then(value => res.json(value)));
      });
      expect((await ask(listener as http.RequestListener)).status).toBe(200);
      expect(log.events).toEqual(['recovers', 'begin', 'after 200', 'commit', 'task', 'always']);
    });
  });

  describe('that the app does not answer', () => {
    const nobody = ['begin', ...rolledBack, 'caught conflict', 'always'];
    it.each(['plain', 'a boundary before', 'wrap', 'a layer in a sub-router'])(
      'make callNext reject, and go back to Express: %s',
      async mount => {
        const passing: express5.ErrorRequestHandler = (error, _req, _res, next) => next(error);
        const handler = failing['injects and rejects'] as express5.RequestHandler;
        const { status, body } = await ask(
          mounts[mount]?.(app => app.get('/', handler), passing) as http.RequestListener,
        );
        expect([status, /<pre>Error: conflict/.test(body)]).toEqual([409, true]);
        expect(log.events).toEqual(nobody);
      },
    );

    it.each(['plain', 'a boundary before', 'a boundary after', 'wrap'])(
      'are answered by an exception handler of the layer: %s',
      async mount => {
        layer.addExceptionHandler(Conflict, () => {
          log.add('handler');
          return new PlainTextResponse('handled', { status: 418 });
        });
        const passing: express5.ErrorRequestHandler = (error, _req, _res, next) => next(error);
        const handler = failing['injects and rejects'] as express5.RequestHandler;
        const got = await ask(mounts[mount]?.(app => app.get('/', handler), passing) as http.RequestListener);
        expect([got.status, got.body]).toEqual([418, 'handled']);
        expect(log.events).toEqual(['begin', ...rolledBack, 'handler', 'after 418', 'always']);
      },
    );
  });

  describe('that come after native code has answered', () => {
    const late: Record<string, express5.RequestHandler> = {
      'redirects, and answers again': (_req, res) => {
        res.redirect('/login');
        res.json({ secret: true });
      },
      'answers, and goes on': (_req, res, next) => {
        res.json({ first: true });
        next();
      },
      'answers, and throws': (_req, res) => {
        res.json({ first: true });
        throw new Error('too late');
      },
      'answers, and passes to next later': (_req, res, next) => {
        res.json({ first: true });
        setImmediate(() => next(new Error('too late')));
      },
    };
    const again = 'reported request: Cannot set headers after they are sent to the client';
    it.each(
      ['plain', 'a boundary before', 'wrap'].flatMap(mount => [
        [mount, 'redirects, and answers again', 302, ['after 302', again]] as const,
        [mount, 'answers, and goes on', 200, ['after 200', again]] as const,
        [mount, 'answers, and throws', 200, ['after 200', 'reported request: too late']] as const,
        [
          mount,
          'answers, and passes to next later',
          200,
          ['after 200', 'reported request: too late'],
        ] as const,
      ]),
    )('leave the first answer unchanged: %s, a handler that %s', async (mount, handler, status, events) => {
      const told = gate();
      layer = new Layer({
        middleware: [watching],
        onError: (...given) => {
          onError(...given);
          told.open();
        },
      });
      const listener = mounts[mount]?.(app => {
        app.get('/', late[handler] as express5.RequestHandler);
        app.use((_req, res) => void res.status(404).json({}));
      }, render);
      await listening(listener as http.RequestListener, async url => {
        const response = await fetch(url, { redirect: 'manual' });
        expect(response.status).toBe(status);
        expect(await response.text()).toMatch(status === 302 ? /login/ : /^{"first":true}$/);
        await told.opened;
      });
      expect([...log.events].sort()).toEqual([...events].sort());
    });

    it('roll back what the layer has entered', async () => {
      layer = new Layer({ middleware: [watching], dependencies: [transaction], onError });
      const listener = mounts.plain?.(
        app => app.get('/', late['answers, and throws'] as express5.RequestHandler),
        render,
      );
      expect((await ask(listener as http.RequestListener)).status).toBe(200);
      const rest = ['rollback: too late', 'reported background: dropped', 'always'];
      expect(log.events).toEqual(['begin', 'reported request: too late', 'after 200', ...rest]);
    });

    const answersAndThrows = handling(async (req, res) => {
      await inject(req, transaction);
      res.set('X-Old', '1').status(201).cookie('old', '1').json({ created: true });
      throw new Error('too late');
    });
    const instead = [
      'begin',
      'rollback: too late',
      'reported background: dropped',
      'caught too late',
      'rendered too late',
      'always',
    ];
    it.each([
      'plain',
      'a boundary before',
      'a boundary after',
      'wrap',
      'a layer in a sub-router',
      'routers in an app that is mounted',
    ])('replace the answer when native code has injected: %s', async mount => {
      const got = await ask(
        mounts[mount]?.(app => app.get('/', answersAndThrows), render) as http.RequestListener,
      );
      expect([got.status, got.body]).toEqual([500, '{"rendered":"too late"}']);
      expect([got.headers.get('x-old'), got.headers.get('set-cookie')]).toEqual([null, null]);
      expect(log.events).toEqual(instead);
    });

    it('replace it below a guard too, and before an exit of scope `function`', async () => {
      const marker = Depends(getTransaction, { scope: 'function' });
      const listener = mounts.plain?.(app => {
        app.use(toExpress(marker) as express5.RequestHandler);
        app.get(
          '/',
          handling(async (req, res) => {
            await inject(req, marker);
            const answer = async (): Promise<void> => {
              await (async () => res.status(201).json({}))();
              throw new Error('too late');
            };
            await (async () => answer())();
          }),
        );
      }, render);
      expect((await ask(listener as http.RequestListener)).status).toBe(500);
      expect(log.events).toEqual(instead);
    });

    it.each(['plain', 'a boundary before', 'wrap'])(
      'replace it while a middleware works on it, and the app renders them: %s',
      async mount => {
        const failed = gate();
        const working = gate();
        layer.addMiddleware(async (request, callNext) => {
          const response = await callNext(request);
          working.open();
          await failed.opened;
          return response;
        });
        const handler: express5.RequestHandler = (req, res, next) => {
          void inject(req, transaction).then(() => {
            res.status(201).json({ created: true });
            return working.opened.then(() => {
              next(new Error('too late'));
              failed.open();
            });
          });
        };
        const got = await ask(mounts[mount]?.(app => app.get('/', handler), render) as http.RequestListener);
        expect([got.status, got.body]).toEqual([500, '{"rendered":"too late"}']);
        const rest = ['rollback: too late', 'reported background: dropped', 'rendered too late', 'always'];
        expect(log.events).toEqual(['begin', 'after 201', ...rest]);
      },
    );

    it('are reported when a middleware has failed meanwhile', async () => {
      const failed = gate();
      layer.addMiddleware(async (request, callNext) => {
        await callNext(request);
        await failed.opened;
        throw new Error('middleware');
      });
      const handler: express5.RequestHandler = (req, res, next) => {
        void inject(req, transaction).then(() => {
          res.json({});
          setImmediate(() => {
            next(new Error('too late'));
            failed.open();
          });
        });
      };
      expect(
        (await ask(mounts.plain?.(app => app.get('/', handler), render) as http.RequestListener)).status,
      ).toBe(500);
      const rest = [
        'reported background: dropped',
        'reported request: too late',
        'rendered middleware',
        'always',
      ];
      expect(log.events).toEqual(['begin', 'after 200', 'rollback: middleware', ...rest]);
    });

    it('leave the answer to an error unchanged', async () => {
      const rendersAndThrows: express5.ErrorRequestHandler = (error, _req, res, _next) => {
        res.status(409).json({ rendered: error.message });
        throw new Error('after the page');
      };
      const handler = failing['injects and rejects'] as express5.RequestHandler;
      const got = await ask(
        mounts.plain?.(app => app.get('/', handler), rendersAndThrows) as http.RequestListener,
      );
      expect([got.status, got.body]).toEqual([409, '{"rendered":"conflict"}']);
      expect(log.events).toEqual([
        'begin',
        'reported request: after the page',
        ...rolledBack,
        'after 409',
        'always',
      ]);
    });
  });

  it('that come after a timeout has answered roll back, whoever answers them', async () => {
    const answered = gate();
    layer.addMiddleware(timeout({ timeoutMs: 20 }));
    const handler: express5.RequestHandler = (req, _res, next) => {
      void inject(req, transaction).then(async () => {
        await answered.opened;
        next(fails);
      });
    };
    const listener = mounts.plain?.(app => app.get('/', handler), render) as http.RequestListener;
    await listening(listener, async url => {
      expect((await fetch(url)).status).toBe(504);
      answered.open();
      await layer.close();
    });
    expect(log.events.filter(event => /^(commit|rollback)/.test(event))).toHaveLength(1);
    expect(log.events).not.toContain('commit');
  });

  describe('in an error middleware that injects', () => {
    const injecting: express5.ErrorRequestHandler = (error, req, res, next) => {
      inject(req, transaction).then(
        value => {
          log.add(`injected ${value === Reflect.get(req, 'transaction') ? 'the same' : 'another'}`);
          render(error, req, res, next);
        },
        refused => {
          log.add(`refused ${refused.code}`);
          render(error, req, res, next);
        },
      );
    };
    const keeping = handling(async req => {
      Reflect.set(req, 'transaction', await inject(req, transaction));
      throw fails;
    });

    it('get the transaction of the request while it is open', async () => {
      expect(
        (await ask(mounts.plain?.(app => app.get('/', keeping), injecting) as http.RequestListener)).status,
      ).toBe(409);
      const rest = ['injected the same', 'rendered conflict', ...rolledBack, 'after 409', 'always'];
      expect(log.events).toEqual(['begin', ...rest]);
    });

    it('are refused it after its exit, with whatever needs it', async () => {
      const got = await ask(
        mounts['a boundary before']?.(app => app.get('/', keeping), injecting) as http.RequestListener,
      );
      expect(got.status).toBe(409);
      const rest = ['caught conflict', 'refused DEPENDENCY_EXITED', 'rendered conflict', 'always'];
      expect(log.events).toEqual(['begin', ...rolledBack, ...rest]);
    });
  });

  describe('leave apps alone', () => {
    it('without a layer, on the same copy of Express', async () => {
      await ask(
        mounts.plain?.(
          app => app.get('/', failing.throws as express5.RequestHandler),
          render,
        ) as http.RequestListener,
      );
      log.events.length = 0;
      const app = newApp();
      app
        .get('/', failing.throws as express5.RequestHandler)
        .use((_error, _req, _res, next) => next(), render);
      app.get('/', (_req, res) => void res.send('went on'));
      expect(await ask(app)).toMatchObject({ status: 200, body: 'went on' });
      const mocked = express.Router().use(failing.throws as express5.RequestHandler) as never as (
        ...args: unknown[]
      ) => void;
      const given = await new Promise(resolve => mocked({ url: '/', method: 'GET' }, undefined, resolve));
      expect(given).toBe(fails);
      expect(log.events).toEqual([]);
    });

    it('with a patch and a tap that two copies of callnext make only once', async () => {
      const app = newApp().use(toExpress(layer) as express5.RequestHandler);
      app.use(express.Router().get('/', (_req, res) => void res.send('answer')));
      const get = (path: string) => listening(app, async url => (await fetch(url + path)).text());
      await get('/');
      const { stack } = (express === express5 ? app.router : Reflect.get(app, '_router')) as {
        stack: object[];
      };
      const prototype = Object.getPrototypeOf(stack[0]);
      const name = express === express5 ? 'handleError' : 'handle_error';
      const patched = prototype[name];
      const length = stack.length;
      await jest.isolateModulesAsync(async () => {
        const other = require('callnext/express') as typeof import('callnext/express');
        expect(other.toExpress).not.toBe(toExpress);
        const second = other.toExpress(() => new PlainTextResponse('short')) as express5.RequestHandler;
        app.use('/second', second);
        for (let turn = 0; turn < 3; turn += 1) expect(await get('/second')).toBe('short');
      });
      expect([prototype[name] === patched, patched.length]).toEqual([true, 4]);
      // The route, and the stack end of one copy, which has two entries.
      expect(stack.length).toBe(length + 3);
    });

    it('for an error that callnext has given to Express', async () => {
      const broken = (): never => {
        throw new Conflict('broken guard');
      };
      const listener = mounts.plain?.(app => {
        app.get('/', (req, _res, next) => void inject(req, transaction).then(() => next()));
        app.use(toExpress(Depends(broken)) as express5.RequestHandler);
      }, render);
      await ask(listener as http.RequestListener);
      expect(log.events.filter(event => event.startsWith('rollback'))).toEqual(['rollback: broken guard']);
    });
  });
});
