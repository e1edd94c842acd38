import { Depends, Layer } from 'callnext';
import { collectingQueue, memoryQueue, task } from 'callnext/tasks';
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
      '/request run order',
      'enqueue send-mail',
      '/enqueue send-mail',
      'request task send-mail',
      'dependency.enter getDb',
      '/dependency.enter getDb',
      'endpoint send-mail',
      '/endpoint send-mail',
      '/request task send-mail',
      'dependency.exit getDb',
      '/dependency.exit getDb',
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
    const lines = recorder.lines.slice(-3).map(line => line.split(',')[0]);
    expect(lines).toEqual([
      'enqueue send-mail',
      '/enqueue send-mail failed: The queue is down.',
      'report background The task `send-mail` was not queued',
    ]);
  });
});
