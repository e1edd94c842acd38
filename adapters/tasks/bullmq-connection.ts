import { within } from '../../core/adapter.js';
import type { BullQueueLike } from './bullmq-types.js';

/** How long `close()` waits for the engine, in milliseconds. */
export const closeWithinMs = 5_000;

const answerWithinMs = 2_000;

/** Whether the engine answers in time: a lost connection keeps calls waiting for ever. */
export function answers(queue: BullQueueLike): Promise<boolean> {
  return within(answerWithinMs, queue.isPaused()).catch(() => false);
}

/** Closes a queue, or stops it from reconnecting. */
export async function closeQueue(queue: BullQueueLike): Promise<void> {
  const isOpen = await answers(queue);
  // The promise of `disconnect()` may stay pending, although the connection is given up.
  await within(isOpen ? closeWithinMs : 0, isOpen ? queue.close() : queue.disconnect());
}
