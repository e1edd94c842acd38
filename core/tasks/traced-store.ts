import type { TaskEnvelope } from '../background/task-queue.js';
import type { TracedEnvelope } from '../tracing/events.js';
import type { Tracing } from '../tracing/tracing.js';
import { readableHeaders } from './headers.js';

/** Stores envelopes with what subscribers add to their headers, in a stage for each, if somebody listens. */
export async function storeTraced(
  tracing: Tracing | undefined,
  queue: string,
  envelopes: readonly TaskEnvelope[],
  store: (envelopes: readonly TaskEnvelope[]) => Promise<void>,
): Promise<void> {
  if (!tracing) return store(envelopes);
  const traced = envelopes.map(each => ({ ...each, headers: { ...each.headers } }) satisfies TracedEnvelope);
  const stages = traced.map(envelope => tracing.begin('enqueue', envelope.task, { envelope, queue }));
  // Each begins on its own, so that none is inside another.
  for (const stage of stages.slice(0, -1)) stage.run(() => undefined);
  const added = ({ headers }: TracedEnvelope, index: number): TaskEnvelope =>
    withHeaders(envelopes[index] as TaskEnvelope, headers);
  try {
    await stages.at(-1)?.run(() => store(traced.map(added)));
  } catch (thrown) {
    for (const stage of stages) stage.fail(thrown);
    throw thrown;
  }
  for (const stage of stages) stage.end();
}

/** A task as it was added, with the headers that subscribers have left. */
function withHeaders({ headers: _, ...task }: TaskEnvelope, given: TracedEnvelope['headers']): TaskEnvelope {
  const headers = readableHeaders(given);
  return headers ? { ...task, headers } : task;
}
