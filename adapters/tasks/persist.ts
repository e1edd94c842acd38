import { setTimeout as sleep } from 'node:timers/promises';
import { toError } from '../../core/adapter.js';

/** How long an outcome is kept for an engine that does not answer, in milliseconds. */
const patienceMs = 30_000;

const firstWaitMs = 200;
const longestWaitMs = 3_000;

/**
 * Repeats a call to an engine that fails, such as a database that restarts. Rejects with the last error after
 * half a minute, or at once when `stop` has aborted.
 */
export async function persist<T>(call: () => Promise<T>, stop: AbortSignal): Promise<T> {
  const giveUpAt = Date.now() + patienceMs;
  for (let wait = firstWaitMs; ; wait = Math.min(wait * 2, longestWaitMs)) {
    try {
      return await call();
    } catch (error) {
      if (stop.aborted || Date.now() + wait > giveUpAt) throw toError(error);
    }
    // Rejects when `stop` aborts: the last call follows at once.
    await sleep(wait, undefined, { signal: stop }).catch(() => undefined);
  }
}
