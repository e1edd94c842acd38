import type { TaskEnvelope } from '../background/task-queue.js';
import type { TracedEnvelope } from '../tracing/events.js';
import type { Tracing } from '../tracing/tracing.js';

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
  try {
    await stages.at(-1)?.run(() => store(traced.map(withoutEmptyHeaders)));
  } catch (thrown) {
    for (const stage of stages) stage.fail(thrown);
    throw thrown;
  }
  for (const stage of stages) stage.end();
}

function withoutEmptyHeaders({ headers, ...envelope }: TracedEnvelope): TaskEnvelope {
  return Object.keys(headers).length > 0 ? { ...envelope, headers } : envelope;
}
