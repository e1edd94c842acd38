import { Depends, Layer } from 'callnext';
import { collectingQueue, memoryQueue, runWorker, task } from 'callnext/tasks';
import { gate } from '../support/events.js';
import { ManualQueue } from '../tasks/manual-queue.js';
import { Recorder } from './recorder.js';

async function* getDb() {
  yield 'db';
}

const sendMail = task('send-mail', { db: Depends(getDb) }, () => undefined);

describe('the channels of durable tasks', () => {
  let recorder: Recorder;
  beforeEach(() => {
    recorder = new Recorder();
  });
  afterEach(() => recorder.stop());

  it('show the task that is stored, and its job as a run of its own', async () => {
    const layer = new Layer({ taskQueue: memoryQueue() });
    await layer.run({}, function order({ backgroundTasks }) {
      backgroundTasks.addTask(sendMail);
    });
    await layer.close();
    recorder.stop();
    expect(recorder.lines).toEqual([
      'request run order',
      'endpoint order',
      '/endpoint order',
      'enqueue send-mail',
      '/enqueue send-mail',
      '/request run order',
      'task send-mail',
      'dependency.enter getDb',
      '/dependency.enter getDb',
      'endpoint send-mail',
      '/endpoint send-mail',
      'dependency.exit getDb',
      '/dependency.exit getDb',
      '/task send-mail',
    ]);
    expect(recorder.exchanges.size).toBe(2);
  });

  it('show a queue that fails', async () => {
    const taskQueue = collectingQueue();
    taskQueue.failNext();
    const layer = new Layer({ taskQueue, onError: () => undefined });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(sendMail));
    await layer.close();
    recorder.stop();
    const lines = recorder.lines.slice(-4).map(line => line.split(',')[0]);
    expect(lines).toEqual([
      'enqueue send-mail',
      '/enqueue send-mail failed: The queue is down.',
      'report background The task `send-mail` was not queued: the collecting queue failed',
      '/request run',
    ]);
  });

  it('show a queue that throws at once', async () => {
    const taskQueue = collectingQueue();
    taskQueue.send = () => {
      throw new Error('No connection.');
    };
    const layer = new Layer({ taskQueue, onError: () => undefined });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(sendMail));
    await layer.close();
    recorder.stop();
    expect(recorder.lines).toContain('/enqueue send-mail failed: No connection.');
  });

  it('end an attempt that takes too long when the worker gives it up', async () => {
    const { opened, open } = gate();
    const stuck = task('stuck', {}, () => opened);
    const queue = new ManualQueue();
    const layer = new Layer({ taskQueue: queue, onError: () => undefined });
    await runWorker(layer, [stuck]);
    await queue.give('stuck', { timeoutMs: 5 });
    const { settled } = recorder;
    const lines = recorder.lines.slice(2).map(line => line.split(' ').slice(0, 2).join(' '));
    open();
    await layer.close();
    recorder.stop();
    expect(lines).toEqual(['task stuck', 'endpoint stuck', '/task stuck', 'report background']);
    expect(recorder.seen.find(({ part }) => part === 'error')?.event).toMatchObject({
      stage: 'task',
      error: { code: 'TASK_TIMEOUT' },
    });
    expect(recorder.lines.at(-1)).toBe('/endpoint stuck');
    expect(recorder.settled).toBe(settled);
  });
});
