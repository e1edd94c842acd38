import { misuse } from '../errors.js';
import { Exchange } from '../lifecycle/exchange.js';
import type { LayerTasks } from '../lifecycle/layer-tasks.js';
import type { Surroundings } from '../lifecycle/place.js';

/** A layer with a queue. */
export type QueueLayer = Surroundings & { readonly tasks: LayerTasks };

/** The request that owns a list of tasks. Throws `TASK_QUEUE` for a list that no request has adopted. */
export function exchangeOf(host: object | undefined, task: string): Exchange {
  if (host instanceof Exchange) return host;
  throw misuse(
    'TASK_QUEUE',
    `The task \`${task}\` was sent without a request. Use a request's \`backgroundTasks\`.`,
  );
}

/** The innermost layer of a request that has a queue. */
export function queueLayerOf(exchange: Exchange): QueueLayer | undefined {
  return exchange.told?.withQueue as QueueLayer | undefined;
}

/** Jobs whose own tasks were not queued, so that they run again. */
const unsent = new WeakSet<Exchange>();

export function noteUnsent(exchange: Exchange): void {
  unsent.add(exchange);
}

export function hasUnsent(exchange: Exchange): boolean {
  return unsent.has(exchange);
}
