// The task. Web processes and workers import it.
import { Depends } from 'callnext';
import { TaskRefused, task } from 'callnext/tasks';

export interface Mail {
  readonly to: string;
  readonly text: string;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** Sends mails through the service at MAIL_URL. */
export function getMailer() {
  const url = process.env.MAIL_URL ?? 'http://127.0.0.1:8025/mails';
  return {
    async send({ to, text, idempotencyKey, signal }: Mail): Promise<void> {
      const headers = {
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      };
      const body = JSON.stringify({ to, text });
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body,
        signal,
      });
      if (!response.ok)
        throw new Error(`The mailer answered ${response.status}.`);
    },
  };
}

export const sendMail = task(
  'send-mail',
  { mailer: Depends(getMailer) },
  async ({ mailer, task }, { orderId, customer }: MailArguments) => {
    // Another attempt would not help: the task becomes a dead letter.
    if (!customer.includes('@')) throw new TaskRefused('Not an address');
    await mailer.send({
      to: customer,
      text: `Thank you for order ${orderId}.`,
      // The same in every attempt, so the service sends one mail.
      idempotencyKey: task.id,
      signal: task.signal,
    });
  },
  { attempts: 5, backoff: { delayMs: 200 }, timeoutMs: 30_000 },
);

export interface MailArguments {
  readonly orderId: number;
  readonly customer: string;
}
