import {
  BackgroundTasks,
  Depends,
  dependency,
  endpoint,
  HTTPException,
  Layer,
  type LayerOptions,
} from 'callnext';
import { collectingQueue, memoryQueue, outbox, type TaskNotQueued, TaskRefused, task } from 'callnext/tasks';
import { TestClient } from 'callnext/testing';
import { mounts, type TestApp } from '../support/frameworks.js';

/** Events of one test: the steps of the trace, and what `onError` received. */
class Story {
  readonly told: string[] = [];
  readonly ran: unknown[] = [];
  readonly layer: Layer;
  readonly client: TestClient;

  constructor(app: TestApp, options: LayerOptions, answer: ReturnType<typeof endpoint>) {
    const onError = (error: Error & { code?: string }, { name }: { name: string | undefined }): void =>
      void this.told.push(`${name}: ${error.code ?? error.message}`);
    this.layer = new Layer({ onError, ...options });
    app.use(this.layer).at('/', answer);
    this.client = new TestClient(app.listener(), { layer: this.layer });
  }

  async trace(): Promise<readonly string[]> {
    await this.client.post('/');
    await this.client.settled();
    const { trace } = this.client;
    await this.client.close();
    return trace;
  }
}

async function* getDb() {
  yield 'db';
}

async function* getClock() {
  yield 'clock';
}

const first = (): void => undefined;
const third = (): void => undefined;

const sendMail = task(
  'send-mail',
  { clock: Depends(getClock, { scope: 'app' }), db: Depends(getDb) },
  (_context, _args: { orderId: string }) => undefined,
);

const createOrder = endpoint({}, function createOrder({ backgroundTasks }) {
  backgroundTasks.addTask(first);
  backgroundTasks.addTask(sendMail, { orderId: '7' });
  backgroundTasks.addTask(third);
  return null;
});

describe.each(mounts)('durable tasks on $name', ({ app }) => {
  it('run in their place in the list, in this process, without a queue', async () => {
    const story = new Story(app(), {}, createOrder);
    expect(await story.trace()).toEqual([
      'createOrder',
      'sent 200',
      'task first',
      'getClock enter',
      'getDb enter',
      'task send-mail',
      'getDb exit',
      'task third',
    ]);
  });

  it('are sent in their place in the list, and run by a worker, which shares scope `app`', async () => {
    const answer = endpoint(
      { clock: Depends(getClock, { scope: 'app' }), db: Depends(getDb) },
      createOrder.handler as never,
    );
    const story = new Story(app(), { taskQueue: memoryQueue() }, answer);
    expect(await story.trace()).toEqual([
      'getClock enter',
      'getDb enter',
      'createOrder',
      'sent 200',
      'getDb exit',
      'task first',
      'queue send-mail',
      'task third',
      'getDb enter',
      'task send-mail',
      'getDb exit',
    ]);
  });

  it('are dropped with their request, and reported', async () => {
    const fails = endpoint({}, function fails({ backgroundTasks }) {
      backgroundTasks.addTask(sendMail, { orderId: '7' });
      throw new HTTPException(409);
    });
    const story = new Story(app(), { taskQueue: memoryQueue() }, fails);
    expect(await story.trace()).toEqual(['fails', 'sent 409']);
    expect(story.told).toEqual(['send-mail: TASK_DROPPED']);
  });

  it('are sent after a failure if they say `always`, and in the tasks of a response', async () => {
    const queue = collectingQueue();
    const fails = endpoint({}, function fails({ backgroundTasks }) {
      backgroundTasks.addTask(sendMail, { orderId: 'always' }, { when: 'always', id: 'one' });
      throw new HTTPException(409);
    });
    const story = new Story(app(), { taskQueue: queue }, fails);
    story.layer.addMiddleware(async (request, callNext) => {
      const response = await callNext(request);
      const background = new BackgroundTasks();
      background.addTask(sendMail, { orderId: 'response' }, { id: 'two' });
      response.background = background;
      return response;
    });
    await story.trace();
    expect(queue.tasks).toEqual([
      { task: 'send-mail', args: { orderId: 'always' }, id: 'one' },
      { task: 'send-mail', args: { orderId: 'response' }, id: 'two' },
    ]);
  });

  it('are reported with their envelope when the queue refuses them, and the next task runs', async () => {
    const taskQueue = collectingQueue();
    taskQueue.failNext();
    const told: unknown[] = [];
    const onError = (error: Error): void => void told.push((error as TaskNotQueued).envelope);
    const seen: unknown[] = [];
    const watch = dependency({}, async function* watch() {
      try {
        yield;
      } catch (error) {
        seen.push((error as { code?: string }).code);
        throw error;
      }
    });
    const answer = endpoint({ watch: Depends(watch, { scope: 'background' }) }, createOrder.handler as never);
    const story = new Story(app(), { taskQueue, onError }, answer);
    expect(await story.trace()).toEqual([
      'watch enter',
      'createOrder',
      'sent 200',
      'task first',
      'queue send-mail',
      'task third',
      'watch exit with CallnextError',
    ]);
    expect(told).toEqual([expect.objectContaining({ v: 1, task: 'send-mail', args: { orderId: '7' } })]);
    expect(seen).toEqual(['TASK_NOT_QUEUED']);
  });

  it('run again after a failure, and not after a `TaskRefused`', async () => {
    const attempts: string[] = [];
    const flaky = task('flaky', { db: Depends(getDb) }, ({ task: { attempt, id } }) => {
      attempts.push(`${attempt} ${id}`);
      if (attempt < 3) throw new Error('down');
      throw new TaskRefused('no such order');
    });
    const answer = endpoint({}, function answer({ backgroundTasks }) {
      backgroundTasks.addTask(flaky, undefined, { id: 'x' });
      return null;
    });
    const story = new Story(app(), { taskQueue: memoryQueue() }, answer);
    expect(await story.trace()).toEqual([
      'answer',
      'sent 200',
      'queue flaky',
      'getDb enter',
      'task flaky',
      'getDb exit with Error',
      'getDb enter',
      'task flaky',
      'getDb exit with Error',
      'getDb enter',
      'task flaky',
      'getDb exit with TaskRefused',
    ]);
    expect(attempts).toEqual(['1 x', '2 x', '3 x']);
    expect(story.told).toEqual(['flaky: down', 'flaky: down', 'flaky: no such order']);
  });

  it('are written by an outbox before the commit', async () => {
    const statements: string[] = [];
    const transaction = dependency({}, async function* transaction() {
      statements.push('BEGIN');
      yield { query: async (text: string) => ({ rows: [statements.push(text)] }) };
      statements.push('COMMIT');
    });
    const scope = 'function';
    const getOutbox = outbox(Depends(transaction, { scope }));
    const answer = endpoint({ box: Depends(getOutbox, { scope }) }, function answer({ box }) {
      box.addTask(sendMail, { orderId: '7' });
      return null;
    });
    const taskQueue = Object.assign(collectingQueue(), {
      insert: async (
        envelopes: readonly { task: string }[],
        { executeSql }: { executeSql: (text: string) => unknown },
      ) => {
        for (const each of envelopes) await executeSql(`INSERT ${each.task}`);
      },
    });
    const story = new Story(app(), { taskQueue }, answer);
    expect(await story.trace()).toEqual([
      'transaction enter',
      'outbox enter',
      'answer',
      'outbox exit',
      'queue send-mail',
      'transaction exit',
      'sent 200',
    ]);
    expect(statements).toEqual(['BEGIN', 'INSERT send-mail', 'COMMIT']);
  });
});
