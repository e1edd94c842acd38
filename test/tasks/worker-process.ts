// A worker in its own process: `worker-process.ts <engine> <queue> <play>`. It sends each attempt as
// `task attempt`; a task that hangs ignores its signal.
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
  await work(queue, new Seen(), (envelope, job) => {
    process.send?.(`${envelope.task} ${job.attempt}`);
    return plays[play]?.(envelope, job) ?? done;
  });
  process.send?.('ready');
}

void main();
