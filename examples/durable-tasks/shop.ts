// Durable tasks of an order service, on a queue in memory. In production, give
// the layer a queue on PostgreSQL or Redis.
import { Depends, endpoint, JSONResponse, Layer } from 'callnext';
import { memoryQueue } from 'callnext/tasks';
import { getDb } from './resources.js';
import { remind, sendMail } from './tasks.js';

export const layer = new Layer({ taskQueue: memoryQueue() });

export const createOrder = endpoint(
  { db: Depends(getDb) },
  async ({ db, request, backgroundTasks }) => {
    const { email } = (await request.json()) as { email: string };
    const order = await db.add(email);
    backgroundTasks.addTask(sendMail, { orderId: order.id });
    return new JSONResponse(order, { status: 201 });
  },
);

export const createReminder = endpoint(
  {},
  async ({ request, backgroundTasks }) => {
    const { email, at } = (await request.json()) as {
      email: string;
      at: string;
    };
    const { id } = await backgroundTasks.enqueue(remind, { email, at });
    return new JSONResponse({ id }, { status: 202 });
  },
);
