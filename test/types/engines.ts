// Programs that must compile: the queues take the instances of each engine version. It is not run.
import { PGlite } from '@electric-sql/pglite';
import { Queue, Worker } from 'bullmq';
import { Queue as Queue5, Worker as Worker5 } from 'bullmq5';
import { bullmqQueue } from 'callnext/tasks/bullmq';
import { pgBossQueue } from 'callnext/tasks/pg-boss';
import { fromPglite, PgBoss } from 'pg-boss';
import PgBoss10 from 'pg-boss10';

pgBossQueue(new PgBoss('postgres://localhost/shop'));
pgBossQueue(new PgBoss({ backend: 'pglite', db: fromPglite(await PGlite.create()) }), { queue: 'shop' });
pgBossQueue(new PgBoss10('postgres://localhost/shop'), { queue: 'shop', pollMs: 1000 });

const connection = { host: '127.0.0.1', port: 6379 };
bullmqQueue({
  queue: new Queue('shop', { connection }),
  worker: (process, options) => new Worker('shop', process, { connection, ...options }),
});
bullmqQueue({
  queue: new Queue5('shop', { connection }),
  worker: (process, options) => new Worker5('shop', process, { connection, ...options }),
});
bullmqQueue({ queue: new Queue('shop', { connection }) });
