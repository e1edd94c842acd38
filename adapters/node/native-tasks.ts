import { type BackgroundTasks, isLeftBehind, misuse } from '../../core/adapter.js';
import { NativeExchange } from './native-exchange.js';

/**
 * Returns the background tasks of the request of a native object. Throws `TASK_OUTSIDE` without a layer
 * around it, and `OTHER_VERSION`.
 */
export function tasksAt(native: object | null | undefined): BackgroundTasks {
  const found = native ? NativeExchange.join(native) : undefined;
  if (!found) throw misuse('TASK_OUTSIDE');
  const { exchange } = found;
  const tasks = exchange.backgroundTasks;
  if (isLeftBehind(exchange)) tasks.close();
  return tasks;
}
