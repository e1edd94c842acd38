import { AsyncLocalStorage } from 'node:async_hooks';
import { Depends, dependency, Layer, type LayerOptions } from 'callnext';
import { collectingQueue, runWorker, type Task, TaskRefused, task } from 'callnext/tasks';
import { gate } from '../support/events.js';
import { ManualQueue } from './manual-queue.js';

const nothing = (): void => undefined;
const plain = task('plain', {}, nothing);

/** A worker on an engine in the hands of the test. */
async function working(tasks: readonly Task[], options: LayerOptions = {}) {
  const queue = new ManualQueue();
  const told: string[] = [];
  const layer = new Layer({
    taskQueue: queue,
    onError: (error, { name, where, phase }) =>
      void told.push(`${phase} ${name} in ${where}: ${error.message}`),
    ...options,
  });
  const worker = await runWorker(layer, tasks);
  return { queue, told, layer, worker };
}

describe('a worker', () => {
  it('acknowledges a job after its last exit and its last task', async () => {
    const events: string[] = [];
    const getDb = dependency({}, async function* getDb() {
      yield 'db';
      events.push('exit');
    });
    const mail = task('mail', { db: Depends(getDb) }, ({ backgroundTasks, db }, args: string) => {
      events.push(`${db} ${args}`);
      backgroundTasks.addTask(async () => void events.push('task'));
    });
    const { queue, layer } = await working([mail]);
    const outcome = queue.give('mail', { args: 'hello' }).then(each => events.push(each.kind));
    await outcome;
    expect(events).toEqual(['db hello', 'exit', 'task', 'done']);
    await layer.close();
  });

  it('prints a failed task by its name once, without `onError`', async () => {
    const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const fails = task('fails', {}, () => {
      throw new Error('down');
    });
    const queue = new ManualQueue();
    const layer = new Layer({ taskQueue: queue });
    await runWorker(layer, [fails]);
    await queue.give('fails', {}, 3);
    await layer.close();
    expect(printed.mock.calls.map(([text]) => text)).toEqual(['callnext (background): task fails:']);
    printed.mockRestore();
  });

  it('lets a failed job run again while attempts are left, and throws its error in', async () => {
    const seen: string[] = [];
    const getDb = dependency({}, async function* getDb() {
      try {
        yield;
      } catch (error) {
        seen.push((error as Error).message);
        throw error;
      }
    });
    const fails = task('fails', { db: Depends(getDb) }, () => {
      throw new Error('down');
    });
    const { queue, told, layer } = await working([fails]);
    expect(await queue.give('fails', {}, 1)).toMatchObject({ kind: 'failed', again: true });
    expect(await queue.give('fails', {}, 3)).toMatchObject({ kind: 'failed', again: false });
    expect(seen).toEqual(['down', 'down']);
    expect(told).toEqual(Array(2).fill('background fails in task fails: down'));
    await layer.close();
  });

  it('does not run a refused job again', async () => {
    const refuses = task('refuses', {}, () => {
      throw new TaskRefused('no such order');
    });
    const { queue, layer } = await working([refuses]);
    expect(await queue.give('refuses')).toMatchObject({ kind: 'failed', again: false });
    await layer.close();
  });

  it('lets a job whose exit fails run again, although its handler has run', async () => {
    const getDb = dependency({}, async function* getDb() {
      yield;
      throw new Error('no exit');
    });
    const runs: number[] = [];
    const mail = task('mail', { db: Depends(getDb) }, ({ task: { attempt } }) => runs.push(attempt));
    const { queue, told, layer } = await working([mail]);
    expect(await queue.give('mail')).toMatchObject({ kind: 'failed', again: true });
    expect([runs, told]).toEqual([[1], ['background mail in task mail: no exit']]);
    await layer.close();
  });

  it('lets a job run again whose own task was not queued', async () => {
    const { queue, told, layer } = await working([
      task('parent', {}, ({ backgroundTasks }) => backgroundTasks.addTask(plain)),
    ]);
    queue.send = async () => {
      throw new Error('engine down');
    };
    expect(await queue.give('parent')).toMatchObject({ kind: 'failed', again: true });
    expect(told).toEqual([
      expect.stringContaining('background plain in task parent: The task `plain` was not queued'),
    ]);
    await layer.close();
  });

  it('lets a job run again whose own task was neither queued nor saved', async () => {
    const saves = (): void => {
      throw new Error('disk full');
    };
    const parent = task('parent', {}, ({ backgroundTasks }) => backgroundTasks.addTask(plain));
    const queue = new ManualQueue();
    const { told, layer } = await working([parent], { whenQueueFails: saves, taskQueue: queue });
    queue.send = async () => {
      throw new Error('engine down');
    };
    expect(await queue.give('parent')).toMatchObject({ kind: 'failed', again: true });
    expect(told.slice(1, 2)).toEqual(['background plain in task parent: disk full']);
    await layer.close();
  });

  it('counts an attempt that fails because another layer is closed', async () => {
    const other = new Layer();
    await other.close();
    const { queue, layer } = await working([task('asks', {}, () => other.run({}, nothing))]);
    expect(await queue.give('asks')).toMatchObject({ kind: 'failed', again: true });
    await layer.close();
  });

  it('gives back an unknown task and one of another version, and reports each name once', async () => {
    const { queue, told, layer } = await working([plain]);
    expect(await queue.give('other')).toMatchObject({ kind: 'returned', error: { code: 'TASK_UNKNOWN' } });
    expect(await queue.give('other')).toMatchObject({ kind: 'returned' });
    expect(await queue.give('plain', { v: 2 as never })).toMatchObject({ kind: 'returned' });
    expect(told).toHaveLength(2);
    expect(told[0]).toContain('background other in manual queue: This worker does not know the task `other`');
    await layer.close();
  });

  it('ends a job that no handler could read', async () => {
    const { queue, told, layer } = await working([plain]);
    const outcome = await queue.give('plain', { headers: { 'not a header': 'x' } });
    expect(outcome).toMatchObject({ kind: 'failed', again: false });
    expect(told).toEqual([expect.stringContaining('background plain in manual queue: ')]);
    await layer.close();
  });

  it('refuses misfit arguments, which another version may take', async () => {
    const { z } = await import('zod');
    const mail = task('mail', {}, nothing, { args: z.object({ id: z.string() }) });
    const { queue, layer } = await working([mail]);
    expect(await queue.give('mail', { args: { id: 7 } })).toMatchObject({
      kind: 'failed',
      again: true,
      error: { code: 'TASK_ARGUMENTS' },
    });
    await layer.close();
  });

  it('aborts the signal of a job that takes too long, and lets it finish in as long again', async () => {
    const mail = task('mail', {}, async ({ task: { signal }, request }) => {
      await new Promise(resolve => signal.addEventListener('abort', resolve));
      expect(signal).toBe(request.signal);
      throw signal.reason;
    });
    const { queue, layer } = await working([mail]);
    expect(await queue.give('mail', { timeoutMs: 5 })).toMatchObject({
      kind: 'failed',
      again: true,
      error: { code: 'TASK_TIMEOUT' },
    });
    await layer.close();
  });

  it('fails a job that ignores its signal after twice its time, and reports what becomes of it', async () => {
    const { opened, open } = gate();
    const stuck = task('stuck', {}, async () => {
      await opened;
      throw new Error('after all');
    });
    const { queue, told, layer } = await working([stuck]);
    const outcome = await queue.give('stuck', { timeoutMs: 5 });
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'TASK_TIMEOUT' } });
    open();
    await layer.close();
    expect(told.at(-1)).toBe('background stuck in task stuck: after all');
  });

  it('aborts a job by the signal of its engine', async () => {
    const mail = task('mail', {}, ({ task: { signal } }) => {
      if (signal.aborted) throw signal.reason;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const { queue, layer } = await working([mail]);
    const controller = new AbortController();
    const outcome = queue.give('mail', {}, 1, controller.signal);
    controller.abort(new Error('lock lost'));
    expect(await outcome).toMatchObject({ kind: 'failed', again: true, error: { message: 'lock lost' } });
    expect(await queue.give('mail', {}, 1, controller.signal)).toMatchObject({
      error: { message: 'lock lost' },
    });
    await layer.close();
  });

  it('starts the layer first, and shares scope `app`, overrides and state with its requests', async () => {
    let opened = 0;
    const getPool = (): number => {
      opened += 1;
      return opened;
    };
    const getName = (): string => 'real';
    const pool = Depends(getPool, { scope: 'app' });
    const seen: unknown[] = [];
    const mail = task('mail', { pool, name: Depends(getName) }, ({ request, ...found }) =>
      seen.push([found.pool, found.name, request.state.shop, request.state.requestId]),
    );
    async function* lifespan() {
      yield { shop: 'books' };
    }
    const { queue, layer } = await working([mail], { lifespan, dependencies: [pool] });
    layer.dependencyOverrides.set(getName, () => 'fake');
    expect(await queue.give('mail', { headers: { 'x-request-id': 'r1' } })).toEqual({ kind: 'done' });
    await layer.run({ pool }, found => seen.push(found.pool));
    expect(seen).toEqual([[1, 'fake', 'books', 'r1'], 1]);
    await layer.close();
  });

  it('does not begin in the async context of whoever started it', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const queue = new ManualQueue();
    const work = queue.work.bind(queue);
    queue.work = (run, options) => {
      seen.push(storage.getStore());
      return work(run, options);
    };
    const layer = new Layer({ taskQueue: queue });
    await storage.run('request', () => runWorker(layer, [plain]));
    expect(seen).toEqual([undefined]);
    await layer.close();
  });

  it('reports errors of the engine under its name', async () => {
    const { queue, told, layer } = await working([plain]);
    queue.options?.report(new Error('connection lost'));
    expect(told).toEqual(['background undefined in manual queue: connection lost']);
    expect(queue.options?.concurrency).toBe(10);
    await layer.close();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['TASK_QUEUE', () => runWorker(new Layer(), [plain])],
    ['TASK_QUEUE', () => runWorker(new Layer({ taskQueue: collectingQueue() }), [plain])],
    ['ARGUMENT', () => runWorker({} as never, [plain])],
    ['ARGUMENT', () => runWorker(new Layer({ taskQueue: new ManualQueue() }), plain as never)],
    ['ARGUMENT', () => runWorker(new Layer({ taskQueue: new ManualQueue() }), [nothing as never])],
    ['TASK_NAME', () => working([plain, task('plain', {}, nothing)])],
    ['OPTION_VALUE', () => runWorker(new Layer({ taskQueue: new ManualQueue() }), [], { concurrency: 0 })],
  ])('rejects with %s', async (code, run) => {
    await expect(run()).rejects.toMatchObject({ code });
  });
});

describe('worker.every()', () => {
  it('hands the engine a schedule with the envelope of each job', async () => {
    const mail = task('mail', {}, (_context, _args: { to: string }) => undefined, { attempts: 2 });
    const { queue, worker, layer } = await working([mail]);
    await worker.every('0 3 * * *', mail, { to: 'all' }, { timezone: 'Europe/Berlin' });
    expect(queue.schedules).toEqual([
      {
        key: 'mail',
        cron: '0 3 * * *',
        timezone: 'Europe/Berlin',
        envelope: {
          v: 1,
          task: 'mail',
          args: { to: 'all' },
          attempts: 2,
          backoff: { delayMs: 1_000, factor: 2, maxDelayMs: 3_600_000 },
          timeoutMs: 900_000,
        },
      },
    ]);
    await layer.close();
  });

  it('refuses what cannot be scheduled', async () => {
    const { worker, layer } = await working([plain]);
    await expect(worker.every('every day', plain)).rejects.toMatchObject({ code: 'ARGUMENT' });
    await expect(worker.every('* * * * *', task('other', {}, nothing))).rejects.toMatchObject({
      code: 'TASK_UNKNOWN',
    });
    await expect(worker.every('* * * * *', plain, undefined, { timezone: 'Mars' })).rejects.toThrow(
      '`timezone`',
    );
    await layer.close();
  });
});

describe('worker.close()', () => {
  /** A job that ends by hand, or by its signal. */
  function held(isObedient: boolean) {
    const { opened, open } = gate();
    const begun = gate();
    const hold = task('hold', {}, async ({ task: { signal } }) => {
      const aborted = new Promise<never>((_resolve, reject) =>
        signal.addEventListener('abort', () => isObedient && reject(signal.reason)),
      );
      begun.open();
      await Promise.race([opened, aborted]);
    });
    return { hold, open, begun: begun.opened };
  }

  it('waits for running jobs, and takes no further ones', async () => {
    const { hold, open, begun } = held(false);
    const { queue, worker, layer } = await working([hold]);
    const outcome = queue.give('hold');
    await begun;
    const closing = worker.close();
    expect(await queue.give('hold')).toMatchObject({ kind: 'returned' });
    expect(queue.events).toEqual(['start', 'work', 'pause']);
    open();
    expect([await outcome, await closing]).toEqual([{ kind: 'done' }, { tasks: [] }]);
    expect(queue.events).toEqual(['start', 'work', 'pause', 'worker close']);
    expect(worker.close()).toBe(worker.close({ timeoutMs: 1 }));
    await layer.close();
    expect(queue.events.slice(-1)).toEqual(['close']);
  });

  it('aborts what is left when the time is up, and gives it back without counting an attempt', async () => {
    const { hold, begun } = held(true);
    const { queue, worker, layer } = await working([hold]);
    const outcome = queue.give('hold', {}, 3);
    await begun;
    expect(await worker.close({ timeoutMs: 20 })).toEqual({ tasks: ['hold'] });
    expect(await outcome).toMatchObject({ kind: 'returned' });
    await layer.close();
  });

  it('leaves a job that ignores its signal to the engine', async () => {
    const { hold, open, begun } = held(false);
    const { queue, worker, layer } = await working([hold]);
    const outcome = queue.give('hold');
    await begun;
    expect(await worker.close({ timeoutMs: 20 })).toEqual({ tasks: ['hold'] });
    expect(queue.events.at(-1)).toBe('worker close');
    open();
    expect(await outcome).toEqual({ kind: 'done' });
    await layer.close();
  });

  it('does not wait for ever for an engine that does not close', async () => {
    const queue = new ManualQueue();
    const work = queue.work.bind(queue);
    queue.work = async (run, options) => ({
      ...(await work(run, options)),
      close: () => new Promise(() => undefined),
    });
    const { worker, layer } = await working([plain], { taskQueue: queue });
    expect(await worker.close({ timeoutMs: 10 })).toEqual({ tasks: [] });
    await expect(worker.every('* * * * *', plain)).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    await layer.close();
  });

  it('closes a queue that cannot pause', async () => {
    const { queue, worker, layer, told } = await workingWithoutPause();
    await worker.close();
    expect(told).toEqual(['background undefined in manual queue: cannot pause']);
    expect(queue.events).toContain('worker close');
    await layer.close();
  });

  async function workingWithoutPause() {
    const queue = new ManualQueue();
    const work = queue.work.bind(queue);
    queue.work = async (run, options) => ({
      ...(await work(run, options)),
      pause: async () => {
        throw new Error('cannot pause');
      },
    });
    const parts = await working([plain], { taskQueue: queue });
    return { ...parts, queue };
  }
});

describe('layer.close()', () => {
  it('closes workers, then the queue, then leaves the lifespan', async () => {
    const queue = new ManualQueue();
    const { events } = queue;
    async function* lifespan() {
      events.push('enter');
      yield;
      events.push('leave');
    }
    const { layer } = await working([plain], { lifespan, taskQueue: queue });
    await layer.close();
    expect(events).toEqual(['enter', 'start', 'work', 'pause', 'worker close', 'close', 'leave']);
  });

  it('gives back a running job when its time is up', async () => {
    const { opened, open } = gate();
    const stuck = task('stuck', {}, () => opened);
    const { queue, layer } = await working([stuck]);
    const outcome = queue.give('stuck');
    const undone = await layer.close({ timeoutMs: 30 });
    expect(undone.tasks).toEqual(['stuck']);
    expect(queue.events.slice(-3)).toEqual(['pause', 'worker close', 'close']);
    open();
    await outcome;
  });

  it('gives back a job that obeys its signal without counting an attempt', async () => {
    const obeys = task(
      'obeys',
      {},
      ({ task: { signal } }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const { queue, layer } = await working([obeys]);
    const outcome = queue.give('obeys', {}, 3);
    const { responses } = await layer.close({ timeoutMs: 30 });
    expect([responses, await outcome]).toEqual([
      ['task obeys'],
      { kind: 'returned', error: expect.objectContaining({ code: 'LAYER_CLOSED' }) },
    ]);
  });

  it('does not close a queue that was never used', async () => {
    const queue = new ManualQueue();
    await new Layer({ taskQueue: queue }).close();
    expect(queue.events).toEqual([]);
  });

  it('reports a queue that fails to close, and exits all the same', async () => {
    const { queue, told, layer } = await working([plain]);
    queue.close = async () => {
      throw new Error('no close');
    };
    await layer.close();
    expect(told).toEqual(['exit undefined in manual queue: no close']);
  });

  it('refuses a worker once it has begun', async () => {
    const layer = new Layer({ taskQueue: new ManualQueue() });
    await layer.close();
    await expect(runWorker(layer, [plain])).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
  });
});
