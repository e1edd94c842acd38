// The tasks of the shop. Web processes and workers both import this file.
import { Depends } from 'callnext';
import { TaskRefused, task } from 'callnext/tasks';
import { z } from 'zod';
import { getDb, getMailer } from './resources.js';

export const sendMail = task(
  'send-mail',
  { db: Depends(getDb), mailer: Depends(getMailer, { scope: 'app' }) },
  async ({ db, mailer, task }, { orderId }: { orderId: number }) => {
    const order = await db.order(orderId);
    if (!order) throw new TaskRefused(`There is no order ${orderId}.`);
    await mailer.send(order.email, {
      idempotencyKey: task.id,
      signal: task.signal,
    });
  },
);

export const remind = task(
  'remind',
  { mailer: Depends(getMailer, { scope: 'app' }) },
  async ({ mailer, task }, { email, at }) => {
    const subject = `See you at ${at.toISOString()}`;
    await mailer.send(email, { idempotencyKey: task.id, subject });
  },
  {
    args: z.object({ email: z.email(), at: z.coerce.date() }),
    attempts: 3,
    backoff: { delayMs: 5_000, factor: 2, maxDelayMs: 60_000 },
    timeoutMs: 30_000,
  },
);
