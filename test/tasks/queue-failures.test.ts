import { Depends, endpoint, Layer, type LayerOptions } from 'callnext';
import { requestId } from 'callnext/middleware/request-id';
import { toNode } from 'callnext/node';
import {
  collectingQueue,
  outbox,
  type SqlExecutor,
  type TaskEnvelope,
  type TaskNotQueued,
  task,
} from 'callnext/tasks';
import { TestClient } from 'callnext/testing';
import { gate } from '../support/events.js';
import { ManualQueue } from './manual-queue.js';

const ran: unknown[] = [];
const note = task('note', {}, ({ task: { id, attempts } }, args: string) => ran.push([args, id, attempts]));

function layerWith(options: LayerOptions) {
  const told: string[] = [];
  const layer = new Layer({
    onError: (error, { phase, name }) => void told.push(`${phase} ${name}: ${(error as TaskNotQueued).code}`),
    ...options,
  });
  return { layer, told };
}

beforeEach(() => ran.splice(0));

describe('a queue that refuses a task', () => {
  it('leaves the task to `onError`', async () => {
    const taskQueue = collectingQueue();
    taskQueue.failNext();
    const { layer, told } = layerWith({ taskQueue });
    await layer.run({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(note, 'first');
      backgroundTasks.addTask(note, 'second');
    });
    expect(told).toEqual(['background note: TASK_NOT_QUEUED']);
    expect(taskQueue.tasks.map(({ args }) => args)).toEqual(['second']);
  });

  it('may run it in this process, once, with the same id', async () => {
    const taskQueue = collectingQueue();
    taskQueue.failNext();
    const { layer, told } = layerWith({ taskQueue, whenQueueFails: 'run' });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(note, 'here', { id: 'x' }));
    expect([told, ran]).toEqual([['background note: TASK_NOT_QUEUED'], [['here', 'x', 1]]]);
  });

  it('may hand it to a function, whose failure is reported', async () => {
    const taskQueue = collectingQueue();
    const kept: TaskEnvelope[] = [];
    const { layer, told } = layerWith({
      taskQueue,
      whenQueueFails: (envelope, error) => {
        kept.push(envelope);
        expect(error.cause).toEqual(new Error('The queue is down.'));
        if (kept.length > 1) throw new Error('no disk');
      },
    });
    for (const args of ['a', 'b']) {
      taskQueue.failNext();
      await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(note, args));
    }
    expect(kept.map(({ args }) => args)).toEqual(['a', 'b']);
    expect(told).toEqual([
      'background note: TASK_NOT_QUEUED',
      'background note: TASK_NOT_QUEUED',
      'background note: undefined',
    ]);
  });

  it('fails an `enqueue`, whatever `whenQueueFails` says', async () => {
    const taskQueue = collectingQueue();
    taskQueue.failNext();
    const { layer, told } = layerWith({ taskQueue, whenQueueFails: 'run' });
    await expect(
      layer.run({}, ({ backgroundTasks }) => backgroundTasks.enqueue(note, 'now')),
    ).rejects.toMatchObject({ code: 'TASK_NOT_QUEUED', envelope: { args: 'now' } });
    expect([told, ran]).toEqual([[], []]);
  });

  it('has limited time to answer, and a signal that aborts when it is over', async () => {
    const taskQueue = new ManualQueue();
    let signal: AbortSignal | undefined;
    taskQueue.send = (_envelopes, given) => {
      signal = given;
      return new Promise(() => undefined);
    };
    const { layer, told } = layerWith({ taskQueue, enqueueTimeoutMs: 10 });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(note, 'late'));
    expect(told).toEqual(['background note: TASK_NOT_QUEUED']);
    expect(signal?.reason).toMatchObject({ message: 'The manual queue did not answer within 10 ms.' });
  });

  it('may start late: a start that failed is tried again', async () => {
    const taskQueue = new ManualQueue();
    let starts = 0;
    taskQueue.start = async () => {
      starts += 1;
      if (starts < 3) throw new Error('no database');
    };
    const { layer, told } = layerWith({ taskQueue });
    await expect(layer.start()).rejects.toThrow('no database');
    for (let count = 0; count < 3; count += 1)
      await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(note, 'x'));
    expect(told).toEqual(['background note: TASK_NOT_QUEUED']);
    expect([starts, taskQueue.sent.length]).toEqual([3, 2]);
  });

  it('receives nothing once the time to start it is up', async () => {
    const taskQueue = new ManualQueue();
    const { opened, open } = gate();
    taskQueue.start = () => opened;
    const { layer, told } = layerWith({ taskQueue, enqueueTimeoutMs: 10 });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(note, 'late'));
    expect(told).toEqual(['background note: TASK_NOT_QUEUED']);
    open();
    await new Promise(resolve => setImmediate(resolve));
    expect(taskQueue.sent).toEqual([]);
    await layer.close();
  });

  it('may throw synchronously', async () => {
    const taskQueue = new ManualQueue();
    taskQueue.send = () => {
      throw new Error('oops');
    };
    const { layer, told } = layerWith({ taskQueue });
    await layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(note, 'x'));
    expect(told).toEqual(['background note: TASK_NOT_QUEUED']);
  });
});

describe('without a queue', () => {
  it('`enqueue` runs the task after the response, even if the request fails', async () => {
    const { layer } = layerWith({});
    await expect(
      layer.run({}, async ({ backgroundTasks }) => {
        expect(await backgroundTasks.enqueue(note, 'now', { id: 'x' })).toEqual({ id: 'x' });
        expect(ran).toEqual([]);
        throw new Error('later');
      }),
    ).rejects.toThrow('later');
    expect(ran).toEqual([['now', 'x', 1]]);
  });

  it('a delayed task waits in its place, and is reported if the layer closes first', async () => {
    const { layer, told } = layerWith({});
    const running = layer.run({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(note, 'delayed', { delayMs: 5 });
      backgroundTasks.addTask(note, 'much later', { delayMs: 60_000 });
    });
    const { tasks } = await layer.close({ timeoutMs: 100 });
    await running;
    expect(ran.map(each => (each as unknown[])[0])).toEqual(['delayed']);
    expect(tasks).toEqual(['note']);
    expect(told).toEqual(['background note: TASK_UNDONE']);
  });

  it('a running task is aborted when the time to close is up', async () => {
    const slow = task(
      'slow',
      {},
      ({ task: { signal } }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const { layer, told } = layerWith({});
    const running = layer.run({}, ({ backgroundTasks }) => backgroundTasks.addTask(slow));
    await layer.close({ timeoutMs: 20 });
    await running;
    expect(told).toEqual(['background slow: LAYER_CLOSED']);
  });
});

describe('layers inside each other', () => {
  it('use the queue of the innermost one that has one', async () => {
    const [outer, inner] = [collectingQueue(), collectingQueue()];
    const answer = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(note, 'x');
      return null;
    });
    const around = new Layer({ taskQueue: outer });
    const within = new Layer({ taskQueue: inner });
    const client = new TestClient(toNode(around, toNode(within, toNode(new Layer(), toNode(answer)))));
    await client.get('/');
    await client.settled();
    await client.close();
    expect([outer.tasks.length, inner.tasks.length]).toEqual([0, 1]);
  });
});

describe('headers of a request', () => {
  it('are left out if the app has set a `requestId` that no header can have', async () => {
    const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const taskQueue = collectingQueue();
    const layer = new Layer({ taskQueue });
    const answer = endpoint({}, ({ backgroundTasks, request }) => {
      Object.assign(request.state, { requestId: 'línea ☃' });
      backgroundTasks.addTask(note, 'x');
      return null;
    });
    const client = new TestClient(toNode(layer, toNode(answer)));
    await client.get('/', { headers: { baggage: 'c=d' } });
    await client.settled();
    await client.close();
    expect(taskQueue.envelopes[0]?.headers).toEqual({ baggage: 'c=d' });
    expect(printed).toHaveBeenCalledTimes(1);
    printed.mockRestore();
  });

  it('travel with its tasks', async () => {
    const taskQueue = collectingQueue();
    const layer = new Layer({ taskQueue, middleware: [requestId({ header: 'x-correlation' })] });
    const answer = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(note, 'x');
      return null;
    });
    const client = new TestClient(toNode(layer, toNode(answer)));
    const sent = { traceparent: '00-1-2-01', tracestate: 'a=b', baggage: 'c=d', cookie: 'secret' };
    await client.get('/', { headers: { ...sent, 'x-correlation': 'r1' } });
    await client.settled();
    await client.close();
    const { cookie: _, ...passed } = sent;
    expect(taskQueue.envelopes[0]?.headers).toEqual({ ...passed, 'x-request-id': 'r1' });
  });
});

describe('outbox()', () => {
  const scope = 'function';
  async function* transaction() {
    yield { query: async () => ({ rows: [] }) };
  }
  const getOutbox = outbox(Depends(transaction, { scope }));
  const box = Depends(getOutbox, { scope });

  it('refuses an engine that has no part in a transaction', async () => {
    const { layer } = layerWith({ taskQueue: new ManualQueue() });
    await expect(layer.run({ box }, () => undefined)).rejects.toMatchObject({
      code: 'TASK_QUEUE',
      message: expect.stringContaining('The manual queue cannot store tasks in a transaction of the app'),
    });
  });

  it('with a queue in this process, or none, sends after the response, unless the commit fails', async () => {
    async function* failing() {
      yield { query: async () => ({ rows: [] }) };
      throw new Error('no commit');
    }
    const failingBox = Depends(outbox(Depends(failing, { scope })), { scope });
    const taskQueue = collectingQueue();
    for (const options of [{ taskQueue }, {}]) {
      const { layer, told } = layerWith(options);
      await layer.run({ box }, found => void found.box.addTask(note, 'committed'));
      await expect(
        layer.run({ box: failingBox }, found => void found.box.addTask(note, 'rolled back')),
      ).rejects.toThrow('no commit');
      expect(told).toEqual(['background note: TASK_DROPPED']);
    }
    expect(taskQueue.tasks.map(({ args }) => args)).toEqual(['committed']);
    expect(ran).toEqual([['committed', expect.any(String), 1]]);
  });

  it('writes nothing after a failure, and refuses what is added too late', async () => {
    const inserted: unknown[] = [];
    const taskQueue = Object.assign(new ManualQueue(), {
      insert: async (all: unknown) => void inserted.push(all),
    });
    const { layer, told } = layerWith({ taskQueue });
    let late = (): unknown => undefined;
    await expect(
      layer.run({ box }, found => {
        found.box.addTask(note, 'x');
        late = () => found.box.addTask(note, 'y');
        throw new Error('endpoint');
      }),
    ).rejects.toThrow('endpoint');
    expect(late).toThrow('The outbox had exited before `note` was added');
    await layer.run({ box }, () => undefined);
    expect([inserted, told]).toEqual([[], []]);
  });

  it('fails its request and the transaction if the insert fails', async () => {
    const seen: string[] = [];
    async function* watched() {
      try {
        yield {};
      } catch (error) {
        seen.push((error as Error).message);
        throw error;
      }
    }
    const executeSql = async (_transaction: object, text: string) => {
      throw new Error(`no ${text}`);
    };
    const watchedBox = Depends(outbox(Depends(watched, { scope }), { executeSql }), { scope });
    const taskQueue = Object.assign(new ManualQueue(), {
      insert: async (
        _all: unknown,
        { executeSql: run }: { executeSql: (text: string) => Promise<unknown> },
      ) => void (await run('INSERT')),
    });
    const { layer } = layerWith({ taskQueue });
    await expect(layer.run({ box: watchedBox }, found => void found.box.addTask(note, 'x'))).rejects.toThrow(
      'no INSERT',
    );
    expect(seen).toEqual(['no INSERT']);
  });

  it('runs no statement after its time, when others may have the connection', async () => {
    const { opened, open } = gate();
    const late = gate<unknown>();
    const taskQueue = Object.assign(new ManualQueue(), {
      insert: async (_all: unknown, { executeSql }: SqlExecutor) => {
        await opened;
        await executeSql('INSERT').catch(late.open);
      },
    });
    const { layer } = layerWith({ taskQueue, enqueueTimeoutMs: 10 });
    const running = layer.run({ box }, found => void found.box.addTask(note, 'x'));
    await expect(running).rejects.toThrow('did not answer within 10 ms');
    open();
    expect(await late.opened).toMatchObject({ message: 'The manual queue did not answer within 10 ms.' });
  });

  it('takes a `Depends`, and a function as its option', () => {
    expect(() => outbox(transaction as never)).toThrow(expect.objectContaining({ code: 'DEPENDS_EXPECTED' }));
    const marker = Depends(transaction);
    expect(() => outbox(marker, { executeSql: 1 as never })).toThrow(
      expect.objectContaining({ code: 'OPTION_VALUE' }),
    );
  });
});
