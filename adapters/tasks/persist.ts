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
    await pauseFor(wait, stop);
  }
}

function pauseFor(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener('abort', end);
  });
}

/** Waits for `work`, but no longer than `ms`. Resolves to whether it ended; rejects as it does. */
export async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>(resolve => {
    timer = setTimeout(resolve, ms, false);
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}
