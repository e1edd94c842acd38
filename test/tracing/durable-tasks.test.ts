import { Depends, endpoint, Layer } from 'callnext';
import { collectingQueue, memoryQueue, type TaskQueue, task } from 'callnext/tasks';
import { type StageEvent, subscribe } from 'callnext/tracing';
import { express5Framework, koa3Framework, listening } from '../support/frameworks.js';
import { Recorder } from './recorder.js';

async function* getDb() {
  yield 'db';
}

describe.each([express5Framework, koa3Framework])('the channels of durable tasks on $name', framework => {
  /** Adds a task to a request, and waits for it. Resolves with the events of the request and its task. */
  async function order(taskQueue?: TaskQueue): Promise<Recorder> {
    const sendMail = task('send-mail', { db: Depends(getDb) }, () => undefined);
    const layer = new Layer({ ...(taskQueue ? { taskQueue } : {}), onError: () => undefined });
    const create = endpoint({}, function create({ backgroundTasks }) {
      backgroundTasks.addTask(sendMail);
      return 1;
    });
    const recorder = new Recorder();
    await listening(framework.app().use(layer).at('/', create).listener(), async url => {
      await (await fetch(url)).text();
      await layer.close();
    });
    recorder.stop();
    return recorder;
  }

  const job = [
    'task send-mail',
    'dependency.enter getDb',
    '/dependency.enter getDb',
    'endpoint send-mail',
    '/endpoint send-mail',
    'dependency.exit getDb',
    '/dependency.exit getDb',
    '/task send-mail',
  ];

  function starts(recorder: Recorder, stage: string): StageEvent[] {
    return recorder.seen.flatMap(({ part, event }) =>
      part === 'start' && 'stage' in event && event.stage === stage ? [event] : [],
    );
  }

  it('show where it is stored, and where it runs', async () => {
    const recorder = await order(memoryQueue());
    expect(recorder.lines.slice(recorder.lines.indexOf('/request GET 200 sent') + 1)).toEqual([
      'enqueue send-mail',
      '/enqueue send-mail',
      ...job,
    ]);
    const [stored] = starts(recorder, 'enqueue');
    const [run] = starts(recorder, 'task');
    expect(stored).toMatchObject({ queue: 'memory queue', envelope: { task: 'send-mail', attempts: 5 } });
    expect(run).toMatchObject({ queue: 'memory queue', attempt: 1, envelope: { id: stored?.envelope?.id } });
    expect(run?.exchange).not.toBe(stored?.exchange);
    expect(recorder.settled).toBe(2);
  });

  it('show it in the place of the request that added it, without a queue', async () => {
    const recorder = await order();
    expect(recorder.lines.slice(recorder.lines.indexOf('/request GET 200 sent') + 1)).toEqual(job);
    expect(starts(recorder, 'task')[0]?.addedBy).toBe(starts(recorder, 'request')[0]?.exchange);
  });

  it('show a queue that refuses it, and the report', async () => {
    const queue = collectingQueue();
    queue.failNext(new Error('down'));
    const recorder = await order(queue);
    expect(recorder.lines.slice(-3, -1)).toEqual(['enqueue send-mail', '/enqueue send-mail failed: down']);
    expect(recorder.lines.at(-1)).toMatch(/^report background /);
  });

  it('carry headers that a subscriber adds to the worker', async () => {
    const received: unknown[] = [];
    const stop = subscribe({
      start({ stage, envelope }) {
        if (stage === 'enqueue' && envelope) envelope.headers['x-tenant'] = 'acme';
        if (stage === 'task') received.push(envelope?.headers);
      },
    });
    await order(memoryQueue());
    stop();
    expect(received).toEqual([{ 'x-tenant': 'acme' }]);
  });

  it.each([
    ['an illegal value', { 'x-user': '☃', 'x-tenant': 'acme' }],
    ['an illegal name', { 'x user': 'zoe', 'x-tenant': 'acme' }],
    ['what is no object', undefined],
  ])('run a task to which a subscriber adds %s', async (_what, headers) => {
    const printed = jest.spyOn(console, 'error').mockImplementation();
    const stop = subscribe({
      start({ stage, envelope }) {
        if (stage === 'enqueue') Object.assign(envelope as object, { headers, task: 'other' });
      },
    });
    const recorder = await order(memoryQueue());
    stop();
    expect(recorder.lines.slice(-job.length)).toEqual(job);
    const [run] = starts(recorder, 'task');
    expect(run?.envelope?.headers).toEqual(headers ? { 'x-tenant': 'acme' } : {});
    expect(printed.mock.calls.map(([message]) => message)).toEqual(
      headers ? ['callnext: a header of a durable task is left out.'] : [],
    );
    printed.mockRestore();
  });
});
