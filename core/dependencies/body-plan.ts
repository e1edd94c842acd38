import type { AnyDependency, Dependencies } from './marker.js';
import { dependsIn, partsOfDependency } from './marker.js';
import { declarationOf, parametersIn } from './needs.js';
import type { NamedParameters } from './parameter.js';

/** What stands in for dependencies in a request. */
interface Overriding {
  readonly hasOverrides: boolean;
  overrideOf(dependency: AnyDependency): AnyDependency;
}

/** How the body is read for a whole tree of dependencies: all parameters in it share the body. */
export function bodyPlanOf(tree: Dependencies, run: Overriding): unknown {
  if (run.hasOverrides) return planBody(tree, '', each => run.overrideOf(each));
  const declaration = declarationOf(tree);
  declaration.bodyPlan ??= { plan: planBody(tree, '', each => each) };
  return declaration.bodyPlan.plan;
}

/** The same, where it is not known yet. Throws what the port refuses a tree with. */
export function planBody(
  tree: Dependencies,
  owner: string,
  overrideOf: (dependency: AnyDependency) => AnyDependency,
): unknown {
  const parameters = allParametersIn(tree, overrideOf, new Set());
  return parameters[0]?.[1].port.plan(parameters, owner);
}

function allParametersIn(
  dependencies: Dependencies,
  overrideOf: (dependency: AnyDependency) => AnyDependency,
  seen: Set<AnyDependency>,
): NamedParameters {
  const inner = dependsIn(dependencies).flatMap(([, { dependency }]) => {
    const used = overrideOf(dependency);
    if (seen.has(used)) return [];
    seen.add(used);
    return allParametersIn(partsOfDependency(used).dependencies, overrideOf, seen);
  });
  return [...inner, ...parametersIn(dependencies)];
}
