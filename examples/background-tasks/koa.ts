import { bodyParser } from '@koa/bodyparser';
import { BackgroundTask, Layer } from 'callnext';
import { backgroundTasks, toKoa } from 'callnext/koa';
import Koa from 'koa';

export const mails: string[] = [];
async function sendMail(to: string) {
  mails.push(to);
}

export const app = new Koa();
app.use(toKoa(new Layer()));
app.use(bodyParser());
app.use(ctx => {
  const { email } = ctx.request.body as { email: string };
  backgroundTasks(ctx).addTask(sendMail, email);
  // Runs even if the request fails.
  backgroundTasks(ctx).addTask(
    new BackgroundTask(sendMail, ['audit@example.com'], { when: 'always' }),
  );
  ctx.body = { ok: true };
});
