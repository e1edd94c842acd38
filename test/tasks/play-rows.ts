import type http from 'node:http';
import { type BackgroundTasks, Depends, dependency, endpoint, Layer } from 'callnext';
import {
  collectingQueue,
  memoryQueue,
  type Outbox,
  type Outcome,
  outbox,
  runWorker,
  type TaskQueue,
  TaskRefused,
  task,
} from 'callnext/tasks';
import { type Framework, listening } from '../support/frameworks.js';
import { ManualQueue } from './manual-queue.js';
import type { JobCast, RequestCast } from './order-rows.js';

/** Where the endpoint of a row runs. */
export type Stage = Pick<Framework, 'app'> | 'layer.run';

/** The rows' name of an error. */
function labelOf(error: Error): string {
  const { code } = error as { code?: string };
  const [, name] = /`([^`]+)`/.exec(error.message) ?? [];
  const labels: Record<string, string> = {
    TASK_DROPPED: 'dropped',
    TASK_NOT_QUEUED: 'not queued',
    TASK_TIMEOUT: 'timeout',
    TASK_UNDONE: 'undone',
    TASK_UNKNOWN: 'unknown',
  };
  const label = labels[code ?? ''];
  return label === undefined ? error.message : `${label} ${name}`;
}

/** The log of a row, and dependencies that write to it. */
class Log {
  readonly events: string[] = [];
  readonly add = (event: string): void => void this.events.push(event);

  /** A dependency that logs its entrance and its exit. */
  logged(name: string, exit: () => unknown = () => undefined) {
    const { add } = this;
    return dependency({}, async function* () {
      add(`${name} enter`);
      try {
        yield { query: async () => ({ rows: [] }) };
      } catch (error) {
        add(`${name} exit with ${labelOf(error as Error)}`);
        throw error;
      }
      add(`${name} exit`);
      await exit();
    });
  }

  loggedOfApp(name: string) {
    const { add } = this;
    return async function* () {
      add(`${name} enter`);
      yield name;
      add(`${name} exit`);
    };
  }

  report = (error: Error, { phase }: { phase: string }): void =>
    this.add(`reported ${phase}: ${labelOf(error)}`);
}

function throwIf(isTrue: boolean, message: string): () => void {
  return () => {
    if (isTrue) throw new Error(message);
  };
}

function queueOf({ queue: kind, fails }: RequestCast, { add }: Log): TaskQueue {
  const queue = kind === 'memory' ? memoryQueue() : collectingQueue();
  const send = queue.send.bind(queue);
  queue.send = async (envelopes, signal) => {
    for (const each of envelopes) add(`queue ${each.task}`);
    if (kind === 'hangs') return new Promise(() => undefined);
    if (kind === 'fails') throw new Error('down');
    return send(envelopes, signal);
  };
  if (kind === 'memory') return queue;
  return Object.assign(queue, {
    insert: async (envelopes: readonly { task: string }[]) => {
      for (const each of envelopes) add(`insert ${each.task}`);
      throwIf(fails === 'insert', 'insert')();
    },
  });
}

/** Plays a row of a request. `layer.run` has no response, so nothing is sent there. */
export async function playRequest(cast: RequestCast, stage: Stage): Promise<readonly string[]> {
  const log = new Log();
  const { add } = log;
  const { fails, adds, queue, whenQueueFails } = cast;
  const layer: Layer = new Layer({
    onError: log.report,
    ...(queue === 'none' ? {} : { taskQueue: queueOf(cast, log), enqueueTimeoutMs: 20 }),
    ...(whenQueueFails ? { whenQueueFails } : {}),
  });
  const close = async (): Promise<void> => {
    if (!cast.closes) return throwIf(fails === 'request exit', 'request exit')();
    await layer.close({ timeoutMs: 1 });
  };
  const sendMail = task('send-mail', { db: Depends(log.logged('db')) }, () => add('send-mail'));
  const ofFunction = Depends(log.logged('function', throwIf(fails === 'function exit', 'function exit')), {
    scope: 'function',
  });
  const dependencies = {
    ofBackground: Depends(log.logged('background'), { scope: 'background' }),
    ofRequest: Depends(log.logged('request', close), { scope: 'request' }),
    ofFunction,
  } as const;
  const first = (): void => add('first');
  const third = (): void => add('third');
  const work = async ({ backgroundTasks, box }: Work): Promise<void> => {
    add('endpoint');
    if (adds === 'enqueue') await backgroundTasks.enqueue(sendMail);
    else if (adds === 'outbox') box?.addTask(sendMail);
    else for (const each of [first, sendMail, third]) backgroundTasks.addTask(each as () => void);
    throwIf(fails === 'endpoint', 'endpoint')();
  };
  const box = Depends(outbox(ofFunction), { scope: 'function' });
  // The types of the values depend on the row.
  const all: object = adds === 'outbox' ? { ...dependencies, box } : dependencies;
  if (stage === 'layer.run') await layer.run(all as never, work as never).catch(() => undefined);
  else
    await request(
      stage
        .app()
        .use(layer)
        .at('/', endpoint(all as never, work as never))
        .listener(),
      add,
    );
  await layer.close();
  return log.events;
}

interface Work {
  readonly backgroundTasks: BackgroundTasks;
  readonly box?: Outbox;
}

/** Requests an app once, and logs when the response is out. */
async function request(listener: http.RequestListener, add: (event: string) => void): Promise<void> {
  const watched: http.RequestListener = (req, res) => {
    res.once('close', () => add('sent'));
    listener(req, res);
  };
  await listening(watched, async url => {
    const response = await fetch(url);
    await response.text();
  });
}

const names: Record<Outcome['kind'], string> = { done: 'done', failed: 'again', returned: 'given back' };

/** Plays a row of a worker. */
export async function playJob(cast: JobCast): Promise<readonly string[]> {
  const log = new Log();
  const { add } = log;
  const { fails, jobs = 1 } = cast;
  const queue = new ManualQueue();
  queue.send = async envelopes => {
    for (const each of envelopes) add(`queue ${each.task}`);
    throwIf(fails === 'queue', 'down')();
  };
  const layer = new Layer({ taskQueue: queue, onError: log.report });
  const other = task('other', {}, () => undefined);
  const first = (): void => add('first');
  const dependencies = {
    pool: Depends(log.loggedOfApp('pool'), { scope: 'app' }),
    db: Depends(log.logged('db', throwIf(fails === 'db exit', 'db exit'))),
  } as const;
  const sendMail = task('send-mail', dependencies, async ({ backgroundTasks, task: { signal } }) => {
    add('send-mail');
    if (cast.isLate)
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    if (fails === 'send-mail') throw cast.isRefused ? new TaskRefused('send-mail') : new Error('send-mail');
    if (!cast.adds) return;
    backgroundTasks.addTask(first);
    backgroundTasks.addTask(other);
  });
  await runWorker(layer, cast.isUnknown ? [other] : [sendMail]);
  for (let job = 0; job < jobs; job += 1) {
    const outcome = await queue.give(
      'send-mail',
      { timeoutMs: cast.isLate ? 5 : 5_000 },
      cast.isLast ? 3 : 1,
    );
    add(outcome.kind === 'failed' && !outcome.again ? 'dead letter' : names[outcome.kind]);
  }
  await layer.close();
  return log.events;
}
