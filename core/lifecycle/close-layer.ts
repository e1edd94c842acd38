import type { AppScope } from './app-scope.js';
import type { InFlight, Undone } from './in-flight.js';
import type { LayerTasks } from './layer-tasks.js';

/** Closes the parts of a layer: its requests, its queue, then its dependencies of scope `app`. */
export async function closeLayer(
  inFlight: InFlight,
  tasks: LayerTasks | undefined,
  app: AppScope,
  timeoutMs: number | undefined,
): Promise<Undone> {
  const ofWork = timeLeft(timeoutMs);
  tasks?.pause();
  const undone = await inFlight.close(timeoutMs);
  const ofExits = timeLeft(timeoutMs);
  const lost = (await tasks?.close(ofWork(), timeoutMs)) ?? [];
  const open = await app.close(ofExits());
  if (open.length === 0 && lost.length === 0) return undone;
  return { ...undone, exits: [...undone.exits, ...open], tasks: [...undone.tasks, ...lost] };
}

/** Counts down from now, in milliseconds; `undefined` without a limit. */
function timeLeft(timeoutMs: number | undefined): () => number | undefined {
  const until = Date.now() + (timeoutMs ?? 0);
  return () => (timeoutMs === undefined ? undefined : Math.max(0, until - Date.now()));
}
