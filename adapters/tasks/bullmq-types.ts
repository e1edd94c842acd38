/** The part of a BullMQ `Queue` that `bullmqQueue()` uses. Version 5 or 6. */
export interface BullQueueLike {
  readonly name: string;
  addBulk(jobs: { name: string; data: unknown; opts: BullJobOptions }[]): Promise<unknown>;
  upsertJobScheduler(
    key: string,
    repeat: { pattern: string; tz: string },
    template: { name: string; data: unknown; opts: BullScheduledOptions },
  ): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  isPaused(): Promise<unknown>;
  close(): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

/** The part of a BullMQ `Worker` that `bullmqQueue()` uses. */
export interface BullWorkerLike {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'lockRenewalFailed', listener: (jobIds: string[]) => void): unknown;
  cancelJob(jobId: string, reason?: string): unknown;
  pause(doNotWaitActive?: boolean): Promise<unknown>;
  close(force?: boolean): Promise<unknown>;
}

/** The part of a BullMQ `Job` that `bullmqQueue()` uses. */
export interface BullJobLike {
  id?: string | undefined;
  data: unknown;
  /** Attempts that ended with an error. */
  attemptsMade: number;
  /** Attempts that ended with the death of their worker. */
  stalledCounter: number;
  /** When the job was added, in milliseconds since 1970. */
  timestamp: number;
  moveToDelayed(timestamp: number, token?: string): Promise<unknown>;
}

/** BullMQ passes a signal only to a function that declares three parameters. */
export type BullProcessor = (
  job: BullJobLike,
  token: string | undefined,
  signal: AbortSignal | undefined,
) => Promise<unknown>;

/** What the `Worker` must be constructed with. */
export interface BullWorkerOptions {
  concurrency: number;
  maxStalledCount: number;
  /** How often the jobs of dead workers are looked for, in milliseconds. */
  stalledInterval: number;
  settings: { backoffStrategy: BullBackoff };
}

/** Returns the wait after an attempt, in milliseconds. */
export type BullBackoff = (
  attemptsMade: number,
  type?: string,
  error?: Error,
  job?: { readonly data: unknown },
) => number;

export interface BullScheduledOptions {
  attempts: number;
  backoff: { type: string };
  removeOnComplete: { age: number };
  removeOnFail: { age: number };
}

export interface BullJobOptions extends BullScheduledOptions {
  jobId: string;
  delay?: number;
}
