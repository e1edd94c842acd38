import type {
  Outcome,
  QueueWorker,
  RunJob,
  TaskEnvelope,
  TaskQueue,
  TaskSchedule,
  WorkOptions,
} from 'callnext/tasks';

/** An engine in the hands of a test, which calls the worker for each job. */
export class ManualQueue implements TaskQueue {
  readonly name = 'manual queue';
  readonly events: string[] = [];
  readonly sent: TaskEnvelope[] = [];
  readonly schedules: TaskSchedule[] = [];
  options: WorkOptions | undefined;
  #run: RunJob | undefined;

  async start(): Promise<void> {
    this.events.push('start');
  }

  async send(envelopes: readonly TaskEnvelope[], _signal: AbortSignal): Promise<void> {
    this.sent.push(...envelopes);
  }

  async work(run: RunJob, options: WorkOptions): Promise<QueueWorker> {
    this.events.push('work');
    this.#run = run;
    this.options = options;
    return {
      every: async schedule => void this.schedules.push(schedule),
      pause: async () => void this.events.push('pause'),
      close: async () => void this.events.push('worker close'),
    };
  }

  async close(): Promise<void> {
    this.events.push('close');
  }

  /** Hands a job to the worker. */
  async give(
    task: string,
    changes: Partial<TaskEnvelope> = {},
    attempt = 1,
    signal?: AbortSignal,
  ): Promise<Outcome> {
    const envelope: TaskEnvelope = {
      v: 1,
      id: 'id',
      task,
      addedAt: 0,
      attempts: 3,
      backoff: { delayMs: 0, factor: 1, maxDelayMs: 0 },
      timeoutMs: 10_000,
      ...changes,
    };
    if (this.#run === undefined) throw new Error('No worker has begun.');
    return this.#run(envelope, signal ? { attempt, signal } : { attempt });
  }
}
