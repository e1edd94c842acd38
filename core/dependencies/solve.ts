import { misuse } from '../errors.js';
import { Solution } from './dependency-cache.js';
import { type DependencyRun, noValues, type Values } from './dependency-run.js';
import type { Place } from './exit-stack.js';
import { isGeneratorObject } from './generator-function.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  type Depends,
  nameOfDependency,
  noDependencies,
  partsOfDependency,
} from './marker.js';
import { declarationOf, type Need } from './needs.js';
import { notEntered, produce } from './produce.js';

/**
 * Solves checked dependencies depth first, one after the other, in the order declared, and adds their values
 * to `values`. Returns a promise only if something is asynchronous.
 *
 * Stops at the first that throws; those already entered stay on the exit stack.
 */
export function solveDependencies(
  dependencies: Dependencies,
  values: Values,
  run: DependencyRun,
): Promise<unknown> | undefined {
  if (dependencies === noDependencies) return undefined;
  const { needs } = declarationOf(dependencies);
  const last = needs.length - 1;
  for (let index = 0; index <= last; index += 1) {
    const pending = solveOne(needs[index] as Need, values, run);
    if (pending) return index === last ? pending : solveRest(pending, needs, index + 1, values, run);
  }
  return undefined;
}

async function solveRest(
  first: Promise<unknown>,
  needs: readonly Need[],
  from: number,
  values: Values,
  run: DependencyRun,
): Promise<void> {
  await first;
  for (let index = from; index < needs.length; index += 1) {
    const pending = solveOne(needs[index] as Need, values, run);
    if (pending) await pending;
  }
}

/**
 * Throws `GENERATOR_NOT_ENTERED` if a dependency whose value nobody receives, such as a layer's, returned a
 * generator: a guard must not be skipped like that.
 */
export function refuseUnbegun(dependencies: Dependencies, values: Values): void {
  for (const name in values) {
    const marker = dependencies[name];
    if (marker && isGeneratorObject(values[name])) throw notEntered(marker.dependency, false);
  }
}

function solveOne(need: Need, values: Values, run: DependencyRun): Promise<unknown> | undefined {
  const { key: as, marker } = need;
  const scope = marker.scope ?? run.defaultScope;
  const used = run.overrideOf(marker.dependency);
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
  return solveAnew(solution, run);
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
  for (const [declaredAs, marker] of Object.entries(dependencies)) {
    const { dependency, scope = run.defaultScope } = marker;
    const used = run.overrideOf(dependency);
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

function solveAnew(solution: Solution, run: DependencyRun): Promise<unknown> | undefined {
  const inner = noValues();
  try {
    const pending = solveDependencies(solution.parts.dependencies, inner, run);
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
