import { misuseWith } from '../errors.js';
import { planBody } from './body-plan.js';
import { type Depends, isDependency } from './depends.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  dependsIn,
  hasExit,
  nameOfDependency,
  partsOfDependency,
} from './marker.js';
import { declarationOf } from './needs.js';

const widths: Readonly<Record<DependencyScope, number>> = { function: 0, request: 1, background: 2 };

/**
 * Walks a tree of dependencies before any of them is called.
 * Throws `DEPENDENCY_CYCLE` and `DEPENDENCY_SCOPE`, with the path from the owner on, and `PARAM_BODY` and
 * `PARAM_MODEL`.
 */
export function checkGraph(
  dependencies: Dependencies,
  owner: string,
  defaultScope: DependencyScope,
  overrideOf: (dependency: AnyDependency) => AnyDependency = itself,
): void {
  const graph = { defaultScope, overrideOf, done: new Map() };
  for (const [key, marker] of dependsIn(dependencies)) checkNode(graph, key, marker, [owner], [], undefined);
  planBody(dependencies, owner, overrideOf);
}

interface Graph {
  /** The scope of those that name none. */
  readonly defaultScope: DependencyScope;
  readonly overrideOf: (dependency: AnyDependency) => AnyDependency;
  /** What has been looked at already, and how it was held. */
  readonly done: Map<AnyDependency, Set<string>>;
}

function itself(dependency: AnyDependency): AnyDependency {
  return dependency;
}

/** What of a request its dependencies are checked against. */
export interface GraphRun {
  readonly defaultScope: DependencyScope;
  readonly hasOverrides: boolean;
  /** What stands in for a dependency, or the dependency itself. */
  overrideOf(dependency: AnyDependency): AnyDependency;
}

/**
 * The same where all is known: the scope of those that name none, and what stands in for others. Done once
 * for each scope, and anew for every request where there are overrides: these change from test to test.
 */
export function checkGraphIn(run: GraphRun, dependencies: Dependencies, owner: string): void {
  const { defaultScope } = run;
  if (run.hasOverrides) return checkGraph(dependencies, owner, defaultScope, each => run.overrideOf(each));
  const { checkedFor } = declarationOf(dependencies);
  if (checkedFor.has(defaultScope)) return;
  checkGraph(dependencies, owner, defaultScope);
  checkedFor.add(defaultScope);
}

function checkNode(
  graph: Graph,
  key: string,
  marker: Depends<unknown>,
  path: readonly string[],
  above: readonly AnyDependency[],
  heldBy: DependencyScope | undefined,
): void {
  const used = graph.overrideOf(marker.dependency);
  if (!isDependency(used)) throw misuseWith({ path }, 'DEPENDENCY_NOT_A_FUNCTION', used);
  const { produce, dependencies } = partsOfDependency(used);
  const here = [...path, nameOfDependency(used, key)];
  const shown = here.join(' → ');
  if (above.includes(used)) throw misuseWith({ path: here }, 'DEPENDENCY_CYCLE', shown);
  const isExiting = hasExit(marker, produce);
  const scope = marker.scope ?? (isExiting ? graph.defaultScope : undefined);
  if (scope !== undefined && heldBy !== undefined && widths[scope] < widths[heldBy]) {
    throw misuseWith({ path: here }, 'DEPENDENCY_SCOPE', shown, heldBy, scope);
  }
  const known = graph.done.get(used) ?? new Set();
  // A plain function only hands on what it was given, so what is below it must live as long as what is above.
  const held = isExiting ? scope : heldBy;
  const place = `${scope} in ${heldBy} for ${held}`;
  if (known.has(place)) return;
  graph.done.set(used, known.add(place));
  for (const [inner, each] of dependsIn(dependencies)) {
    checkNode(graph, inner, each, here, [...above, used], held);
  }
}
