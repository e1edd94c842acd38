// Counts the promises that code below some directories makes. Those that an `await` makes for itself do not
// count.
import { createHook, executionAsyncId } from 'node:async_hooks';

/**
 * Runs `work`, and gives the places at which promises were made in files whose names have a part of `names`.
 */
export async function promisesOf(names, work) {
  const made = [];
  const hook = createHook({
    init(_id, type, trigger) {
      if (type !== 'PROMISE') return;
      const frames = new Error().stack.split('\n').filter(isOfInterest);
      // An `await` is no call, and what it waits for has triggered it.
      const isAwait = !frames[0]?.endsWith('(<anonymous>)') && trigger !== executionAsyncId();
      const place = frames.find(frame => !frame.endsWith('(<anonymous>)')) ?? '';
      if (!isAwait && names.some(name => place.includes(name))) made.push(place.trim());
    },
  });
  hook.enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return made;
}

/** Not a frame of this file, nor of Node's hooks. */
function isOfInterest(frame) {
  return (
    /^\s+at /.test(frame) && !frame.includes(import.meta.url) && !frame.includes('node:internal/async_hooks')
  );
}
