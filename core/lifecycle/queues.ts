import type { InProcessQueue } from '../background/task-queue.js';
import type { Exchange } from './exchange.js';

/** Resolves when the queues in this process that the request's layers have are idle. */
export async function whenQueuesIdle(exchange: Exchange): Promise<void> {
  for (const queue of queuesOf(exchange)) await queue.idle();
}

/** The names of tasks that wait in these queues. */
export function waitingTasks(exchange: Exchange): string[] {
  return queuesOf(exchange).flatMap(queue => queue.waiting().map(({ task }) => `task ${task}`));
}

function queuesOf({ taken }: Exchange): InProcessQueue[] {
  const queues: InProcessQueue[] = [];
  for (let place = taken; place; place = place.takenBefore) {
    const queue = place.layer.tasks?.queue.inProcess;
    if (queue) queues.push(queue);
  }
  return queues;
}
