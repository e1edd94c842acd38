// The queue of the tasks: BullMQ on the Redis at REDIS_URL, or else pg-boss in
// the database of the orders.

import { Queue, Worker } from 'bullmq';
import { bullmqQueue } from 'callnext/tasks/bullmq';
import { pgBossQueue } from 'callnext/tasks/pg-boss';
import { PgBoss } from 'pg-boss';
import { database } from './database.js';

const { REDIS_URL, ORDERS_QUEUE = 'orders' } = process.env;

/** Only a queue in the app's own database takes part in its transactions. */
export const hasOutbox = REDIS_URL === undefined;

export const taskQueue = REDIS_URL ? onRedis(REDIS_URL) : onDatabase();

function onRedis(url: string) {
  const connection = { url };
  return bullmqQueue({
    // A request fails at once while Redis is down, instead of waiting for it.
    queue: new Queue(ORDERS_QUEUE, {
      connection: { url, enableOfflineQueue: false },
    }),
    worker: (process, options) =>
      new Worker(ORDERS_QUEUE, process, { connection, ...options }),
  });
}

function onDatabase() {
  const boss = new PgBoss({
    ...database.boss,
    // How soon the task of a worker that died is found, after its heartbeat.
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  });
  return pgBossQueue(boss, { queue: ORDERS_QUEUE, pollMs: 200 });
}
