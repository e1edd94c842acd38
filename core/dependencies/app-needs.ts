import type { GraphRun } from './dependency-graph.js';
import { type Dependencies, partsOfDependency } from './marker.js';
import { declarationOf, type Need } from './needs.js';

/**
 * The outermost dependencies of scope `app` in a tree, in the order they are entered. Each enters what it
 * needs itself.
 */
export function appNeedsOf(
  dependencies: Dependencies,
  run: Pick<GraphRun, 'overrideOf'>,
  seen = new Set<Dependencies>(),
): readonly Need[] {
  if (seen.has(dependencies)) return [];
  seen.add(dependencies);
  return declarationOf(dependencies).needs.flatMap(need => {
    const { marker } = need;
    if (marker.scope === 'app') return [need];
    return appNeedsOf(partsOfDependency(run.overrideOf(marker.dependency)).dependencies, run, seen);
  });
}
