import type { Enqueued, EnqueueOptions } from '../background/durable-task.js';
import { misuse } from '../errors.js';
import { type Freezable, look } from '../lifecycle/frozen-layer.js';
import { Addition } from './addition.js';
import type { DefinedPort, TaskDefinition } from './definition.js';
import { Job } from './job.js';
import { exchangeOf, queueLayerOf } from './queue-layer.js';
import { sendAdded, sendTo } from './send.js';

/** What the core calls of a task. */
export function portOf(definition: TaskDefinition): DefinedPort {
  const { name } = definition;
  return Object.freeze({
    definition,
    entryOf(args, options) {
      const addition = new Addition('addTask()', definition, args, options);
      const send = async (host: object | undefined): Promise<void> =>
        sendAdded(exchangeOf(host, name), addition);
      return { name, when: addition.when, send };
    },
    enqueue: (host, args, options) => enqueue(definition, host, args, options),
    runIn: (layer, args) => runIn(layer as Freezable, definition, args),
  } satisfies DefinedPort);
}

/** Sends a task for a request, or, without a queue, adds it to the request's list whatever its outcome. */
async function enqueue(
  definition: TaskDefinition,
  host: object | undefined,
  args: unknown,
  options: EnqueueOptions | undefined,
): Promise<Enqueued> {
  const exchange = exchangeOf(host, definition.name);
  const addition = new Addition('enqueue()', definition, args, options);
  const envelope = await addition.envelope(exchange.request);
  const layer = queueLayerOf(exchange);
  if (layer) await sendTo(layer, exchange, definition, envelope);
  else
    exchange.backgroundTasks.add({
      name: definition.name,
      when: 'always',
      send: () => sendAdded(exchange, addition),
    });
  return { id: addition.id };
}

/** Rejects with `LAYER_CLOSED`. */
async function runIn(layer: Freezable, definition: TaskDefinition, args: unknown): Promise<unknown> {
  const plan = look(layer);
  if (plan.inFlight.isClosed) throw misuse('LAYER_CLOSED');
  const envelope = await new Addition('layer.runTask()', definition, args).envelope();
  return new Job(definition, envelope, { attempt: 1, attempts: 1 }).run([plan], plan.lifespan);
}
