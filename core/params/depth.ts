/** No schema needs more, and every recursive one copes with it. */
const deepest = 200;

/** Whether data is nested so deeply that a schema which refers to itself runs out of stack. */
export function isTooDeep(data: unknown): boolean {
  let level: readonly unknown[] = [data];
  for (let depth = 0; depth <= deepest; depth += 1) {
    level = level.flatMap(each => (typeof each === 'object' && each !== null ? Object.values(each) : []));
    if (level.length === 0) return false;
  }
  return true;
}
