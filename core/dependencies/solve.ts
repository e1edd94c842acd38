import { misuse, toError } from '../errors.js';
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
 * Solves dependencies whose graph has been checked, depth first and one after the other, in the order in
 * which they are declared, and adds their values to `values`. Returns what has to be waited for, if anything.
 *
 * The first one that throws ends it; those entered before stay on the exit stack.
 */
export function solveDependencies(
  dependencies: Dependencies,
  values: Values,
  run: DependencyRun,
  asked?: Solution[],
): Promise<unknown> | undefined {
  if (dependencies === noDependencies) return undefined;
  const { needs, areTogether } = declarationOf(dependencies);
  if (areTogether) return solveTogether(needs, values, run, asked);
  const last = needs.length - 1;
  for (let index = 0; index <= last; index += 1) {
    const pending = solveOne(needs[index] as Need, values, run, asked);
    if (pending) return index === last ? pending : solveRest(pending, needs, index + 1, values, run, asked);
  }
  return undefined;
}

async function solveRest(
  first: Promise<unknown>,
  needs: readonly Need[],
  from: number,
  values: Values,
  run: DependencyRun,
  asked: Solution[] | undefined,
): Promise<void> {
  await first;
  for (let index = from; index < needs.length; index += 1) {
    const pending = solveOne(needs[index] as Need, values, run, asked);
    if (pending) await pending;
  }
}

/**
 * Solves all at once. When every one has settled, their exits are put into the order in which they would have
 * been entered one after the other. Throws what the first of those that failed has thrown, in the order of
 * declaration.
 */
async function solveTogether(
  needs: readonly Need[],
  values: Values,
  run: DependencyRun,
  askedAbove: Solution[] | undefined,
): Promise<void> {
  const asked = askedAbove ?? [];
  const from = asked.length;
  const begun = needs.map(async need => solveOne(need, values, run, asked));
  const failures = (await Promise.allSettled(begun)).filter(({ status }) => status === 'rejected');
  run.exits.arrange(inOrder(asked.slice(from)));
  const [first, ...lost] = failures.map(failure => (failure as PromiseRejectedResult).reason as unknown);
  for (const each of lost) if (each !== first) run.reports.failureLost(toError(each));
  if (failures.length > 0) throw first;
}

/** Each once, after what it needs. */
function inOrder(asked: readonly Solution[], found = new Set<Solution>()): Solution[] {
  for (const each of asked) {
    if (found.has(each)) continue;
    inOrder(each.asked ?? [], found);
    found.add(each);
  }
  return [...found];
}

/**
 * Throws `GENERATOR_NOT_ENTERED` where dependencies whose values are given to nobody, as those of a layer,
 * have made a generator that nobody will begin: a guard is not to be passed like that.
 */
export function refuseUnbegun(dependencies: Dependencies, values: Values): void {
  for (const name in values) {
    const marker = dependencies[name];
    if (marker && isGeneratorObject(values[name])) throw notEntered(marker.dependency, false);
  }
}

function solveOne(
  need: Need,
  values: Values,
  run: DependencyRun,
  asked: Solution[] | undefined,
): Promise<unknown> | undefined {
  const { key: as, marker } = need;
  const scope = marker.scope ?? run.defaultScope;
  if (scope === 'app') return solveInApp(need, values, run, asked);
  const used = run.overrideOf(marker.dependency);
  const key = keyOf(marker.dependency, used);
  const place = placeOf(marker, scope);
  const known = marker.useCache ? run.solved.find(key, place) : undefined;
  if (known) asked?.push(known);
  if (known?.isSolving) return waitFor(known, as, values);
  if (known) {
    values[as] = known.value;
    return undefined;
  }
  const { refusal } = run.exits;
  if (refusal) throw refusal;
  const solution = new Solution(need, used, scope, key, place, values);
  // It is in the cache before it runs, as it may inject itself.
  run.solved.add(solution);
  return solveAnew(solution, run, asked);
}

/** It lives in a layer around the request, whose endpoint may have none. */
function solveInApp(
  need: Need,
  values: Values,
  run: DependencyRun,
  asked: Solution[] | undefined,
): Promise<unknown> | undefined {
  if (run.place === undefined) throw misuse('APP_OUTSIDE', need.name);
  return run.place.solveApp(need, values, run, asked);
}

/** Waits for one that somebody else has begun. */
export async function waitFor(solution: Solution, as: string, values: Values): Promise<void> {
  values[as] = await solution.whenSolved();
}

const keys = new WeakMap<object, WeakMap<object, object>>();

/**
 * Throws `DEPENDENCY_EXITED` for one that has exited when the request failed, or that needs one: there is no
 * second one.
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

export function placeOf({ dispose }: Depends<unknown>, scope: DependencyScope): Place {
  return dispose ? `${scope} disposed` : scope;
}

/**
 * A replacement has the place of the original, and not its value: a layer further out may have solved that.
 */
function keyOf(dependency: object, used: object): object {
  if (used === dependency) return dependency;
  const ofUsed = keys.get(dependency) ?? new WeakMap<object, object>();
  keys.set(dependency, ofUsed);
  const key = ofUsed.get(used) ?? {};
  ofUsed.set(used, key);
  return key;
}

/**
 * That of one that outlives the request, in which overrides come and go: one that needs something else now is
 * another one.
 */
export function lastingKeyOf(dependency: AnyDependency, run: DependencyRun): object {
  if (!run.hasOverrides) return dependency;
  const used = run.overrideOf(dependency);
  let key = keyOf(dependency, used);
  for (const { marker } of declarationOf(partsOfDependency(used).dependencies).needs) {
    const inner = lastingKeyOf(marker.dependency, run);
    if (inner !== marker.dependency) key = keyOf(key, inner);
  }
  return key;
}

/** Solves one for which a solution has been made: what it needs, then itself. */
export function solveAnew(
  solution: Solution,
  run: DependencyRun,
  asked: Solution[] | undefined,
): Promise<unknown> | undefined {
  if (asked) {
    asked.push(solution);
    solution.asked = [];
  }
  const inner = noValues();
  try {
    const pending = solveDependencies(solution.parts.dependencies, inner, run, solution.asked);
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
