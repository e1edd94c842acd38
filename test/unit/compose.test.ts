import { type CallNext, type Middleware, PlainTextResponse, type Request, type Response } from 'callnext';
import { compose, type Onion, type OnionPort, type OnionRun } from '../../core/middleware/compose.js';
import { gate } from '../support/events.js';

const request = {} as Request;
const innermost: Onion<OnionRun> = (given, _run, below) => below(given);
const response = (): Response => new PlainTextResponse('below');

/** One middleware around `below`, and a log of how it uses its request. */
function onion(middleware: Middleware, below: () => Promise<Response> = async () => response()) {
  const log: string[] = [];
  const run: OnionRun = {
    timings: undefined,
    trace: { add: (event: string) => void log.push(event) },
    replaced: () => void log.push('replaced'),
  } as never;
  const port: OnionPort<OnionRun> = {
    recoverOutside: (_run, thrown) => {
      log.push(`recover ${(thrown as { code?: string }).code ?? (thrown as Error).message}`);
      return Promise.reject(thrown);
    },
    report: (_run, error) => void log.push(`report ${(error as { code?: string }).code}`),
    abandon: (_run, pending) => {
      log.push('abandon');
      pending.catch(() => undefined);
    },
  };
  return { log, sent: compose([middleware], ['it'], port, innermost)(request, run, below) };
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    error => error.code ?? error.message,
  );

describe('compose', () => {
  it('runs the handler below when there is no middleware', async () => {
    const below = response();
    expect(await compose([], [], {} as never, innermost)(request, {} as never, async () => below)).toBe(
      below,
    );
  });

  it('runs middlewares from the outermost inward and back', async () => {
    const log: string[] = [];
    const named =
      (name: string): Middleware =>
      async (given, callNext) => {
        log.push(`${name} before`);
        const got = await callNext(given);
        log.push(`${name} after`);
        return got;
      };
    const run = { timings: undefined, trace: undefined, replaced: () => undefined };
    await compose(
      [named('a'), named('b')],
      ['a', 'b'],
      {} as never,
      innermost,
    )(request, run as never, async () => {
      log.push('below');
      return response();
    });
    expect(log).toEqual(['a before', 'b before', 'below', 'b after', 'a after']);
  });

  it('answered: passes on the response it got', async () => {
    const below = response();
    const { log, sent } = onion(
      (given, callNext) => callNext(given),
      async () => below,
    );
    expect(await sent).toBe(below);
    expect(log).toEqual(['it before', 'it after 200']);
  });

  it('answered: drops the response it got for another one', async () => {
    const other = new PlainTextResponse('other', { status: 201 });
    const { log, sent } = onion(async (given, callNext) => {
      await callNext(given);
      return other;
    });
    expect(await sent).toBe(other);
    expect(log).toEqual(['it before', 'replaced', 'it after 201']);
  });

  it('answered: drops the response when the middleware throws', async () => {
    const { log, sent } = onion(async (given, callNext) => {
      await callNext(given);
      throw new Error('after');
    });
    expect(await codeOf(sent)).toBe('after');
    expect(log).toEqual(['it before', 'replaced', 'it failed', 'recover after']);
  });

  it('failed: may answer for what failed below', async () => {
    const { log, sent } = onion(
      (given, callNext) => callNext(given).catch(() => new PlainTextResponse('caught', { status: 503 })),
      async () => {
        throw new Error('below');
      },
    );
    expect((await sent).status).toBe(503);
    expect(log).toEqual(['it before', 'it after 503']);
  });

  it('failed: propagates what failed below, even synchronously', async () => {
    const { log, sent } = onion(
      (given, callNext) => callNext(given),
      () => {
        throw new Error('below');
      },
    );
    expect(await codeOf(sent)).toBe('below');
    expect(log).toEqual(['it before', 'it failed', 'recover below']);
  });

  it('waiting: abandons what is below when it answers first', async () => {
    const late = gate<Response>();
    const { log, sent } = onion(
      (given, callNext) => {
        void callNext(given);
        return new PlainTextResponse('hasty');
      },
      () => late.opened,
    );
    expect(await (await sent).text()).toBe('hasty');
    late.open(response());
    await new Promise(setImmediate);
    expect(log).toEqual(['it before', 'abandon', 'it after 200', 'replaced']);
  });

  it('waiting: explains a TypeError of a missing await', async () => {
    const { log, sent } = onion(
      async (given, callNext) => {
        const got = callNext(given) as unknown as Response;
        got.headers.set('x', '1');
        return got;
      },
      () => new Promise(() => undefined),
    );
    await codeOf(sent);
    expect(log).toContain('report CALL_NEXT_NOT_AWAITED');
  });

  it('waiting: does not explain other errors', async () => {
    const { log, sent } = onion(
      async (given, callNext) => {
        void callNext(given);
        throw new Error('own');
      },
      () => new Promise(() => undefined),
    );
    expect(await codeOf(sent)).toBe('own');
    expect(log).not.toContain('report CALL_NEXT_NOT_AWAITED');
  });

  it('refuses a second callNext', async () => {
    const codes: unknown[] = [];
    const { sent } = onion(async (given, callNext) => {
      const got = await callNext(given);
      codes.push(await codeOf(callNext(given)));
      return got;
    });
    await sent;
    expect(codes).toEqual(['CALL_NEXT_TWICE']);
  });

  it('unused: refuses a callNext after it has answered', async () => {
    let kept!: CallNext;
    const { log, sent } = onion((_given, callNext) => {
      kept = callNext;
      return new PlainTextResponse('own');
    });
    await sent;
    expect(await codeOf(kept(request))).toBe('CALL_NEXT_LATE');
    expect(log).toEqual(['it before', 'it after 200']);
  });

  it.each([
    ['nothing', undefined, 'NOTHING_RETURNED'],
    ['a string', 'text', 'NOT_A_RESPONSE'],
  ])('refuses %s in place of a response', async (_what, value, code) => {
    expect(await codeOf(onion((() => value) as never).sent)).toBe(code);
  });

  it('recovers from a synchronous throw', async () => {
    const { log, sent } = onion(() => {
      throw new Error('sync');
    });
    expect(await codeOf(sent)).toBe('sync');
    expect(log).toEqual(['it before', 'it failed', 'recover sync']);
  });
});
