import type { TaskEnvelope } from '../background/task-queue.js';
import type { Trace } from '../http/shared.js';
import type { LayerTasks } from '../lifecycle/layer-tasks.js';
import type { TaskDefinition } from './definition.js';
import type { QueueLayer } from './queue-layer.js';
import { Worker } from './worker.js';

/** The worker that a layer has by itself for a queue in this process. */
const own = new WeakMap<LayerTasks, Promise<Worker>>();

/**
 * Prepares a layer whose queue keeps its tasks in this process for one of them: unless `runWorker()` has
 * begun, the layer works on the queue itself. In tests, the job adds its steps to the trace of its request.
 */
export async function workHere(
  layer: QueueLayer,
  definition: TaskDefinition,
  envelope: TaskEnvelope,
  trace: Trace | undefined,
): Promise<void> {
  const { tasks } = layer;
  const concurrency = tasks.queue.inProcess?.concurrency;
  if (concurrency === undefined) return;
  if (trace) tasks.traces.set(envelope.id, trace);
  if (tasks.workers.size > 0 && !own.has(tasks)) return;
  (await ownWorker(layer, concurrency)).learn(definition);
}

function ownWorker(layer: QueueLayer, concurrency: number): Promise<Worker> {
  const { tasks } = layer;
  const known = own.get(tasks);
  if (known) return known;
  const starting = Worker.start(
    { layers: [layer], lifespan: undefined, tasks, definitions: [] },
    concurrency,
  );
  own.set(tasks, starting);
  starting.catch(() => own.delete(tasks));
  return starting;
}
