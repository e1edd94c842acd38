import type { Outcome, QueueWorker } from 'callnext/adapter';
import { engines, type OpenEngine } from './engines.js';
import { done, envelope, eventually, failed, Seen, soonEnough, work } from './work.js';

// PostgreSQL compiled to WebAssembly starts slowly on a busy machine.
jest.setTimeout(60_000);

let count = 0;

describe.each(engines())('$name', engine => {
  let opened: OpenEngine;
  let workers: QueueWorker[];
  let seen: Seen;
  let name: string;

  beforeEach(async () => {
    count += 1;
    name = `port-${process.pid}-${count}`;
    opened = await engine.open(name);
    workers = [];
    seen = new Seen();
  });

  afterEach(async () => {
    for (const worker of workers) await worker.close();
    await opened.close();
  });

  afterAll(() => engine.release?.());

  const start = async (play?: Parameters<typeof work>[2], concurrency?: number): Promise<QueueWorker> => {
    const worker = await work(opened.queue, seen, play, concurrency);
    workers.push(worker);
    return worker;
  };
  const send = (...envelopes: ReturnType<typeof envelope>[]): Promise<void> =>
    opened.queue.send(envelopes, soonEnough);

  it('hands the envelope to a worker as it was sent', async () => {
    const sent = envelope('mail', { args: { to: ['ä', null, 1.5] }, headers: { traceparent: '00-1-2-01' } });
    await send(sent);
    await start();
    await seen.until('mail 1');
    expect(seen.envelopes).toEqual([sent]);
  });

  it('stores an id once, in one call and in a later one, whatever its characters', async () => {
    const same = [envelope('uuid'), envelope('digits', { id: '12345' }), envelope('colon', { id: 'a:b/ä' })];
    await send(...same, ...same);
    await start();
    for (const { task } of same) await seen.until(`${task} 1`);
    await send(...same, envelope('last'));
    await seen.until('last 1');
    expect(seen.attempts.sort()).toEqual(['colon 1', 'digits 1', 'last 1', 'uuid 1']);
    expect(seen.envelopes.map(({ id }) => id)).toEqual(expect.arrayContaining(['12345', 'a:b/ä']));
  });

  it('keeps apart ids that an engine would take for one another', async () => {
    const ids = ['5', 'id-5', '%0035', '-5', 'NaN', 'a:b', 'a%3Ab', '\ud800', '\ud801', '\0'];
    await send(...ids.map(id => envelope('mail', { id })));
    await start();
    await seen.until('mail 1', ids.length);
    expect(seen.envelopes.map(({ id }) => id).sort()).toEqual([...ids].sort());
  });

  it('stores every text, number of attempts and wait that a task may have', async () => {
    const args = { 'key\0': ['half \ud83d', '\\u0000', '\ude00\ud83d'] };
    const sent = [
      envelope('text', { args }),
      envelope('ever', { attempts: Number.MAX_SAFE_INTEGER }),
      envelope('soon', { delayMs: 1e-7 }),
    ];
    await send(...sent, envelope('never', { delayMs: 1e200 }));
    await start();
    for (const { task } of sent) await seen.until(`${task} 1`);
    expect(seen.envelopes).toEqual(expect.arrayContaining(sent));
  });

  it('stores every error, and does not double the task whose attempt failed', async () => {
    await send(envelope('fail', { args: '\0' }));
    const error = Object.assign(new Error('\ud800 and \0'), { stack: undefined });
    await start((_envelope, { attempt }) => ({ kind: 'failed', error, again: attempt < 3 }));
    expect(await eventually(async () => (await opened.dead()).length)).toBe(1);
    expect(seen.attempts).toEqual(['fail 1', 'fail 2', 'fail 3']);
  });

  it('runs a failed task again under the same id, and ends with a dead letter', async () => {
    const { id } = await startAndSend('fail', () => failed('no luck', true));
    const dead = await eventually(async () => (await opened.dead())[0]);
    expect(seen.attempts).toEqual(['fail 1', 'fail 2', 'fail 3']);
    expect(new Set(seen.envelopes.map(each => each.id))).toEqual(new Set([id]));
    expect(dead).toEqual({ task: 'fail', message: 'no luck' });
  });

  it('makes a refused task a dead letter at once', async () => {
    await startAndSend('refuse', () => failed('refused', false));
    const dead = await eventually(async () => (await opened.dead())[0]);
    expect({ dead, attempts: seen.attempts }).toEqual({
      dead: { task: 'refuse', message: 'refused' },
      attempts: ['refuse 1'],
    });
  });

  it('offers a returned task again without counting an attempt', async () => {
    const returned: Outcome = { kind: 'returned', error: new Error('unknown') };
    const outcomes = [returned, failed('once', true), done];
    await startAndSend('unknown', () => outcomes.shift() ?? done);
    await seen.until('unknown 2');
    expect(seen.attempts).toEqual(['unknown 1', 'unknown 1', 'unknown 2']);
  });

  it('waits between attempts as the backoff of the task says', async () => {
    const times: number[] = [];
    await start(() => {
      times.push(Date.now());
      return failed('again', true);
    });
    await send(envelope('wait', { backoff: { delayMs: 300, factor: 3, maxDelayMs: 600 } }));
    await seen.until('wait 3');
    const [first = 0, second = 0, third = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(300);
    expect(third - second).toBeGreaterThanOrEqual(600);
  });

  it('runs a delayed task no earlier than it may', async () => {
    const begun = Date.now();
    await startAndSend('late', () => done, { delayMs: 700 });
    await send(envelope('now'));
    await seen.until('late 1');
    expect(seen.attempts).toEqual(['now 1', 'late 1']);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(700);
  });

  it('shares the tasks between workers, each to one of them', async () => {
    const sent = Array.from({ length: 30 }, (_, index) => envelope(`task-${index}`));
    await start(undefined, 3);
    await start(undefined, 3);
    await send(...sent);
    for (const { task } of sent) await seen.until(`${task} 1`);
    await send(envelope('last'));
    await seen.until('last 1');
    expect(seen.attempts.length).toBe(31);
  });

  it('runs no more tasks at once than its concurrency', async () => {
    let running = 0;
    let most = 0;
    await start(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      return done;
    }, 2);
    await send(...Array.from({ length: 12 }, () => envelope('many')));
    await seen.until('many 1', 12);
    expect(most).toBeLessThanOrEqual(2);
  });

  it('takes no further tasks while it is paused, and lets the running one end', async () => {
    const gate = new Gate();
    const worker = await startGated(gate);
    await worker.pause();
    await send(envelope('later'));
    gate.open();
    // The task has ended then, but need not be acknowledged.
    await new Promise(setImmediate);
    await worker.close();
    expect(seen.attempts).toEqual(['gated 1']);
    await start();
    await seen.until('later 1');
    expect(seen.attempts).toEqual(['gated 1', 'later 1']);
  });

  it('gives a running task back when it closes, as the same attempt', async () => {
    const worker = await startGated(new Gate());
    await worker.close();
    await start();
    await seen.until('gated 1', 2);
    expect(seen.attempts).toEqual(['gated 1', 'gated 1']);
    expect(await opened.dead()).toEqual([]);
  });

  it('makes a job that holds no task a dead letter', async () => {
    await opened.addForeign();
    await start();
    const dead = await eventually(async () => (await opened.dead())[0]);
    expect({ task: dead?.task, attempts: seen.attempts }).toEqual({ task: 'foreign', attempts: [] });
  });

  it('adds the tasks of a schedule, each with an id and a time of its own', async () => {
    const worker = await start();
    const { id: _, addedAt: __, ...template } = envelope('nightly', { args: { deep: true } });
    await worker.every({ key: 'nightly', cron: engine.soon, timezone: 'UTC', envelope: template });
    await worker.every({ key: 'other', cron: '0 3 1 1 *', timezone: 'Europe/Berlin', envelope: template });
    await seen.until('nightly 1');
    const [first] = seen.envelopes;
    expect(first).toEqual({ ...template, id: expect.any(String), addedAt: expect.any(Number) });
  }, 90_000);

  if (engine.transaction)
    it('stores a task with the transaction of the app, or not at all', async () => {
      await start();
      for (const end of ['ROLLBACK', 'COMMIT'] as const)
        await engine.transaction?.(end, async sql => {
          await opened.queue.insert?.([envelope(end)], sql);
        });
      await seen.until('COMMIT 1');
      await send(envelope('last'));
      await seen.until('last 1');
      expect(seen.attempts).toEqual(['COMMIT 1', 'last 1']);
    });

  async function startAndSend(
    task: string,
    play: () => Outcome,
    more: Parameters<typeof envelope>[1] = {},
  ): Promise<ReturnType<typeof envelope>> {
    await start(each => (each.task === task ? play() : done));
    const sent = envelope(task, more);
    await send(sent);
    return sent;
  }

  async function startGated(gate: Gate): Promise<QueueWorker> {
    const worker = await start(async () => {
      await gate.opened;
      return done;
    });
    await send(envelope('gated'));
    await seen.until('gated 1');
    return worker;
  }
});

class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>(resolve => {
    this.open = resolve;
  });
}
