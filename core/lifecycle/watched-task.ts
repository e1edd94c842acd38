import type { TaskRunner } from '../background/background-tasks.js';
import type { Exchange } from './exchange.js';

/** Runs background tasks while a test or a subscriber watches. */
export function watchedTask({ trace, tracing }: Exchange): TaskRunner {
  return (name, task) => {
    trace?.add(`task ${name}`);
    const run = (): Promise<void> => task.run();
    return tracing ? tracing.begin('task', name).around(run) : run();
  };
}
