import type { GraphRun } from './dependency-graph.js';
import { type Dependencies, partsOfDependency } from './marker.js';
import { declarationOf, type Need } from './needs.js';

/**
 * The dependencies of scope `app` that these need, at any depth, each once, in the order in which they are
 * entered. What one of them needs is entered with it.
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
