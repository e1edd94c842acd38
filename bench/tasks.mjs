// npm run bench:tasks: how many tasks a second a worker of callnext runs beside the bare engine, on its own
// servers. Both contenders run ten at once, and take turns. Prints medians and their ratios.
import { Worker as BullWorker, Queue } from 'bullmq';
import { Layer } from 'callnext';
import { runWorker, task } from 'callnext/tasks';
import { bullmqQueue } from 'callnext/tasks/bullmq';
import { pgBossQueue } from 'callnext/tasks/pg-boss';
import { PgBoss } from 'pg-boss';
import { withPostgres } from '../scripts/own-postgres.mjs';
import { withRedis } from '../scripts/own-redis.mjs';

const jobs = Number(process.argv[2] ?? 5000);
const rounds = Number(process.argv[3] ?? 5);
const concurrency = 10;
const some = Array.from({ length: jobs }, (_, index) => index);
const unique = prefix => `${prefix}-${Math.random().toString(36).slice(2)}`;

const kinds = {
  'no work': () => undefined,
  '5 ms of waiting': () => new Promise(resolve => setTimeout(resolve, 5)),
};

await withPostgres('bench:tasks', url =>
  withRedis('bench:tasks', async port => {
    for (const [kind, work] of Object.entries(kinds)) {
      await compare(`pg-boss 12, ${kind}`, work, barePgBoss(url), ourPgBoss(url));
      await compare(`BullMQ 6, ${kind}`, work, bareBullmq(port), ourBullmq(port));
    }
  }),
);

async function compare(name, work, bare, ours) {
  const rates = { bare: [], ours: [] };
  const ratios = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const one = { bare: await rate(bare, work), ours: await rate(ours, work) };
    if (round === 0) continue;
    rates.bare.push(one.bare);
    rates.ours.push(one.ours);
    ratios.push(one.ours / one.bare);
  }
  const [bareRate, ourRate] = [median(rates.bare), median(rates.ours)].map(Math.round);
  console.log(`${name}: bare ${bareRate}/s, callnext ${ourRate}/s, ratio ${median(ratios).toFixed(2)}`);
}

/** All jobs wait when the worker starts. Returns jobs a second, from the first start to the last end. */
async function rate(contender, work) {
  let ended = 0;
  let begun;
  let finish;
  const finished = new Promise(resolve => {
    finish = resolve;
  });
  const stop = await contender(async () => {
    begun ??= performance.now();
    await work();
    ended += 1;
    if (ended === jobs) finish(performance.now());
  });
  const seconds = ((await finished) - begun) / 1000;
  await stop();
  return jobs / seconds;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** What a task is stored as, so that both contenders store the same. */
function envelopes() {
  return some.map(index => ({
    v: 1,
    id: crypto.randomUUID(),
    task: 'job',
    args: { index },
    addedAt: Date.now(),
    attempts: 3,
    backoff: { delayMs: 1000, factor: 2, maxDelayMs: 60_000 },
    timeoutMs: 60_000,
  }));
}

/** The fastest way that pg-boss documents: batches, fetched again at once. */
function barePgBoss(url) {
  return async run => {
    const boss = new PgBoss(url);
    boss.on('error', console.error);
    await boss.start();
    const queue = unique('bare');
    await boss.createQueue(queue);
    const limits = { retryLimit: 2, retryBackoff: true, expireInSeconds: 150, heartbeatSeconds: 20 };
    await boss.insert(
      queue,
      envelopes().map(data => ({ id: data.id, data, ...limits })),
    );
    const options = { batchSize: concurrency, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
    await boss.work(queue, options, batch => Promise.all(batch.map(run)));
    return () => boss.stop({ graceful: true });
  };
}

function bareBullmq(port) {
  const connection = { host: '127.0.0.1', port };
  return async run => {
    const name = unique('bare');
    const queue = new Queue(name, { connection });
    const opts = {
      attempts: 3,
      backoff: { type: 'exponential', delay: 1000 },
      removeOnComplete: { age: 86_400 },
      removeOnFail: { age: 14 * 86_400 },
    };
    await queue.addBulk(envelopes().map(data => ({ name: 'job', data, opts: { ...opts, jobId: data.id } })));
    const worker = new BullWorker(name, run, { connection, concurrency });
    return async () => {
      await worker.close();
      await queue.close();
    };
  };
}

function ourPgBoss(url) {
  return run => ours(run, pgBossQueue(new PgBoss(url), { queue: unique('ours') }));
}

function ourBullmq(port) {
  const connection = { host: '127.0.0.1', port };
  return run => {
    const name = unique('ours');
    const queue = new Queue(name, { connection });
    const worker = (process, options) => new BullWorker(name, process, { connection, ...options });
    return ours(run, bullmqQueue({ queue, worker }));
  };
}

async function ours(run, taskQueue) {
  const layer = new Layer({ taskQueue });
  const job = task('job', {}, (_context, _args) => run());
  await layer.start();
  await taskQueue.send(envelopes(), AbortSignal.timeout(60_000));
  const worker = await runWorker(layer, [job], { concurrency });
  return async () => {
    await worker.close();
    await layer.close();
  };
}
