import type {
  InProcessQueue,
  Outcome,
  QueueWorker,
  RunJob,
  TaskEnvelope,
  TaskQueue,
  WorkOptions,
} from '../background/task-queue.js';
import { misuse } from '../errors.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { MemoryWorker, type Waiting } from './memory-worker.js';
import { Timer } from './timer.js';

/** The options of a queue in memory. */
export interface MemoryQueueOptions {
  /** How many tasks run at once unless `runWorker()` says; 1 by default, so that a test has one order. */
  concurrency?: number;
  /** How many tasks may wait; 10,000 by default. */
  maxWaiting?: number;
  /** Whether tasks wait for their `delayMs` and `backoff`; `false` by default, so that tests do not wait. */
  delays?: boolean;
}

const knownOptions = {
  concurrency: true,
  maxWaiting: true,
  delays: true,
} satisfies OptionNames<MemoryQueueOptions>;

/**
 * A queue in the memory of this process, for development and tests. It is not durable. The layer works on it
 * by itself, and `layer.close()` runs what waits. Throws `OPTION_VALUE` and `UNKNOWN_OPTION`.
 */
export function memoryQueue(options: MemoryQueueOptions = noOptions): TaskQueue {
  const where = 'memoryQueue()';
  checkOptions(where, options, knownOptions);
  const { concurrency = 1, maxWaiting = 10_000, delays = false } = options;
  checkOption(where, 'concurrency', concurrency, 'a whole number, at least 1', isCount);
  checkOption(where, 'maxWaiting', maxWaiting, 'a whole number, at least 1', isCount);
  checkOption(where, 'delays', delays, 'true or false', value => typeof value === 'boolean');
  return new MemoryQueue({ concurrency, maxWaiting, delays });
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** Taken before a test replaces the timers. */
const { setTimeout: later, clearTimeout: never } = globalThis;

/** Calls a function in the next turn of the event loop. */
function soon(ring: () => void): Pick<Timer, 'stop'> {
  const timer = later(ring, 0);
  return { stop: () => never(timer) };
}

class MemoryQueue implements TaskQueue {
  readonly name = 'memory queue';
  readonly inProcess: InProcessQueue;
  readonly #options: Required<MemoryQueueOptions>;
  #ready: Waiting[] = [];
  readonly #delayed = new Map<Waiting, Pick<Timer, 'stop'>>();
  readonly #workers = new Set<MemoryWorker>();
  /** The ids of the tasks that wait, run, or have run lately. */
  readonly #ids = new Set<string>();
  readonly #over: string[] = [];
  #whenIdle: (() => void)[] = [];

  constructor(options: Required<MemoryQueueOptions>) {
    this.#options = options;
    const { concurrency } = options;
    this.inProcess = { concurrency, idle: () => this.#idle(), unfinished: () => this.#unfinished() };
  }

  async send(envelopes: readonly TaskEnvelope[]): Promise<void> {
    const fresh = envelopes.filter(({ id }) => !this.#ids.has(id));
    const count = this.#waiting().length;
    if (count + fresh.length > this.#options.maxWaiting)
      throw misuse('TASK_QUEUE', `The memory queue is full: ${count} tasks wait.`);
    for (const envelope of fresh) this.#add(envelope);
  }

  async work(run: RunJob, options: WorkOptions): Promise<QueueWorker> {
    const worker = new MemoryWorker(run, options, {
      next: asking => this.#next(asking),
      settle: (waiting, outcome, by) => this.#settle(waiting, outcome, by),
      send: envelope => this.send([envelope]),
      leave: (leaving, running) => this.#leave(leaving, running),
    });
    this.#workers.add(worker);
    this.#wake();
    return worker;
  }

  async close(): Promise<void> {
    for (const timer of this.#delayed.values()) timer.stop();
    this.#delayed.clear();
    this.#ready = [];
    for (const worker of this.#workers) await worker.close();
    this.#tellIdle();
  }

  #add(envelope: TaskEnvelope): void {
    const { id, delayMs = 0 } = envelope;
    const waiting = { envelope, attempt: 1, refusedBy: new Set<MemoryWorker>() };
    this.#ids.add(id);
    if (this.#options.delays && delayMs > 0) return this.#wait(waiting, delayMs);
    this.#ready.push(waiting);
    // The request that sends a task goes on first.
    soon(() => this.#wake());
  }

  /** Until the next turn at least, so that a task that fails at once does not keep out timers. */
  #wait(waiting: Waiting, delayMs: number): void {
    const offer = (): void => {
      this.#delayed.delete(waiting);
      this.#ready.push(waiting);
      this.#wake();
    };
    const isDelayed = this.#options.delays && delayMs > 0;
    this.#delayed.set(waiting, isDelayed ? new Timer(delayMs, offer) : soon(offer));
  }

  #wake(): void {
    for (const worker of this.#workers) worker.takeMore();
    this.#tellIdle();
  }

  #next(worker: MemoryWorker): Waiting | undefined {
    const index = this.#ready.findIndex(({ refusedBy }) => !refusedBy.has(worker));
    return index < 0 ? undefined : this.#ready.splice(index, 1)[0];
  }

  #settle(waiting: Waiting, outcome: Outcome, worker: MemoryWorker): void {
    if (outcome.kind === 'returned') {
      waiting.refusedBy.add(worker);
      this.#ready.push(waiting);
    } else if (outcome.kind === 'failed' && outcome.again) {
      const { delayMs, factor, maxDelayMs } = waiting.envelope.backoff;
      const delay = Math.min(delayMs * factor ** (waiting.attempt - 1), maxDelayMs);
      waiting.attempt += 1;
      this.#wait(waiting, delay);
    } else this.#note(waiting.envelope.id);
    this.#wake();
  }

  /** Remembers the ids of tasks that have run for a while, so that one sent twice does not run twice. */
  #note(id: string): void {
    this.#over.push(id);
    if (this.#over.length > this.#options.maxWaiting) this.#ids.delete(this.#over.shift() ?? '');
  }

  #leave(worker: MemoryWorker, running: Iterable<Waiting>): void {
    this.#workers.delete(worker);
    this.#ready.unshift(...running);
    this.#wake();
  }

  #waiting(): TaskEnvelope[] {
    return [...this.#ready, ...this.#delayed.keys()].map(({ envelope }) => envelope);
  }

  #unfinished(): TaskEnvelope[] {
    const running = [...this.#workers].flatMap(worker => worker.running);
    return [...running, ...this.#waiting()];
  }

  #idle(): Promise<void> {
    return new Promise(resolve => {
      this.#whenIdle.push(resolve);
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    const workers = [...this.#workers];
    const mayRun = ({ refusedBy }: Waiting): boolean => workers.some(worker => !refusedBy.has(worker));
    if (workers.some(worker => worker.running.length > 0)) return;
    if (workers.length > 0 && (this.#delayed.size > 0 || this.#ready.some(mayRun))) return;
    const tell = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of tell) resolve();
  }
}
