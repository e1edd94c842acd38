// Kept before a test fakes them: in which turn of the event loop something happens has nothing to do with its
// clock.
import process from 'node:process';
import timers from 'node:timers';

export const setImmediate: typeof timers.setImmediate = timers.setImmediate;
export const nextTick: typeof process.nextTick = process.nextTick;
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
