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
import { declarationOf, parametersIn } from './needs.js';

const widths: Readonly<Record<DependencyScope, number>> = { function: 0, request: 1, background: 2, app: 3 };

/**
 * Checks a tree of dependencies before any of them is called. `heldBy` is the scope of their owner, if it has
 * one. Throws `DEPENDENCY_CYCLE`, `DEPENDENCY_SCOPE` and `APP_PARAMETER`, with the path from the owner
 * inward, and `PARAM_BODY` and `PARAM_MODEL`.
 */
export function checkGraph(
  dependencies: Dependencies,
  owner: string,
  defaultScope: DependencyScope,
  overrideOf: (dependency: AnyDependency) => AnyDependency = itself,
  heldBy?: DependencyScope,
): void {
  const graph = { defaultScope, overrideOf, done: new Map() };
  refuseParameters(dependencies, [owner], heldBy);
  for (const [key, marker] of dependsIn(dependencies)) checkNode(graph, key, marker, [owner], [], heldBy);
  planBody(dependencies, owner, overrideOf);
}

interface Graph {
  /** The scope of dependencies without one of their own. */
  readonly defaultScope: DependencyScope;
  readonly overrideOf: (dependency: AnyDependency) => AnyDependency;
  /** The dependencies checked so far, each with the scope that held it. */
  readonly done: Map<AnyDependency, Set<string>>;
}

function itself(dependency: AnyDependency): AnyDependency {
  return dependency;
}

/** The part of a request that its dependencies are checked against. */
export interface GraphRun {
  readonly defaultScope: DependencyScope;
  readonly hasOverrides: boolean;
  /** Returns the override of a dependency, or the dependency itself. */
  overrideOf(dependency: AnyDependency): AnyDependency;
}

/**
 * Checks the graph with the default scope and overrides of a request: once for each scope, and for every
 * request if there are overrides, because those change from test to test.
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
  // A plain function that names no scope may ask for the request, which scope `app` does not have.
  const lives = heldBy === 'app' ? (scope ?? graph.defaultScope) : scope;
  if (lives !== undefined && heldBy !== undefined && widths[lives] < widths[heldBy])
    throw misuseWith({ path: here }, 'DEPENDENCY_SCOPE', shown, heldBy, lives);
  const known = graph.done.get(used) ?? new Set();
  // A plain function passes on what it received, so its dependencies must live as long as its user.
  const held = isExiting || scope === 'app' ? scope : heldBy;
  const place = `${scope} in ${heldBy} for ${held}`;
  if (known.has(place)) return;
  graph.done.set(used, known.add(place));
  refuseParameters(dependencies, here, held);
  for (const [inner, each] of dependsIn(dependencies)) {
    checkNode(graph, inner, each, here, [...above, used], held);
  }
}

/** Refuses parameters in scope `app`, which has no request. */
function refuseParameters(
  dependencies: Dependencies,
  path: readonly string[],
  heldBy: DependencyScope | undefined,
): void {
  if (heldBy !== 'app') return;
  for (const [key, { title }] of parametersIn(dependencies)) {
    const here = [...path, key];
    throw misuseWith({ path: here }, 'APP_PARAMETER', here.join(' → '), `\`${title}\``);
  }
}
