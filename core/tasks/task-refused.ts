const brand = Symbol.for('callnext.TaskRefused');

/**
 * Thrown by a task that must not run again: it becomes a dead letter, whatever attempts are left.
 *
 * ```ts
 * if (!order) throw new TaskRefused('no such order');
 * ```
 */
export class TaskRefused extends Error {
  override readonly name = 'TaskRefused';

  get [brand](): true {
    return true;
  }
}

export function isRefused(error: Error): boolean {
  return brand in error;
}
