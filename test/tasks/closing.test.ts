import { Layer } from 'callnext';
import type { QueueWorker } from 'callnext/adapter';
import { memoryQueue, runWorker, task } from 'callnext/tasks';
import { gate } from '../support/events.js';
import { ManualQueue } from './manual-queue.js';

const onError = (): void => undefined;

/** A task that ignores its signal, in a layer that closes. */
function stuckTask() {
  const { opened, open } = gate();
  return { open, stuck: task('stuck', {}, () => opened) };
}

async function stuckWorker() {
  const { open, stuck } = stuckTask();
  const queue = new ManualQueue();
  const layer = new Layer({ taskQueue: queue, onError });
  const worker = await runWorker(layer, [stuck]);
  const outcome = queue.give('stuck');
  const end = (): Promise<unknown> => {
    open();
    return outcome;
  };
  return { queue, layer, worker, end };
}

describe('a close without a time limit, which waits,', () => {
  it('of a worker ends when a later one of the worker is up', async () => {
    const { layer, worker, end } = await stuckWorker();
    const closing = worker.close();
    const returned = { tasks: ['stuck'] };
    expect([await worker.close({ timeoutMs: 10 }), await closing]).toEqual([returned, returned]);
    await end();
    await layer.close();
  });

  it('of a worker ends when the time of its layer is up', async () => {
    const { queue, layer, worker, end } = await stuckWorker();
    const closing = worker.close();
    expect(await layer.close({ timeoutMs: 10 })).toMatchObject({ tasks: ['stuck'] });
    expect(await closing).toEqual({ tasks: ['stuck'] });
    expect(queue.events).toEqual(['start', 'work', 'pause', 'worker close', 'close']);
    await end();
  });

  it('of a layer does not hold a later one with a limit, and closes the queue once', async () => {
    const { queue, layer, end } = await stuckWorker();
    const closing = layer.close();
    await layer.close({ timeoutMs: 10 });
    await end();
    await closing;
    expect(queue.events).toEqual(['start', 'work', 'pause', 'worker close', 'close']);
  });

  it('of a layer with a queue in memory reports once what a later one leaves undone', async () => {
    const { open, stuck } = stuckTask();
    const told: string[] = [];
    const layer = new Layer({
      taskQueue: memoryQueue(),
      onError: (error, { name }) => told.push(`${name} ${(error as { code?: string }).code}`),
    });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(stuck));
    const closing = layer.close();
    expect(await layer.close({ timeoutMs: 10 })).toMatchObject({ tasks: ['stuck'] });
    open();
    await closing;
    expect(told).toEqual(['stuck TASK_UNDONE']);
  });
});

describe('layer.close()', () => {
  it('closes a queue that has no start, although no task was added', async () => {
    const queue = new ManualQueue();
    await new Layer({ taskQueue: Object.assign(queue, { start: undefined }) }).close();
    expect(queue.events).toEqual(['close']);
  });

  it('closes a queue whose start has failed halfway', async () => {
    const queue = new ManualQueue();
    queue.start = async () => {
      throw new Error('no rights');
    };
    const layer = new Layer({ taskQueue: queue });
    await expect(layer.start()).rejects.toThrow('no rights');
    await layer.close();
    expect(queue.events).toEqual(['close']);
  });

  it('ends a worker that begins while it closes, and refuses it', async () => {
    const queue = new ManualQueue();
    const asked = gate();
    const { opened, open } = gate();
    const work = queue.work.bind(queue);
    queue.work = async (...needs): Promise<QueueWorker> => {
      asked.open();
      await opened;
      return work(...needs);
    };
    const layer = new Layer({ taskQueue: queue, onError });
    const running = runWorker(layer, []);
    await asked.opened;
    await layer.close();
    open();
    await expect(running).rejects.toMatchObject({ code: 'LAYER_CLOSED' });
    expect(queue.events).toEqual(['start', 'close', 'work', 'worker close']);
  });

  it('gives back a job with tasks of its own that did not begin in time', async () => {
    const begun = gate();
    const child = task('child', {}, () => undefined);
    const parent = task('parent', {}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(async ({ signal }: { signal: AbortSignal }) => {
        begun.open();
        await new Promise(resolve => signal.addEventListener('abort', resolve));
      }, backgroundTasks);
      backgroundTasks.addTask(child);
    });
    const queue = new ManualQueue();
    const layer = new Layer({ taskQueue: queue, onError });
    await runWorker(layer, [parent, child]);
    const outcome = queue.give('parent');
    await begun.opened;
    expect(await layer.close({ timeoutMs: 10 })).toMatchObject({ tasks: ['#1', 'child', 'parent'] });
    expect([(await outcome).kind, queue.sent]).toEqual(['returned', []]);
  });
});
