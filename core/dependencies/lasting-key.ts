import { keyOf } from './dependency-cache.js';
import type { GraphRun } from './dependency-graph.js';
import { type AnyDependency, partsOfDependency } from './marker.js';
import { declarationOf } from './needs.js';

/**
 * The key of a value that outlives its request. It changes with every override below, because those come and
 * go while the value stays.
 */
export function lastingKeyOf(
  dependency: AnyDependency,
  run: Pick<GraphRun, 'hasOverrides' | 'overrideOf'>,
): object {
  if (!run.hasOverrides) return dependency;
  const used = run.overrideOf(dependency);
  let key = keyOf(dependency, used);
  for (const { marker } of declarationOf(partsOfDependency(used).dependencies).needs) {
    const inner = lastingKeyOf(marker.dependency, run);
    if (inner !== marker.dependency) key = keyOf(key, inner);
  }
  return key;
}
