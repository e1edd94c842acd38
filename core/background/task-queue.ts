/** A durable task as a queue stores it, as JSON. */
export interface TaskEnvelope {
  /** The version of this shape. */
  readonly v: 1;
  /** The same for all attempts: the idempotency key. A UUID unless the caller gave one. */
  readonly id: string;
  /** The name of the task. */
  readonly task: string;
  /** A JSON value; left out for a task without arguments. */
  readonly args?: unknown;
  /** When it was added, in milliseconds since 1970. */
  readonly addedAt: number;
  /** How often it may run. */
  readonly attempts: number;
  readonly backoff: TaskBackoff;
  /**
   * How long one attempt may take, in milliseconds. `run` aborts it then, and resolves after twice as long at
   * the latest, so an engine's own limit must be longer than that.
   */
  readonly timeoutMs?: number;
  /** How long it waits before its first attempt, in milliseconds. */
  readonly delayMs?: number;
  /** `traceparent`, `tracestate`, `baggage` and `x-request-id` of the request that added it. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The wait before attempt `n + 1`: `min(delayMs * factor ** (n - 1), maxDelayMs)` milliseconds. */
export interface TaskBackoff {
  readonly delayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
}

/** One attempt, as the engine sees it. */
export interface JobInfo {
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** Aborts when the engine takes the job away, as after an expiry or a lost lock. */
  readonly signal?: AbortSignal;
}

/** What became of one attempt. */
export type Outcome =
  /** It ran, and its dependencies have exited: acknowledge it. */
  | { readonly kind: 'done' }
  /** It failed. With `again`, it runs again after its backoff; otherwise it is a dead letter. */
  | { readonly kind: 'failed'; readonly error: Error; readonly again: boolean }
  /** It did not run: offer it again, to this worker or another one, without counting an attempt. */
  | { readonly kind: 'returned'; readonly error: Error };

/** Runs one attempt to its last exit. Never rejects. */
export type RunJob = (envelope: TaskEnvelope, job: JobInfo) => Promise<Outcome>;

export interface WorkOptions {
  /** How many jobs run at once in this process. */
  readonly concurrency: number;
  /** Receives errors of the engine that belong to no job, such as a lost connection. */
  readonly report: (error: Error) => void;
}

/** A task that the engine adds by a clock. */
export interface TaskSchedule {
  /** A schedule replaces the one with the same key. */
  readonly key: string;
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  readonly cron: string;
  /** A time zone of the IANA database, such as `Europe/Berlin`. */
  readonly timezone: string;
  /** The engine adds `id` and `addedAt` to each job: its own id and the job's creation time. */
  readonly envelope: Omit<TaskEnvelope, 'id' | 'addedAt'>;
}

/** The jobs of one process. */
export interface QueueWorker {
  /** Adds or replaces a schedule. */
  every(schedule: TaskSchedule): Promise<void>;
  /** Takes no further jobs; resolves when no further one can begin. The running ones go on. */
  pause(): Promise<void>;
  /** Gives back the jobs whose `run` has not resolved, so that another worker runs them; ends the worker. */
  close(): Promise<void>;
}

/** Runs a statement inside the transaction of an app. */
export interface SqlExecutor {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** A queue that keeps its tasks in this process, such as `memoryQueue()`. */
export interface InProcessQueue {
  /** How many jobs the layer runs at once without `runWorker()`; `undefined` if it runs none. */
  readonly concurrency: number | undefined;
  /** Resolves when no task is running, or waiting for a worker that exists. */
  idle(): Promise<void>;
  /** Tasks that are lost when the queue closes. */
  waiting(): readonly TaskEnvelope[];
}

/**
 * The port between durable tasks and an engine, which an adapter implements, such as `pgBossQueue(boss)`.
 * Delivery is at least once.
 */
export interface TaskQueue {
  /** Names the queue in `layer.describe()` and in errors, such as `pg-boss queue "shop"`. */
  readonly name: string;
  /** Called by `layer.start()`, or before the first `send` or `work`; again if it has rejected. */
  start?(): Promise<void>;
  /**
   * Stores all envelopes or none, in order; an `id` that the engine still knows is not stored twice. Rejects
   * as soon as it knows that it failed; the caller stops waiting when `signal` aborts.
   */
  send(envelopes: readonly TaskEnvelope[], signal: AbortSignal): Promise<void>;
  /** Like `send`, as part of the app's own transaction. Left out by engines that cannot. */
  insert?(envelopes: readonly TaskEnvelope[], transaction: SqlExecutor): Promise<void>;
  /** Begins to take jobs. */
  work(run: RunJob, options: WorkOptions): Promise<QueueWorker>;
  readonly inProcess?: InProcessQueue;
  /** Called once, after the last request and the last job, before the lifespan exits. */
  close(): Promise<void>;
}
