import type { JobInfo, Outcome, QueueWorker, TaskEnvelope, TaskQueue } from 'callnext/adapter';

export const soonEnough = AbortSignal.timeout(600_000);

/** An envelope whose retries come at once. */
export function envelope(task: string, more: Partial<TaskEnvelope> = {}): TaskEnvelope {
  const backoff = { delayMs: 1, factor: 1, maxDelayMs: 1 };
  return { v: 1, id: crypto.randomUUID(), task, addedAt: Date.now(), attempts: 3, backoff, ...more };
}

export const done: Outcome = { kind: 'done' };

export function failed(message: string, again: boolean): Outcome {
  return { kind: 'failed', error: new Error(message), again };
}

/** Records attempts as `task attempt`, and resolves when one has been seen. */
export class Seen {
  readonly attempts: string[] = [];
  readonly envelopes: TaskEnvelope[] = [];
  readonly #waiting: { text: string; times: number; resolve: () => void }[] = [];

  add(envelope: TaskEnvelope, { attempt }: JobInfo): void {
    this.attempts.push(`${envelope.task} ${attempt}`);
    this.envelopes.push(envelope);
    for (const { text, times, resolve } of this.#waiting) if (this.count(text) >= times) resolve();
  }

  count(text: string): number {
    return this.attempts.filter(each => each === text).length;
  }

  until(text: string, times = 1): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ text, times, resolve });
      if (this.count(text) >= times) resolve();
    });
  }
}

export type Play = (envelope: TaskEnvelope, job: JobInfo) => Outcome | Promise<Outcome>;

/** Begins to work, and records what runs. */
export async function work(
  queue: TaskQueue,
  seen: Seen,
  play: Play = () => done,
  concurrency = 4,
): Promise<QueueWorker> {
  return queue.work(
    async (envelope, job) => {
      seen.add(envelope, job);
      return play(envelope, job);
    },
    { concurrency, report: () => undefined },
  );
}

/** Asks until `ask` gives a true value; fails by the time limit of the test. */
export async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}
