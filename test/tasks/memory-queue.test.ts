import { AsyncLocalStorage } from 'node:async_hooks';
import { Layer, type LayerOptions } from 'callnext';
import { memoryQueue, runWorker, type TaskNotQueued, task } from 'callnext/tasks';
import { gate } from '../support/events.js';

const nothing = (): void => undefined;

function layerWith(taskQueue = memoryQueue(), options: LayerOptions = {}) {
  const told: string[] = [];
  const layer = new Layer({
    taskQueue,
    onError: (error, { name }) => void told.push(`${name}: ${error.message}`),
    ...options,
  });
  return { layer, told };
}

describe('memoryQueue()', () => {
  it('runs what waits before the layer closes, and what that adds', async () => {
    const ran: string[] = [];
    const second = task('second', {}, () => ran.push('second'));
    const first = task('first', {}, async ({ backgroundTasks }) => {
      ran.push('first');
      backgroundTasks.addTask(second);
    });
    const { layer } = layerWith();
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(first));
    expect(ran).toEqual([]);
    await layer.close();
    expect(ran).toEqual(['first', 'second']);
  });

  it('reports what is lost when the time to close is up', async () => {
    const { opened, open } = gate();
    const stuck = task('stuck', {}, () => opened);
    const waits = task('waits', {}, nothing);
    const { layer, told } = layerWith();
    await layer.run({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(stuck);
      backgroundTasks.addTask(waits);
    });
    const { tasks } = await layer.close({ timeoutMs: 30 });
    expect(tasks).toEqual(['stuck', 'waits']);
    expect(told.map(each => each.split(' was')[0])).toEqual([
      'stuck: The background task `stuck`',
      'waits: The background task `waits`',
    ]);
    open();
  });

  it('runs one task after the other, or as many as its option allows', async () => {
    for (const [concurrency, expected] of [
      [1, ['begin', 'end', 'begin', 'end']],
      [2, ['begin', 'begin', 'end', 'end']],
    ] as const) {
      const events: string[] = [];
      const { layer } = layerWith(memoryQueue({ concurrency }));
      const slow = task('slow', {}, async () => {
        events.push('begin');
        await new Promise(resolve => setImmediate(resolve));
        events.push('end');
      });
      await layer.run({}, async ({ backgroundTasks }) => {
        backgroundTasks.addTask(slow);
        backgroundTasks.addTask(slow);
      });
      await layer.close();
      expect(events).toEqual(expected);
    }
  });

  it('stores an id once, while it waits and after it has run', async () => {
    const ran: string[] = [];
    const note = task('note', {}, ({ task: { id } }) => ran.push(id));
    const { layer } = layerWith();
    const add = (id: string) =>
      layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(note, undefined, { id }));
    expect(await add('a')).toEqual({ id: 'a' });
    await add('a');
    await layer.run({}, async () => undefined);
    await add('b');
    await layer.close();
    expect(ran).toEqual(['a', 'b']);
  });

  it('refuses more than may wait', async () => {
    const queue = memoryQueue({ maxWaiting: 1 });
    const { opened, open } = gate();
    const { layer } = layerWith(queue);
    const stuck = task('stuck', {}, () => opened);
    const enqueue = () => layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(stuck));
    await enqueue();
    const refused = await enqueue().catch((error: TaskNotQueued) => error);
    expect(refused).toMatchObject({
      code: 'TASK_NOT_QUEUED',
      envelope: { task: 'stuck' },
      cause: { message: 'The memory queue is full: 1 tasks wait.' },
    });
    open();
    await layer.close();
  });

  it('waits for delays and backoff only with `delays: true`', async () => {
    jest.useFakeTimers();
    try {
      const ran: number[] = [];
      const flaky = task(
        'flaky',
        {},
        ({ task: { attempt } }) => {
          ran.push(attempt);
          throw new Error('down');
        },
        { attempts: 3, backoff: { delayMs: 1_000, factor: 3, maxDelayMs: 2_000 } },
      );
      const queue = memoryQueue({ delays: true });
      const { layer } = layerWith(queue);
      await runWorker(layer, [flaky]);
      await layer.run({}, ({ backgroundTasks }) =>
        backgroundTasks.enqueue(flaky, undefined, { delayMs: 500 }),
      );
      const counts: number[] = [];
      for (const milliseconds of [499, 1, 999, 1, 1_999, 1]) {
        await jest.advanceTimersByTimeAsync(milliseconds);
        counts.push(ran.length);
      }
      expect(counts).toEqual([0, 1, 1, 2, 2, 3]);
      await layer.close();
    } finally {
      jest.useRealTimers();
    }
  });

  it('waits longer than a timer of the platform can', async () => {
    jest.useFakeTimers();
    try {
      const ran: string[] = [];
      const later = task('later', {}, () => ran.push('later'));
      const { layer } = layerWith(memoryQueue({ delays: true }));
      await runWorker(layer, [later]);
      const delayMs = 2 ** 31 + 5;
      await layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(later, undefined, { delayMs }));
      await jest.advanceTimersByTimeAsync(delayMs - 1);
      expect(ran).toEqual([]);
      await jest.advanceTimersByTimeAsync(1);
      expect(ran).toEqual(['later']);
      await layer.close();
    } finally {
      jest.useRealTimers();
    }
  });

  it('lets timers run between the attempts of a task that fails at once', async () => {
    const fails = task(
      'fails',
      {},
      () => {
        throw new Error('down');
      },
      { attempts: Number.MAX_SAFE_INTEGER },
    );
    const layer = new Layer({ taskQueue: memoryQueue(), onError: () => undefined });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(fails));
    expect(await layer.close({ timeoutMs: 20 })).toMatchObject({ tasks: ['fails'] });
  });

  it('gives each attempt the arguments as they were added', async () => {
    const seen: number[] = [];
    const drains = task('drains', {}, (_context, { items }: { items: number[] }) => {
      seen.push(items.length);
      items.pop();
      throw new Error('down');
    });
    const layer = new Layer({ taskQueue: memoryQueue(), onError: () => undefined });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(drains, { items: [1, 2, 3] }));
    await layer.close();
    expect(seen).toEqual([3, 3, 3, 3, 3]);
  });

  it('does not run tasks in the async context of the request that sends them', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const note = task('note', {}, () => seen.push(storage.getStore()));
    const { layer } = layerWith();
    await storage.run('request', () => layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(note)));
    await layer.close();
    expect(seen).toEqual([undefined]);
  });

  it('keeps a task that its worker does not know for another worker', async () => {
    const ran: string[] = [];
    const known = task('known', {}, nothing);
    const other = task('other', {}, () => ran.push('other'));
    const queue = memoryQueue();
    const { layer, told } = layerWith(queue);
    const worker = await runWorker(layer, [known]);
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(other));
    await queue.inProcess?.idle();
    expect(told).toEqual([expect.stringContaining('other: This worker does not know the task `other`')]);
    await worker.close();
    await runWorker(layer, [other]);
    await layer.close();
    expect(ran).toEqual(['other']);
  });

  it('gives the running jobs of a closed worker to the next one', async () => {
    const { opened, open } = gate();
    const begun = gate();
    const ran: number[] = [];
    const stuck = task('stuck', {}, async ({ task: { attempt } }) => {
      ran.push(attempt);
      begun.open();
      if (ran.length === 1) await opened;
    });
    const { layer } = layerWith();
    const worker = await runWorker(layer, [stuck]);
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(stuck));
    await begun.opened;
    expect(await worker.close({ timeoutMs: 20 })).toEqual({ tasks: ['stuck'] });
    await runWorker(layer, [stuck]);
    await layer.close({ timeoutMs: 1_000 });
    open();
    expect(ran).toEqual([1, 1]);
  });

  it('refuses two tasks of one name', async () => {
    const { layer, told } = layerWith();
    await layer.run({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(task('same', {}, nothing));
      backgroundTasks.addTask(task('same', {}, nothing));
    });
    await layer.close();
    expect(told).toEqual([expect.stringContaining('same: The task `same` was not queued')]);
  });

  it.each([{ concurrency: 0 }, { maxWaiting: 0 }, { delays: 1 }, { delay: true }])('refuses %j', options => {
    expect(() => memoryQueue(options as never)).toThrow();
  });
});
