import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import {
  type CallnextError,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  type Middleware,
} from 'callnext';
import { inject as injectKoa, toKoa } from 'callnext/koa';
import Koa from 'koa';
import { EventLog, gate } from '../support/events.js';
import { type Answer, listening, mounts, type TestApp } from '../support/frameworks.js';
import { transactionIn } from '../support/transaction.js';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

let log: EventLog;
let layer: Layer;
const passing: Middleware = async (request, callNext) => {
  const response = await callNext(request);
  log.add(`after ${response.status}`);
  return response;
};
const getTx = transactionIn(() => log);
const getUser = dependency({ tx: Depends(getTx) }, ({ tx }) => {
  tx.query('SELECT user');
  return 'ada';
});

beforeEach(() => {
  log = new EventLog();
  layer = new Layer({
    middleware: [passing],
    onError: error => log.add((error as { code?: string }).code ?? error.message),
  });
});

async function send(mounted: TestApp, until = 'released'): Promise<{ status: number; body: string }> {
  return listening(mounted.listener(), async url => {
    const response = await fetch(url);
    const body = await response.text();
    await log.until(until);
    return { status: response.status, body };
  });
}

describe.each(mounts)('`inject` of several dependencies, on $name', ({ app, isKoa }) => {
  const answering = (answer: (given: Answer) => unknown): TestApp => app().use(layer).handler('/', answer);

  it('gives an object of their values, which are those of the request', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      const { tx, user } = await answer.inject({ tx: Depends(getTx), user: Depends(getUser) });
      log.add(`${user} ${tx === (await answer.inject(Depends(getTx)))}`);
      answer.send(user);
    };
    expect((await send(answering(handler))).body).toBe('ada');
    expect(log.events).toEqual(['BEGIN', 'SELECT user', 'ada true', 'after 200', 'COMMIT', 'released']);
  });

  it("passes the values to a block, and the block's result to the handler", async () => {
    const handler = async (answer: Answer): Promise<void> => {
      const length = await answer.inject({ user: Depends(getUser) }, async ({ user }) => user.length);
      answer.send(String(length));
    };
    expect((await send(answering(handler))).body).toBe('3');
  });

  it('delays exits of scope "function" for the block, and the answer for the exits', async () => {
    const handler = (answer: Answer): Promise<void> =>
      answer.inject({ tx: Depends(getTx, { scope: 'function' }) }, async ({ tx }) => {
        answer.send('answer');
        await turn();
        tx.query('UPDATE');
      });
    expect((await send(answering(handler))).body).toBe('answer');
    expect(log.events).toEqual(['BEGIN', 'UPDATE', 'COMMIT', 'released', 'after 200']);
  });

  it('delays exits of scope "request" for a block that goes on after the response', async () => {
    const sent = gate();
    const handler = async (answer: Answer): Promise<void> => {
      const begun = gate();
      answer.res.once('close', () => sent.open());
      void answer.inject({ tx: Depends(getTx) }, async ({ tx }) => {
        begun.open();
        await sent.opened;
        await turn();
        tx.query('UPDATE');
      });
      await begun.opened;
      answer.send('answer');
    };
    await send(answering(handler));
    expect(log.events).toEqual(['BEGIN', 'after 200', 'UPDATE', 'COMMIT', 'released']);
  });

  it('throws the failure of the block into them before the handler catches it', async () => {
    const handler = async (answer: Answer): Promise<void> => {
      const failing = answer.inject({ tx: Depends(getTx) }, async ({ tx }) => {
        tx.query('UPDATE');
        throw new Error('failed');
      });
      const message = await failing.catch((error: Error) => error.message);
      log.add(`caught ${message}`);
      answer.status(409).send('conflict');
    };
    expect(await send(answering(handler), 'after 409')).toEqual({ status: 409, body: 'conflict' });
    expect(log.events).toEqual([
      'BEGIN',
      'UPDATE',
      'ROLLBACK: failed',
      'released',
      'caught failed',
      'after 409',
    ]);
  });

  it("gives the handler what the dependencies make of the block's failure", async () => {
    async function* converting() {
      try {
        yield;
      } catch {
        throw new HTTPException(423, 'locked');
      } finally {
        log.add('released');
      }
    }
    const handler = async (answer: Answer): Promise<void> => {
      await answer.inject({ it: Depends(converting) }, () => {
        throw new Error('failed');
      });
    };
    expect(await send(answering(handler))).toEqual({ status: 423, body: '{"detail":"locked"}' });
  });

  it('delays no answer that its block waits for', async () => {
    const handler = (answer: Answer): Promise<void> =>
      answer.inject({ tx: Depends(getTx, { scope: 'function' }) }, async ({ tx }) => {
        await pipeline(['pip', 'ed'], answer.res);
        tx.query('UPDATE');
      });
    const mounted = isKoa
      ? app()
          .use(layer)
          .native('/', async (_req, res) => {
            await injectKoa(
              { res } as never,
              { tx: Depends(getTx, { scope: 'function' }) },
              async ({ tx }) => {
                res.end('piped');
                await once(res, 'finish');
                tx.query('UPDATE');
              },
            );
          })
      : answering(handler);
    expect((await send(mounted)).body).toBe('piped');
    expect(log.events).toEqual(['BEGIN', 'after 200', 'UPDATE', 'COMMIT', 'released']);
  });

  it.each([
    ['no function in place of the block', [{ tx: Depends(getTx) }, 'block'], 'INJECT_BLOCK'],
    ['a marker and a block', [Depends(getTx), () => undefined], 'INJECT_BLOCK'],
    ['no marker', [{ tx: getTx }], 'DEPENDS_EXPECTED'],
    ['the name of what is injected anyway', [{ request: Depends(getTx) }], 'DEPENDENCY_NAME'],
    ['nothing', [undefined], 'DEPENDS_EXPECTED'],
  ])('refuses %s', async (_what, given, code) => {
    const handler = async (answer: Answer): Promise<void> => {
      const [wanted, block] = given as [never, never];
      const error = await answer.inject(wanted, block).catch((thrown: unknown) => thrown);
      answer.send((error as CallnextError).code);
    };
    expect((await send(answering(handler), 'after 200')).body).toBe(code);
    expect(log.events).toEqual(['after 200']);
  });
});

describe('a block around `next()` of Koa', () => {
  const sendTo = async (below: Parameters<typeof toKoa>[0]): Promise<void> => {
    const app = new Koa();
    app.use(toKoa(layer));
    app.use(async (ctx, next) => {
      await injectKoa(ctx, { tx: Depends(getTx, { scope: 'function' }) }, async ({ tx }) => {
        await next();
        tx.query('UPDATE');
      });
    });
    app.use(toKoa(below));
    app.use(ctx => {
      ctx.body = 'answer';
    });
    await listening(app.callback(), async url => {
      await fetch(url);
      await log.until('released');
    });
    expect(log.events).toEqual(['BEGIN', 'UPDATE', 'COMMIT', 'released', 'after 200']);
  };

  it('delays the exits of its dependencies until after it: an endpoint', () =>
    sendTo(endpoint({}, () => 'answer')));

  it('delays the exits of its dependencies until after it: a guard', () => sendTo(Depends(() => 'passed')));
});
