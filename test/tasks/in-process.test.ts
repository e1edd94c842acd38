import { Depends, endpoint, Layer, type TaskQueue } from 'callnext';
import { toExpress } from 'callnext/express';
import { memoryQueue, task } from 'callnext/tasks';
import { TestClient } from 'callnext/testing';
import express from 'express';

async function* getDb() {
  yield 'db';
}

const first = (): void => undefined;
const third = (): void => undefined;

function shop(taskQueue?: TaskQueue) {
  const ran: unknown[] = [];
  const sendMail = task(
    'send-mail',
    { db: Depends(getDb) },
    async ({ db, task }, args: { orderId: string }) => {
      ran.push([db, args, task.attempt]);
    },
  );
  const layer = new Layer(taskQueue ? { taskQueue } : {});
  const app = express();
  app.use(toExpress(layer));
  app.post(
    '/orders',
    toExpress(
      endpoint({}, function createOrder({ backgroundTasks }) {
        backgroundTasks.addTask(first);
        backgroundTasks.addTask(sendMail, { orderId: '7' });
        backgroundTasks.addTask(third);
        return null;
      }),
    ),
  );
  return { client: new TestClient(app, { layer }), ran };
}

describe('a durable task without a queue', () => {
  it('runs in this process, in its place in the list, with its own dependencies', async () => {
    const { client, ran } = shop();
    await client.post('/orders');
    await client.settled();
    expect(client.trace).toEqual([
      'createOrder',
      'sent 200',
      'task first',
      'getDb enter',
      'task send-mail',
      'getDb exit',
      'task third',
    ]);
    expect(ran).toEqual([['db', { orderId: '7' }, 1]]);
    await client.close();
  });

  it('is sent to a queue', async () => {
    const { client, ran } = shop(memoryQueue());
    await client.post('/orders');
    await client.settled();
    await client.close();
    expect(client.trace).toEqual([
      'createOrder',
      'sent 200',
      'task first',
      'queue send-mail',
      'task third',
      'getDb enter',
      'task send-mail',
      'getDb exit',
    ]);
    expect(ran).toEqual([['db', { orderId: '7' }, 1]]);
  });
});
