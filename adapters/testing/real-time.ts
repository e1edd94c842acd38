// A client works under fake timers: it waits by those of Node itself, which jest leaves alone, kept before anybody fakes them.
import { performance } from 'node:perf_hooks';
import timers from 'node:timers';

const { setImmediate, setTimeout, clearTimeout } = timers;

export type Timer = ReturnType<typeof timers.setTimeout>;

/** Calls it in a later turn of the event loop, in the order of the calls. */
export const later: (run: () => void) => void = run => void setImmediate(run);

export const setTimer: (run: () => void, milliseconds: number) => Timer = setTimeout;

export const clearTimer: (timer: Timer | undefined) => void = clearTimeout;

/** Resolves in a later turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise(later);
}

/** Milliseconds since some moment. */
export function now(): number {
  return performance.now();
}

/** Resolves with whether the work has settled within the time, in milliseconds; rejects as the work does. */
export async function inRealTime(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: Timer | undefined;
  const over = new Promise<boolean>(resolve => {
    timer = setTimer(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true), over]);
  } finally {
    clearTimer(timer);
  }
}
