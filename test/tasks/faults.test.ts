import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { endpoint, Layer } from 'callnext';
import { toNode } from 'callnext/node';
import { task } from 'callnext/tasks';
import supertest from 'supertest';
import { bullEngine, type Engine, engines } from './engines.js';
import { done, envelope, eventually, Seen, soonEnough, work } from './work.js';

const { TASKS_POSTGRES_RESTART } = process.env;
const bullModules = ['bullmq', 'bullmq5'];

// These need servers and processes that can be killed: `npm run test:tasks`.
const onServers = TASKS_POSTGRES_RESTART === undefined ? describe.skip : describe;

jest.setTimeout(120_000);

onServers('on servers', () => {
  const all = engines();
  const queueName = (engine: Engine, what: string): string =>
    `${what}-${process.pid}-${engine.name.replace(/\W/g, '')}`;
  let children: ChildProcess[] = [];

  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children = [];
  });

  /** Resolves once the worker takes jobs. */
  async function workerProcess(engine: Engine, queue: string, play: string): Promise<Attempts> {
    const args = [path.join(__dirname, 'worker-process.ts'), engine.name, queue, play];
    const child = fork(path.join(__dirname, '../support/run-typescript.cjs'), args, { stdio: 'inherit' });
    children.push(child);
    const attempts = new Attempts(child);
    await attempts.until('ready');
    return attempts;
  }

  it('runs the task of a killed worker again within a minute', async () => {
    const seconds = await Promise.all(
      all.map(async engine => {
        const name = queueName(engine, 'killed');
        const opened = await engine.open(name);
        const killed = await workerProcess(engine, name, 'hang');
        await opened.queue.send([envelope('hang', { timeoutMs: 1000 })], soonEnough);
        await killed.until('hang 1');
        killed.child.kill('SIGKILL');
        const begun = Date.now();
        const seen = new Seen();
        const worker = await work(opened.queue, seen);
        await seen.until('hang 2');
        await worker.close();
        await opened.close();
        return (Date.now() - begun) / 1000;
      }),
    );
    expect(seconds.map(each => each < 60)).toEqual(all.map(() => true));
  });

  it.each(all)('hands each of 200 tasks to one of two processes, on $name', async engine => {
    const name = queueName(engine, 'two');
    const opened = await engine.open(name);
    const workers = [
      await workerProcess(engine, name, 'finish'),
      await workerProcess(engine, name, 'finish'),
    ];
    const sent = Array.from({ length: 200 }, (_, index) => envelope(`task-${index}`));
    await opened.queue.send(sent, soonEnough);
    const ran = () => workers.flatMap(({ seen }) => seen).filter(each => each !== 'ready');
    await eventually(async () => ran().length >= sent.length);
    await opened.queue.send([envelope('last')], soonEnough);
    await eventually(async () => ran().includes('last 1'));
    expect(ran().length).toBe(sent.length + 1);
    await opened.close();
  });

  it.each(all.filter(({ transaction }) => transaction))(
    'outlives a restart of the database in the middle of a task, on $name',
    async engine => {
      const opened = await engine.open(queueName(engine, 'restart'));
      const seen = new Seen();
      let end: () => void = () => undefined;
      const gate = new Promise<void>(resolve => {
        end = resolve;
      });
      const worker = await work(opened.queue, seen, async ({ task }) => {
        if (task === 'during') await gate;
        return done;
      });
      await opened.queue.send([envelope('during')], soonEnough);
      await seen.until('during 1');
      const { file, args, options } = JSON.parse(TASKS_POSTGRES_RESTART ?? '');
      execFileSync(file, args, options);
      end();
      await eventually(() =>
        opened.queue.send([envelope('after')], soonEnough).then(
          () => true,
          () => false,
        ),
      );
      await seen.until('after 1');
      await worker.pause();
      await worker.close();
      // What the restart interrupted was acknowledged once the database was back.
      const next = new Seen();
      const other = await work(opened.queue, next);
      await opened.queue.send([envelope('last')], soonEnough);
      await next.until('last 1');
      expect([...seen.attempts, ...next.attempts]).toEqual(['during 1', 'after 1', 'last 1']);
      await other.close();
      await opened.close();
    },
  );

  it('gives back a task that ignores its signal when its process receives SIGTERM', async () => {
    const attempts = await Promise.all(
      all.map(async engine => {
        const name = queueName(engine, 'sigterm');
        const opened = await engine.open(name);
        const ending = await workerProcess(engine, name, 'sigterm');
        await opened.queue.send([envelope('hang')], soonEnough);
        await ending.until('hang 1');
        ending.child.kill('SIGTERM');
        const [code] = await once(ending.child, 'exit');
        const seen = new Seen();
        const worker = await work(opened.queue, seen);
        await seen.until('hang 1');
        await worker.close();
        await opened.close();
        return [code, ...ending.seen.slice(1), ...seen.attempts];
      }),
    );
    expect(attempts).toEqual(all.map(() => [0, 'hang 1', 'gave back hang', 'hang 1']));
  });

  it.each(bullModules)(
    'sends again once Redis is back, and closes while it is down, with %s',
    async module => {
      const redis = await OwnRedis.start();
      const opened = await bullEngine(module, () => require(module), redis.port).open(`down-${process.pid}`);
      await redis.kill();
      const during = opened.queue.send([envelope('during')], soonEnough).catch(() => undefined);
      await redis.restart();
      await eventually(() =>
        opened.queue.send([envelope('after')], soonEnough).then(
          () => true,
          () => false,
        ),
      );
      await during;
      const seen = new Seen();
      const worker = await work(opened.queue, seen);
      await seen.until('after 1');
      expect(seen.count('after 1')).toBe(1);
      await redis.kill();
      await worker.close();
      await opened.close();
    },
  );

  it.each(bullModules)('reports a task that Redis does not take within its time, with %s', async module => {
    const redis = await OwnRedis.start();
    const opened = await bullEngine(module, () => require(module), redis.port).open(`stop-${process.pid}`);
    let report: (error: Error) => void = () => undefined;
    const reported = new Promise<Error>(resolve => {
      report = resolve;
    });
    const layer = new Layer({ taskQueue: opened.queue, onError: error => report(error) });
    const mail = task('mail', {}, (_context, _args: { to: string }) => undefined);
    const order = endpoint({}, ({ backgroundTasks }) => {
      backgroundTasks.addTask(mail, { to: 'ada' });
      return 'accepted';
    });
    const app = toNode(layer, toNode(order));
    redis.process.kill('SIGSTOP');
    const answer = await supertest(app).get('/');
    expect(answer.text).toBe('"accepted"');
    expect(await reported).toMatchObject({
      code: 'TASK_NOT_QUEUED',
      envelope: { task: 'mail', args: { to: 'ada' } },
    });
    await redis.kill();
    await layer.close({ timeoutMs: 1000 });
    await opened.close();
  });
});

/** What a worker process has reported. */
class Attempts {
  readonly child: ChildProcess;
  readonly seen: string[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    child.on('message', (text: string) => this.seen.push(text));
  }

  until(text: string): Promise<true> {
    return eventually(async () => this.seen.includes(text) || undefined) as Promise<true>;
  }
}

/** A Redis that a test may kill. */
class OwnRedis {
  readonly port: number;
  process: ChildProcess;

  private constructor(port: number, server: ChildProcess) {
    this.port = port;
    this.process = server;
  }

  static async start(): Promise<OwnRedis> {
    const probe = net.createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as net.AddressInfo;
    probe.close();
    await once(probe, 'close');
    return new OwnRedis(port, await startRedis(port));
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }

  async restart(): Promise<void> {
    this.process = await startRedis(this.port);
  }
}

async function startRedis(port: number): Promise<ChildProcess> {
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  await eventually(
    () =>
      new Promise<boolean>(resolve => {
        const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      }),
  );
  return server;
}
