import type { TaskEnvelope } from '../background/task-queue.js';
import { type CallnextError, misuseWith, toError } from '../errors.js';
import type { Exchange } from '../lifecycle/exchange.js';
import type { Addition } from './addition.js';
import type { TaskDefinition } from './definition.js';
import { noteUnsent, type QueueLayer, queueLayerOf } from './queue-layer.js';
import { runHere } from './run-here.js';
import { storeTraced } from './traced-store.js';
import { workHere } from './work-here.js';

/** The error of a task that its queue did not store, with the whole of it. */
export interface TaskNotQueued extends CallnextError {
  readonly code: 'TASK_NOT_QUEUED';
  readonly envelope: TaskEnvelope;
}

/** Sends a task in its place in the list of its request, or runs it there if its layers have no queue. */
export async function sendAdded(exchange: Exchange, addition: Addition): Promise<void> {
  const { definition } = addition;
  const envelope = await addition.envelope(exchange.request);
  const layer = queueLayerOf(exchange);
  if (layer === undefined) return runHere(exchange, definition, envelope);
  try {
    await sendTo(layer, exchange, definition, envelope);
  } catch (thrown) {
    await copeWith(thrown as TaskNotQueued, exchange, definition, layer);
  }
}

/** Stores a task. Rejects with `TASK_NOT_QUEUED`. */
export async function sendTo(
  layer: QueueLayer,
  exchange: Exchange,
  definition: TaskDefinition,
  envelope: TaskEnvelope,
): Promise<void> {
  const { tasks } = layer;
  exchange.trace?.add(`queue ${definition.name}`);
  try {
    await workHere(layer, definition, envelope, exchange.trace);
    await tasks.store(signal =>
      storeTraced(exchange.tracing, tasks.queue.name, [envelope], each => tasks.queue.send(each, signal)),
    );
  } catch (thrown) {
    const error = misuseWith(
      { cause: toError(thrown) },
      'TASK_NOT_QUEUED',
      definition.name,
      tasks.queue.name,
    );
    throw Object.assign(error, { envelope });
  }
}

/** Does what the layer's `whenQueueFails` says. Rejects with what is left to report. */
async function copeWith(
  error: TaskNotQueued,
  exchange: Exchange,
  definition: TaskDefinition,
  { tasks: { whenFails } }: QueueLayer,
): Promise<void> {
  if (whenFails === 'report') {
    noteUnsent(exchange);
    throw error;
  }
  exchange.reports.tell(error, 'background', definition.name);
  if (whenFails === 'run') return runHere(exchange, definition, error.envelope);
  try {
    await whenFails(error.envelope, error);
  } catch (thrown) {
    noteUnsent(exchange);
    throw thrown;
  }
}
