import type http from 'node:http';
import { BackgroundTask, Depends, Layer, type LayerOptions } from 'callnext';
import { requestId } from 'callnext/middleware/request-id';
import { backgroundTasks } from 'callnext/node';
import { ask } from '../support/ask.js';
import { EventLog, gate } from '../support/events.js';
import { type Answer, listening, mounts } from '../support/frameworks.js';

describe.each(mounts)('backgroundTasks() in a native handler of $name', ({ app }) => {
  let log: EventLog;
  beforeEach(() => {
    log = new EventLog();
  });

  async function* getDb(): AsyncGenerator<string> {
    try {
      yield 'db';
    } catch (error) {
      log.add('rollback');
      throw error;
    }
    log.add('exit');
  }
  const newLayer = (options: LayerOptions = {}): Layer =>
    new Layer({
      middleware: [
        async function around(request, callNext) {
          const response = await callNext(request);
          log.add(`after ${response.status}`);
          return response;
        },
      ],
      onError: (error, { phase }) => log.add(`reported ${phase}: ${(error as { code?: string }).code}`),
      ...options,
    });
  const addBoth = (answer: Answer): void => {
    answer.tasks().addTask(log.add, 'task');
    answer.tasks().addTask(new BackgroundTask(log.add, ['always'], { when: 'always' }));
  };
  /** Sends one request, and waits until the layer has finished. */
  async function run(handle: (answer: Answer) => unknown, layer = newLayer()): Promise<number> {
    return listening(app().use(layer).handler('/', handle).listener(), async (_url, port) => {
      const { status } = await ask(port);
      await layer.close();
      return status;
    });
  }

  it('runs them after the middleware and the exits, in the order they were added', async () => {
    const status = await run(async answer => {
      addBoth(answer);
      await answer.inject(Depends(getDb));
      answer.tasks().addTask(log.add, 'last');
      answer.status(201).send({});
    });
    expect(status).toBe(201);
    expect(log.events).toEqual(['after 201', 'exit', 'task', 'always', 'last']);
  });

  it('drops and reports them when the handler fails, except those that always run', async () => {
    const status = await run(async answer => {
      await answer.inject(Depends(getDb));
      addBoth(answer);
      throw Object.assign(new Error('no'), { status: 409 });
    });
    expect(status).toBe(409);
    const rolledBack = log.events.filter(event => !event.startsWith('after'));
    expect(rolledBack).toEqual(['rollback', 'reported background: TASK_DROPPED', 'always']);
  });

  it('drops and reports them when the handler answers with a 5xx', async () => {
    const status = await run(answer => {
      addBoth(answer);
      answer.status(503).send('busy');
    });
    expect(status).toBe(503);
    expect(log.events).toEqual(['reported background: TASK_DROPPED', 'after 503', 'always']);
  });

  it('drops and reports them when the handler fails after its answer', async () => {
    await run(answer => {
      addBoth(answer);
      answer.send('ok');
      throw new Error('late');
    });
    expect(log.events).toContain('reported background: TASK_DROPPED');
    expect(log.events).not.toContain('task');
  });

  it('runs one that is added in the same tick as the answer', async () => {
    await run(answer => {
      answer.send('ok');
      addBoth(answer);
    });
    expect(log.events).toEqual(['after 200', 'task', 'always']);
  });

  it('refuses one that is added after all have run, with an error that names it', async () => {
    const over = gate();
    const layer = newLayer();
    let late: unknown;
    const handle = (answer: Answer): void => {
      const tasks = answer.tasks();
      tasks.addTask(() => setImmediate(over.open));
      void over.opened.then(() => {
        try {
          answer.tasks().addTask(function sendMail() {
            log.add('mail');
          });
        } catch (error) {
          late = error;
        }
        log.add('late');
      });
      answer.send('ok');
    };
    await listening(app().use(layer).handler('/', handle).listener(), async (_url, port) => {
      await ask(port);
      await layer.close();
      await log.until('late');
    });
    expect(late).toMatchObject({ code: 'TASK_LATE', message: expect.stringContaining('sendMail') });
  });

  it('throws TASK_OUTSIDE without a layer around the handler', async () => {
    let thrown: unknown;
    const handle = (answer: Answer): void => {
      try {
        answer.tasks();
      } catch (error) {
        thrown = error;
      }
      answer.send('ok');
    };
    await listening(app().handler('/', handle).listener(), (_url, port) => ask(port));
    expect(thrown).toMatchObject({ code: 'TASK_OUTSIDE' });
  });

  it('lets `requestId` use the id that a logger of the app has given', async () => {
    const ids = [1, 2, 'three'];
    const logger = Symbol('logger');
    const layer = new Layer({
      middleware: [
        requestId({
          generator: request => {
            const { req } = request.raw as { req: http.IncomingMessage };
            return String(Reflect.get(req, logger));
          },
        }),
      ],
    });
    const listener = app()
      .use(layer)
      .handler('/', answer => answer.send(String(answer.req.headers['x-request-id'])))
      .listener();
    // The logger wraps the app, so that a layer of `wrap` sees its store.
    const logging: http.RequestListener = (req, res) => {
      Reflect.set(req, logger, ids.shift());
      listener(req, res);
    };
    await listening(logging, async (_url, port) => {
      for (const id of ['1', '2', 'three']) {
        const got = await ask(port);
        expect([got.headers['x-request-id'], got.text]).toEqual([id, id]);
      }
    });
  });
});

it('throws TASK_OUTSIDE for a value that is not a request', () => {
  expect(() => backgroundTasks({} as never)).toThrow(expect.objectContaining({ code: 'TASK_OUTSIDE' }));
});
