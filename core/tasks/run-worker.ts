import type { Task } from '../background/durable-task.js';
import { misuse } from '../errors.js';
import { isLayer, type Layer } from '../layer.js';
import { look } from '../lifecycle/frozen-layer.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { definitionOf } from './definition.js';
import { Worker } from './worker.js';

export interface WorkerOptions {
  /** How many tasks run at once in this process; 10 by default. */
  concurrency?: number;
}

const knownOptions = { concurrency: true } satisfies OptionNames<WorkerOptions>;

/**
 * Starts the layer, and runs the tasks of its queue in this process: that of the app, or one of its own.
 *
 * ```ts
 * const worker = await runWorker(layer, [sendMail, resizeImage], { concurrency: 10 });
 * process.once('SIGTERM', async () => {
 *   await worker.close({ timeoutMs: 25_000 });
 *   await layer.close({ timeoutMs: 5_000 });
 *   process.exit();
 * });
 * ```
 *
 * Tasks run with their dependencies and the layer's overrides, without its middleware. A failure goes to
 * `onError`, and the task runs again later. A task that is not listed is given back to the queue.
 *
 * Rejects with `TASK_QUEUE` for a layer without a `taskQueue`, with `ARGUMENT`, `TASK_NAME` and
 * `OPTION_VALUE`, and with the errors of `layer.start()` and of the engine.
 */
export async function runWorker(
  layer: Layer,
  tasks: readonly Task[],
  options: WorkerOptions = noOptions,
): Promise<Worker> {
  const where = 'runWorker()';
  if (!isLayer(layer)) throw misuse('ARGUMENT', where, 'layer', 'a Layer', layer);
  if (!Array.isArray(tasks)) throw misuse('ARGUMENT', where, 'tasks', 'a list of `task(…)`', tasks);
  checkOptions(where, options, knownOptions);
  const { concurrency = 10 } = options;
  checkOption(where, 'concurrency', concurrency, 'a whole number, at least 1', isCount);
  const definitions = tasks.map(task => definitionOf(task, where));
  const plan = look(layer);
  const { tasks: ofLayer, lifespan } = plan;
  if (ofLayer === undefined)
    throw misuse('TASK_QUEUE', 'A worker needs a queue: `new Layer({ taskQueue: pgBossQueue(boss) })`.');
  await layer.start();
  return Worker.start({ layers: [plan], lifespan, tasks: ofLayer, definitions }, concurrency);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
