import type { JobInfo } from '../background/task-queue.js';
import { misuse, toError } from '../errors.js';
import type { Job } from './job.js';
import { hasUnsent } from './queue-layer.js';
import { isRefused } from './task-refused.js';

/** How an attempt ended: without an error, if it is done. */
interface Attempted {
  readonly error?: Error;
  readonly again: boolean;
}

/** Runs an attempt to its last task. Reports its failure. The engine's signal aborts it. Never rejects. */
export async function runAttempt(
  job: Job,
  { signal }: JobInfo,
  run: () => Promise<unknown>,
): Promise<Attempted> {
  const abort = (): void => job.abort(toError(signal?.reason));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  try {
    await run();
    return outcomeOf(job);
  } catch (thrown) {
    const error = toError(thrown);
    job.exchange.reports.tell(error, 'background', job.name);
    return { error, again: !isRefused(error) };
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** A task whose own tasks were not queued or did not begin has not done its work. That was reported. */
function outcomeOf({ exchange, name }: Job): Attempted {
  if (exchange.addedTasks?.isUndone) return { error: misuse('LAYER_CLOSED'), again: true };
  if (!hasUnsent(exchange)) return { again: false };
  return { error: misuse('TASK_QUEUE', `A task that \`${name}\` added was not queued.`), again: true };
}
