import { propagation } from '@opentelemetry/api';
import { Depends, endpoint, Layer } from 'callnext';
import { type CallnextInstrumentation, callnextInstrumentation } from 'callnext/opentelemetry';
import { collectingQueue, memoryQueue, type TaskQueue, task } from 'callnext/tasks';
import { express5Framework, koa3Framework, listening } from '../support/frameworks.js';
import { Spans } from './spans.js';

async function* getDb() {
  yield 'db';
}

describe.each([express5Framework, koa3Framework])('spans of durable tasks on $name', framework => {
  let spans: Spans;
  let instrumentation: CallnextInstrumentation;
  beforeEach(() => {
    spans = new Spans();
    instrumentation = callnextInstrumentation({ middleware: false });
  });
  afterEach(async () => {
    instrumentation.disable();
    await spans.shutdown();
  });

  /** Posts one order, which adds a task, and waits for the task. Resolves with the baggage of the task. */
  async function order(taskQueue: TaskQueue | undefined, fails = false): Promise<(string | undefined)[]> {
    const tenants: (string | undefined)[] = [];
    const sendMail = task(
      'send-mail',
      { db: Depends(getDb) },
      async () => {
        tenants.push(propagation.getActiveBaggage()?.getEntry('tenant')?.value);
        if (fails) throw new RangeError('no mail');
      },
      { attempts: 1 },
    );
    const layer = new Layer({ ...(taskQueue ? { taskQueue } : {}), onError: () => undefined });
    const create = endpoint({ db: Depends(getDb) }, function create({ backgroundTasks }) {
      backgroundTasks.addTask(sendMail);
      return 1;
    });
    await listening(framework.app().use(layer).at('/', create).listener(), async url => {
      await (await fetch(url, { headers: { baggage: 'tenant=acme' } })).text();
      await layer.close();
    });
    return tenants;
  }

  const request = [
    'SERVER GET 200',
    '  native code',
    '    dependency getDb',
    '    endpoint create',
    '  dependency exit getDb',
    '  PRODUCER send send-mail',
  ];

  it('are two: where it is stored and where it runs, with a link and the baggage', async () => {
    expect(await order(memoryQueue())).toEqual(['acme']);
    expect(spans.tree).toEqual([
      ...request,
      'CONSUMER process send-mail',
      '  dependency getDb',
      '  endpoint send-mail',
      '  dependency exit getDb',
    ]);
    const sent = spans.named('send send-mail');
    const processed = spans.named('process send-mail');
    expect(processed.links.map(({ context }) => context.spanId)).toEqual([sent.spanContext().spanId]);
    expect(processed.spanContext().traceId).not.toBe(sent.spanContext().traceId);
    expect(sent.attributes).toMatchObject({
      'messaging.system': 'callnext',
      'messaging.operation.name': 'send',
      'messaging.destination.name': 'memory queue',
      'callnext.task.name': 'send-mail',
    });
    expect(processed.attributes).toMatchObject({
      'messaging.operation.name': 'process',
      'messaging.message.id': sent.attributes['messaging.message.id'],
      'callnext.task.attempt': 1,
    });
  });

  it('form one trace if they are asked for as children', async () => {
    instrumentation.setConfig({ middleware: false, durableTasks: 'child' });
    await order(memoryQueue());
    expect(spans.tree).toEqual([
      ...request,
      '    CONSUMER process send-mail',
      '      dependency getDb',
      '      endpoint send-mail',
      '      dependency exit getDb',
    ]);
  });

  it('show the failure of an attempt, and what is thrown into its dependencies', async () => {
    await order(memoryQueue(), true);
    expect(spans.tree.slice(request.length)).toEqual([
      'CONSUMER process send-mail error RangeError',
      '  dependency getDb',
      '  endpoint send-mail error RangeError (exception)',
      '  dependency exit getDb',
    ]);
  });

  it('show a queue that refuses the task', async () => {
    const queue = collectingQueue();
    queue.failNext(new RangeError('down'));
    await order(queue);
    expect(spans.tree.at(-1)).toBe('  PRODUCER send send-mail error RangeError (exception)');
  });

  it('are one below the request, if it runs in its place without a queue', async () => {
    expect(await order(undefined)).toEqual(['acme']);
    expect(spans.tree).toEqual([
      ...request.slice(0, -1),
      '  task send-mail',
      '    dependency getDb',
      '    endpoint send-mail',
      '    dependency exit getDb',
    ]);
  });

  it('are left out if they are switched off', async () => {
    instrumentation.setConfig({ middleware: false, durableTasks: false });
    expect(await order(memoryQueue())).toEqual(['acme']);
    expect(spans.tree).toEqual(request.slice(0, -1));
  });
});
