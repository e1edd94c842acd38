import net from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { type CallnextError, Depends, endpoint, Layer, type Middleware, PlainTextResponse } from 'callnext';
import { EventLog, gate } from '../support/events.js';
import { listening, mounts } from '../support/frameworks.js';
import { skippingTime } from '../support/patience.js';

/** Sends a raw request, and returns its connection. */
function ask(port: number): net.Socket {
  const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n'));
  socket.on('error', () => undefined);
  return socket;
}

/** Leaves with a FIN: a held answer may still be sent for a while. Koa's is not held, and is cut at once. */
async function endHeld(socket: net.Socket, isKoa: boolean): Promise<void> {
  if (isKoa) return void socket.destroy();
  await skippingTime(async pass => {
    socket.destroy();
    await pass(5_000);
  });
}

describe.each(mounts)('on $name', ({ app, isKoa }) => {
  let log: EventLog;
  const never = new Promise<never>(() => undefined);
  beforeEach(() => {
    log = new EventLog();
  });

  async function* getDb() {
    log.add('enter');
    try {
      yield 'db';
      log.add('commit');
    } catch (error) {
      log.add(`rollback: ${(error as Error).message}`);
      throw error;
    } finally {
      log.add('left');
    }
  }
  const passing: Middleware = async (request, callNext) => {
    request.signal.addEventListener('abort', () => log.add('aborted'));
    const response = await callNext(request);
    log.add(`after ${response.status}`);
    return response;
  };
  const newLayer = (options: ConstructorParameters<typeof Layer>[0] = {}): Layer =>
    new Layer({
      middleware: [passing],
      dependencies: [Depends(getDb)],
      onError: (error, { phase }) => log.add(`reported ${phase}: ${error.message.split(/[:.] /)[0]}`),
      ...options,
    });

  describe('a client that vanishes', () => {
    it('begins nothing for a handler that goes on after its layer was closed', async () => {
      const goOn = gate();
      const layer = newLayer({ dependencies: [] });
      const mounted = app()
        .use(layer)
        .handler('/', async answer => {
          answer.res.once('close', () => log.add('gone'));
          log.add('handle');
          await goOn.opened;
          await answer.inject(Depends(getDb)).catch(error => log.add(error.code));
          try {
            answer.tasks().addTask(() => log.add('task'));
          } catch (error) {
            log.add((error as CallnextError).code);
          }
          log.add('handled');
        });
      await listening(mounted.listener(), async (_url, port) => {
        const socket = ask(port);
        await log.until('handle');
        socket.destroy();
        await log.until('gone');
        await layer.close();
        log.add('closed');
        goOn.open();
        await log.until('handled');
      });
      expect(log.events.slice(log.events.indexOf('closed'))).toEqual([
        'closed',
        'INJECT_LATE',
        'TASK_LATE',
        'handled',
      ]);
    });

    it('before the head: the handler is not interrupted, and everything exits', async () => {
      const gone = gate();
      const mounted = app()
        .use(newLayer())
        .handler('/', async answer => {
          answer.res.once('close', () => gone.open());
          log.add('handle');
          await gone.opened;
          answer.send('nobody reads this');
          log.add('handled');
        });
      await listening(mounted.listener(), async (_url, port) => {
        const socket = ask(port);
        await log.until('handle');
        socket.destroy();
        await log.until('left');
        await log.until('handled');
      });
      expect(log.events.filter(event => event === 'left')).toHaveLength(1);
      expect(log.events).toContain('aborted');
    });

    it.each([
      ['resets its connection', false],
      ['closes its side, after five seconds', true],
    ])('during the hold, and %s: the after-code ends, and everything exits', async (_how, isHalf) => {
      const going = gate();
      const slow: Middleware = async (request, callNext) => {
        const response = await callNext(request);
        log.add('at work');
        await going.opened;
        return response;
      };
      const mounted = app()
        .use(newLayer({ middleware: [passing, slow] }))
        .handler('/', answer => {
          answer.res.once('close', () => log.add(`close, finished: ${answer.res.writableFinished}`));
          answer.send('answer');
        });
      await listening(mounted.listener(), async (_url, port) => {
        const socket = ask(port);
        await log.until('at work');
        if (!isHalf) socket.resetAndDestroy();
        else await endHeld(socket, isKoa);
        await log.until('aborted');
        going.open();
        await log.until('left');
      });
      expect(log.events).toEqual([
        'enter',
        'at work',
        'aborted',
        'close, finished: false',
        'after 200',
        'commit',
        'left',
      ]);
    });

    it("after the head: the handler's stream is released, and everything exits", async () => {
      const source = new Readable({
        read() {
          this.push('a piece of an endless body\n');
        },
      });
      source.once('close', () => log.add('source closed'));
      const mounted = app()
        .use(newLayer())
        // Koa pipes its body itself.
        .handler('/', answer =>
          isKoa ? answer.send(source) : pipeline(source, answer.res, () => undefined),
        );
      await listening(mounted.listener(), async (_url, port) => {
        const socket = ask(port);
        await new Promise(resolve => socket.once('data', resolve));
        socket.destroy();
        await log.until('source closed');
        await log.until('left');
      });
      expect(log.events.filter(event => event === 'left')).toHaveLength(1);
    });
  });

  describe('a layer with a timeout', () => {
    it('answers 504 for a hanging handler, aborts the signal and takes the dependencies back', async () => {
      const mounted = app()
        .use(newLayer({ timeout: 20 }))
        .handler('/', async () => {
          log.add('handle');
          await never;
        });
      await listening(mounted.listener(), async url => {
        const response = await fetch(url);
        expect([response.status, await response.json()]).toEqual([504, { detail: 'Gateway Timeout' }]);
        await log.until('left');
      });
      expect(log.events).toEqual([
        'enter',
        'handle',
        'reported request: A layer did not answer within its `timeout` of 20 ms',
        'aborted',
        'rollback: Gateway Timeout',
        'left',
      ]);
    });

    it('answers 504 for a middleware that never returns, instead of what it holds back', async () => {
      const stuck: Middleware = async (request, callNext) => {
        await callNext(request);
        log.add('stuck');
        return never;
      };
      const mounted = app()
        .use(newLayer({ middleware: [stuck], timeout: 20 }))
        .handler('/', answer => answer.set('X-Old', '1').send('held back'));
      await listening(mounted.listener(), async url => {
        const response = await fetch(url);
        expect([response.status, response.headers.get('x-old')]).toEqual([504, null]);
        await log.until('left');
      });
      expect(log.events.slice(-2)).toEqual(['rollback: Gateway Timeout', 'left']);
    });

    it('lets its handler for 504 answer, and the outer layers go on', async () => {
      const inner = new Layer({
        timeout: 20,
        onError: () => undefined,
        exceptionHandlers: [[504, () => new PlainTextResponse('too slow', { status: 503 })]],
      });
      const mounted = app()
        .use(newLayer())
        .use(inner)
        .handler('/', async () => {
          await never;
        });
      await listening(mounted.listener(), async url => {
        const response = await fetch(url);
        expect([response.status, await response.text()]).toEqual([503, 'too slow']);
        await log.until('left');
      });
      expect(log.events).toContain('after 503');
    });

    it('leaves the dependencies to an endpoint that finishes a little later', async () => {
      const late = gate();
      const working = endpoint({}, async () => {
        await late.opened;
        log.add('endpoint through');
        return 'never sent';
      });
      const mounted = app()
        .use(newLayer({ timeout: 300 }))
        .at('/', working);
      await listening(mounted.listener(), async url => {
        expect((await fetch(url)).status).toBe(504);
        log.add('answered');
        late.open();
        await log.until('left');
      });
      expect(log.events.slice(-5)).toEqual([
        'answered',
        'endpoint through',
        'after 504',
        'rollback: Gateway Timeout',
        'left',
      ]);
    });

    it('ignores a request that is in time, however long it streams', async () => {
      const ended = gate();
      const mounted = app()
        .use(newLayer({ timeout: 30 }))
        .native('/', async (_req, res) => {
          res.write('begun, ');
          await ended.opened;
          res.end('ended');
        });
      await listening(mounted.listener(), async url => {
        const response = await fetch(url);
        // Longer than the timeout, because the time itself is measured.
        await new Promise(resolve => setTimeout(resolve, 60));
        ended.open();
        expect(await response.text()).toBe('begun, ended');
        await log.until('left');
      });
      expect(log.events).toEqual(['enter', 'after 200', 'commit', 'left']);
    });

    it('leaves at once what is entered after the time is up', async () => {
      const entering = gate();
      async function* slow() {
        await entering.opened;
        try {
          yield 'slow';
        } finally {
          log.add('slow left');
        }
      }
      const mounted = app()
        .use(new Layer({ timeout: 20, onError: () => undefined }))
        .at(
          '/',
          endpoint({ db: Depends(getDb), slow: Depends(slow) }, () => log.add('never')),
        );
      await listening(mounted.listener(), async url => {
        expect((await fetch(url)).status).toBe(504);
        await log.until('left');
        entering.open();
        await log.until('slow left');
      });
      expect(log.events).toEqual(['enter', 'rollback: Gateway Timeout', 'left', 'slow left']);
    });

    it('starts nothing below after it answered, and leaves the next request intact', async () => {
      const answered = gate();
      const slow: Middleware = async (request, callNext) => {
        if (new URL(request.url).pathname === '/late') await answered.opened;
        return callNext(request);
      };
      const mounted = app()
        .use(newLayer({ middleware: [slow], dependencies: [], timeout: 20 }))
        .handler('/late', answer => {
          log.add('never');
          answer.send('never');
        })
        .handler('/', answer => answer.send('next'));
      await listening(mounted.listener(), async url => {
        expect((await fetch(`${url}/late`)).status).toBe(504);
        answered.open();
        for (let turns = 0; turns < 5; turns += 1) expect(await (await fetch(url)).text()).toBe('next');
      });
      expect(log.events).toEqual(['reported request: A layer did not answer within its `timeout` of 20 ms']);
    });

    it('drops the tasks of an endpoint that finishes after everything else, by name', async () => {
      const late = gate();
      const endless = endpoint({}, async ({ backgroundTasks }) => {
        await late.opened;
        backgroundTasks.addTask(function sendMail() {
          log.add('never');
        });
        return 'late';
      });
      const mounted = app()
        .use(newLayer({ timeout: 20 }))
        .at('/', endless);
      await listening(mounted.listener(), async url => {
        expect((await fetch(url)).status).toBe(504);
        await log.until('left');
        late.open();
        await log.until(
          'reported background: The background task `sendMail` was dropped because its request failed',
        );
      });
      expect(log.events).not.toContain('never');
    });

    it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '10'])(
      'rejects a timeout of %p',
      timeout => {
        expect(() => new Layer({ timeout: timeout as number })).toThrow(
          expect.objectContaining({ code: 'LAYER_OPTIONS' }) as CallnextError,
        );
      },
    );
  });
});
