// Counts the promises that the code in some directories creates, without the internal ones of `await`.
import { createHook, executionAsyncId } from 'node:async_hooks';

/** Runs `work`, and returns where promises were created in files whose names contain a part of `names`. */
export async function promisesOf(names, work) {
  const made = [];
  const hook = createHook({
    init(_id, type, trigger) {
      if (type !== 'PROMISE') return;
      const frames = new Error().stack.split('\n').filter(isOfInterest);
      // An `await` is not a call, and its promise was triggered by the awaited one.
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

/** Skips frames of this file and of Node's hooks. */
function isOfInterest(frame) {
  return (
    /^\s+at /.test(frame) && !frame.includes(import.meta.url) && !frame.includes('node:internal/async_hooks')
  );
}
