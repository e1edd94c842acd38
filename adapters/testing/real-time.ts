// A client also works under fake timers: these functions are saved before anyone replaces them, and jest only
// fakes the globals.
import { performance } from 'node:perf_hooks';
import timers from 'node:timers';

const { setImmediate, setTimeout, clearTimeout } = timers;

export type Timer = ReturnType<typeof timers.setTimeout>;

/** Calls a function in a later turn of the event loop, in order. */
export const later: (run: () => void) => void = run => void setImmediate(run);

export const setTimer: (run: () => void, milliseconds: number) => Timer = setTimeout;

export const clearTimer: (timer: Timer | undefined) => void = clearTimeout;

export function turn(): Promise<void> {
  return new Promise(later);
}

/** Milliseconds since an arbitrary time. */
export function now(): number {
  return performance.now();
}

/** Resolves with whether the work settles within the time, in milliseconds; rejects like the work. */
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
