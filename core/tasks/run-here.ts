import type { TaskEnvelope } from '../background/task-queue.js';
import { misuseWith } from '../errors.js';
import type { Exchange } from '../lifecycle/exchange.js';
import type { Place, Surroundings } from '../lifecycle/place.js';
import type { TaskDefinition } from './definition.js';
import { Job } from './job.js';
import { Timer } from './timer.js';

/** Runs a task once, in this process, for the request that added it. Rejects with its failure. */
export async function runHere(
  exchange: Exchange,
  definition: TaskDefinition,
  envelope: TaskEnvelope,
): Promise<void> {
  const { signal } = exchange.backgroundTasks;
  if (envelope.delayMs) await delayed(envelope.delayMs, definition.name, signal);
  const job = new Job(definition, envelope, { attempt: 1, attempts: 1, trace: exchange.trace });
  const abort = (): void => job.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    await job.run(layersOf(exchange));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Rejects with `TASK_UNDONE` when the layer runs out of time to close. */
function delayed(milliseconds: number, task: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = new Timer(milliseconds, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    const abort = (): void => {
      timer.stop();
      reject(misuseWith({ cause: signal.reason }, 'TASK_UNDONE', task));
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
}

/** The layers of a request, the outermost first. */
function layersOf({ told }: Exchange): Surroundings[] {
  const layers: Surroundings[] = [];
  for (let place: Place | undefined = told; place; place = place.around) layers.unshift(place.layer);
  return layers;
}
