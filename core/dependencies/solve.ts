import { misuse, toError } from '../errors.js';
import type { RequestValidationError } from '../exceptions/validation-error.js';
import { bodyPlanOf } from './body-plan.js';
import { keyOf, placeOf, Solution } from './dependency-cache.js';
import { type DependencyRun, noValues, type Values } from './dependency-run.js';
import { isGeneratorObject } from './generator-function.js';
import { invalidOrThrow, isInvalid, together } from './invalid-parameters.js';
import {
  type Dependencies,
  dependsIn,
  isDepends,
  nameOfDependency,
  noDependencies,
  partsOfDependency,
} from './marker.js';
import { type Declaration, declarationOf, type Need } from './needs.js';
import type { ParameterReader } from './parameter.js';
import { notEntered, produce } from './produce.js';
import { withScopes } from './security-scopes.js';

/**
 * Solves checked dependencies depth first, one after the other, in the order declared, then reads the
 * parameters beside them, and adds all values to `values`. Returns a promise only if something is
 * asynchronous. `tree` is what the endpoint or the layer itself declares; `asked` collects what is needed
 * below a `Depends.all(…)`.
 *
 * Stops at the first that throws; those already entered stay on the exit stack. A dependency with invalid
 * parameters is skipped, and the others still run, so that one error reports all invalid parameters.
 */
export function solveDependencies(
  dependencies: Dependencies,
  values: Values,
  run: DependencyRun,
  tree = dependencies,
  asked?: Solution[],
): Promise<unknown> | undefined {
  if (dependencies === noDependencies) return undefined;
  const declaration = declarationOf(dependencies);
  if (declaration.areTogether) return solveTogether(declaration, values, run, tree, asked);
  const { needs, parameters } = declaration;
  const last = parameters ? needs.length : needs.length - 1;
  let index = 0;
  try {
    for (; index < needs.length; index += 1) {
      const pending = solveOne(needs[index] as Need, values, run, tree, asked);
      if (pending)
        return index === last ? pending : solveRest(pending, declaration, index, values, run, tree, asked);
    }
  } catch (thrown) {
    if (index === last) throw thrown;
    return solveRest(Promise.reject(thrown), declaration, index, values, run, tree, asked);
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
  asked: Solution[] | undefined,
): Promise<void> {
  let invalid: RequestValidationError | undefined;
  for (let index = from; index < needs.length; index += 1) {
    try {
      const pending = index === from ? first : solveOne(needs[index] as Need, values, run, tree, asked);
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
 * Solves dependencies at once and reads the parameters beside them. Then sorts their exits into the order
 * that sequential entrances would have.
 */
async function solveTogether(
  { needs, parameters }: Declaration,
  values: Values,
  run: DependencyRun,
  tree: Dependencies,
  askedAbove: Solution[] | undefined,
): Promise<void> {
  const asked = askedAbove ?? [];
  const from = asked.length;
  const begun = needs.map(async need => solveOne(need, values, run, tree, asked));
  if (parameters) begun.push(readParameters(parameters, values, run, tree));
  const settled = await Promise.allSettled(begun);
  run.exits.arrange(inOrder(asked.slice(from)));
  throwTogether(
    settled.flatMap(each => (each.status === 'rejected' ? [each.reason] : [])),
    run,
  );
}

async function readParameters(
  parameters: ParameterReader,
  values: Values,
  run: DependencyRun,
  tree: Dependencies,
): Promise<unknown> {
  return parameters.read(run.injected.request, values, bodyPlanOf(tree, run));
}

/**
 * Throws the first failure in the order declared; if only parameters are invalid, one error for all of them.
 */
function throwTogether(failures: readonly unknown[], run: DependencyRun): void {
  let invalid: RequestValidationError | undefined;
  const others = new Set<unknown>();
  for (const failure of failures) {
    if (isInvalid(failure)) invalid = together(invalid, failure);
    else others.add(failure);
  }
  const [first, ...lost] = others;
  for (const each of lost) run.reports.failureLost(toError(each));
  if (others.size > 0) throw first;
  if (invalid) throw invalid;
}

/** Each solution once, after those it needs. */
function inOrder(asked: readonly Solution[], found = new Set<Solution>()): Solution[] {
  for (const each of asked) {
    if (found.has(each)) continue;
    inOrder(each.asked ?? [], found);
    found.add(each);
  }
  return [...found];
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
  asked: Solution[] | undefined,
): Promise<unknown> | undefined {
  const { key: as, marker } = need;
  const scope = marker.scope ?? run.defaultScope;
  if (scope === 'app') return solveInApp(need, values, run, asked);
  const replaced = run.overrideOf(marker.dependency);
  const used = marker.scopes === undefined ? replaced : withScopes(replaced, marker.scopes, run);
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
  // Cache it before it runs, because it may inject itself.
  run.solved.add(solution);
  return solveAnew(solution, run, tree, asked);
}

/** A layer around the request owns it; an endpoint alone may have none. */
function solveInApp(
  need: Need,
  values: Values,
  run: DependencyRun,
  asked: Solution[] | undefined,
): Promise<unknown> | undefined {
  if (run.place === undefined) throw misuse('APP_OUTSIDE', need.name);
  return run.place.solveApp(need, values, run, asked);
}

/** Waits for a solution that somebody else began. */
export async function waitFor(solution: Solution, as: string, values: Values): Promise<void> {
  values[as] = await solution.whenSolved();
}

/**
 * Throws `DEPENDENCY_EXITED` for a dependency that exited when the request failed, or that needs one; a
 * dependency is never entered twice.
 */
export function refuseExited(dependencies: Dependencies, run: DependencyRun): void {
  for (const [declaredAs, marker] of dependsIn(dependencies)) {
    const { dependency, scope = run.defaultScope, scopes } = marker;
    const used = withScopes(run.overrideOf(dependency), scopes, run);
    if (marker.useCache && run.solved.hasExited(keyOf(dependency, used), placeOf(marker, scope)))
      throw misuse('DEPENDENCY_EXITED', nameOfDependency(dependency, declaredAs));
    refuseExited(partsOfDependency(used).dependencies, run);
  }
}

/** Solves what a new solution needs, then calls its dependency. */
export function solveAnew(
  solution: Solution,
  run: DependencyRun,
  tree: Dependencies,
  asked: Solution[] | undefined,
): Promise<unknown> | undefined {
  if (asked) {
    asked.push(solution);
    solution.asked = [];
  }
  const inner = noValues();
  try {
    const pending = solveDependencies(solution.parts.dependencies, inner, run, tree, solution.asked);
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
