// A worker in its own process: `worker-process.ts <engine> <queue> <play>`. It sends each attempt as
// `task attempt`; a task that hangs ignores its signal. With the play `sigterm`, the process ends as the
// guide shows it.
import { Layer } from 'callnext';
import type { TaskQueue } from 'callnext/adapter';
import { runWorker, task } from 'callnext/tasks';
import { engines } from './engines.js';
import { done, type Play, Seen, work } from './work.js';

const [engineName, queueName = '', play = ''] = process.argv.slice(2);

const plays: Readonly<Record<string, Play>> = {
  hang: () => new Promise(() => undefined),
  finish: () => done,
};

async function main(): Promise<void> {
  const engine = engines().find(({ name }) => name === engineName);
  if (!engine) throw new Error(`There is no engine ${engineName}.`);
  const { queue } = await engine.open(queueName);
  if (play === 'sigterm') await untilSigterm(queue);
  else await workAsPlayed(queue);
  process.send?.('ready');
}

async function workAsPlayed(queue: TaskQueue): Promise<void> {
  await work(queue, new Seen(), (envelope, job) => {
    process.send?.(`${envelope.task} ${job.attempt}`);
    return plays[play]?.(envelope, job) ?? done;
  });
}

async function untilSigterm(taskQueue: TaskQueue): Promise<void> {
  const layer = new Layer({ taskQueue, onError: () => undefined });
  const hang = task('hang', {}, async ({ task: { attempt } }) => {
    process.send?.(`hang ${attempt}`);
    await new Promise(() => undefined);
  });
  const worker = await runWorker(layer, [hang]);
  process.once('SIGTERM', async () => {
    const { tasks } = await worker.close({ timeoutMs: 500 });
    await layer.close({ timeoutMs: 500 });
    process.send?.(`gave back ${tasks}`, () => process.exit());
  });
}

void main();
