import { misuse } from '../errors.js';
import type { RequestValidationError } from '../exceptions/validation-error.js';
import { bodyPlanOf } from './body-plan.js';
import { Solution } from './dependency-cache.js';
import { type DependencyRun, noValues, type Values } from './dependency-run.js';
import type { Place } from './exit-stack.js';
import { isGeneratorObject } from './generator-function.js';
import { invalidOrThrow, together } from './invalid-parameters.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  type Depends,
  dependsIn,
  isDepends,
  nameOfDependency,
  noDependencies,
  partsOfDependency,
} from './marker.js';
import { type Declaration, declarationOf, type Need } from './needs.js';
import { notEntered, produce } from './produce.js';
import { withScopes } from './security-scopes.js';

/**
 * Solves checked dependencies depth first, one after the other, in the order declared, then reads the
 * parameters beside them, and adds all values to `values`. Returns a promise only if something is
 * asynchronous. `tree` is what the endpoint or the layer itself declares.
 *
 * Stops at the first that throws; those already entered stay on the exit stack. A dependency with invalid
 * parameters is skipped, and the others still run, so that one error reports all invalid parameters.
 */
export function solveDependencies(
  dependencies: Dependencies,
  values: Values,
  run: DependencyRun,
  tree = dependencies,
): Promise<unknown> | undefined {
  if (dependencies === noDependencies) return undefined;
  const declaration = declarationOf(dependencies);
  const { needs, parameters } = declaration;
  const last = parameters ? needs.length : needs.length - 1;
  let index = 0;
  try {
    for (; index < needs.length; index += 1) {
      const pending = solveOne(needs[index] as Need, values, run, tree);
      if (pending)
        return index === last ? pending : solveRest(pending, declaration, index, values, run, tree);
    }
  } catch (thrown) {
    if (index === last) throw thrown;
    return solveRest(Promise.reject(thrown), declaration, index, values, run, tree);
  }
  return parameters?.read(run.injected.request, values, bodyPlanOf(tree, run));
}

/** `first` is the one at the index `from`, which has begun. */
async function solveRest(
  first: Promise<unknown>,
  { needs, parameters }: Declaration,
  from: number,
  values: Values,
  run: DependencyRun,
  tree: Dependencies,
): Promise<void> {
  let invalid: RequestValidationError | undefined;
  for (let index = from; index < needs.length; index += 1) {
    try {
      const pending = index === from ? first : solveOne(needs[index] as Need, values, run, tree);
      if (pending) await pending;
    } catch (thrown) {
      invalid = together(invalid, invalidOrThrow(thrown));
    }
  }
  try {
    const pending = parameters?.read(run.injected.request, values, bodyPlanOf(tree, run));
    if (pending) await pending;
  } catch (thrown) {
    invalid = together(invalid, invalidOrThrow(thrown));
  }
  if (invalid) throw invalid;
}

/**
 * Throws `GENERATOR_NOT_ENTERED` if a dependency whose value nobody receives, such as a layer's, returned a
 * generator: a guard must not be skipped like that.
 */
export function refuseUnbegun(dependencies: Dependencies, values: Values): void {
  for (const name in values) {
    const marker = dependencies[name];
    if (marker && isDepends(marker) && isGeneratorObject(values[name]))
      throw notEntered(marker.dependency, false);
  }
}

function solveOne(
  need: Need,
  values: Values,
  run: DependencyRun,
  tree: Dependencies,
): Promise<unknown> | undefined {
  const { key: as, marker } = need;
  const scope = marker.scope ?? run.defaultScope;
  const replaced = run.overrideOf(marker.dependency);
  const used = marker.scopes === undefined ? replaced : withScopes(replaced, marker.scopes);
  const key = keyOf(marker.dependency, used);
  const place = placeOf(marker, scope);
  const known = marker.useCache ? run.solved.find(key, place) : undefined;
  if (known?.isSolving) return waitFor(known, as, values);
  if (known) {
    values[as] = known.value;
    return undefined;
  }
  const { refusal } = run.exits;
  if (refusal) throw refusal;
  const solution = new Solution(need, used, scope, key, place, values);
  // Cache it before it runs, because it may inject itself.
  run.solved.add(solution);
  return solveAnew(solution, run, tree);
}

async function waitFor(solution: Solution, as: string, values: Values): Promise<void> {
  values[as] = await solution.whenSolved();
}

const keys = new WeakMap<AnyDependency, WeakMap<AnyDependency, object>>();

/**
 * Throws `DEPENDENCY_EXITED` for a dependency that exited when the request failed, or that needs one; a
 * dependency is never entered twice.
 */
export function refuseExited(dependencies: Dependencies, run: DependencyRun): void {
  for (const [declaredAs, marker] of dependsIn(dependencies)) {
    const { dependency, scope = run.defaultScope, scopes } = marker;
    const used = withScopes(run.overrideOf(dependency), scopes);
    if (marker.useCache && run.solved.hasExited(keyOf(dependency, used), placeOf(marker, scope)))
      throw misuse('DEPENDENCY_EXITED', nameOfDependency(dependency, declaredAs));
    refuseExited(partsOfDependency(used).dependencies, run);
  }
}

function placeOf({ dispose }: Depends<unknown>, scope: DependencyScope): Place {
  return dispose ? `${scope} disposed` : scope;
}

/** An override has a cache key of its own, because an outer layer may have solved the original. */
function keyOf(dependency: AnyDependency, used: AnyDependency): object {
  if (used === dependency) return dependency;
  const ofUsed = keys.get(dependency) ?? new WeakMap<AnyDependency, object>();
  keys.set(dependency, ofUsed);
  const key = ofUsed.get(used) ?? {};
  ofUsed.set(used, key);
  return key;
}

function solveAnew(solution: Solution, run: DependencyRun, tree: Dependencies): Promise<unknown> | undefined {
  const inner = noValues();
  try {
    const pending = solveDependencies(solution.parts.dependencies, inner, run, tree);
    return pending ? produceAfter(pending, solution, inner, run) : produce(solution, inner, run);
  } catch (thrown) {
    solution.fail(thrown);
    throw thrown;
  }
}

async function produceAfter(
  needed: Promise<unknown>,
  solution: Solution,
  inner: Values,
  run: DependencyRun,
): Promise<void> {
  try {
    await needed;
    const pending = produce(solution, inner, run);
    if (pending) await pending;
  } catch (thrown) {
    solution.fail(thrown);
    throw thrown;
  }
}
