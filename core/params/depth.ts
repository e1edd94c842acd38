/** More levels than real data has, and few enough for any recursive schema to validate. */
const deepest = 200;

/** Whether data is nested deeply enough to overflow the stack of a recursive schema. */
export function isTooDeep(data: unknown): boolean {
  let level: readonly unknown[] = [data];
  for (let depth = 0; depth <= deepest; depth += 1) {
    level = level.flatMap(each => (typeof each === 'object' && each !== null ? Object.values(each) : []));
    if (level.length === 0) return false;
  }
  return true;
}
