import { misuse } from '../errors.js';
import type { Trace } from '../http/shared.js';
import type { Stopwatch, Timings } from '../http/timings.js';
import { type DependencyCache, Solution } from './dependency-cache.js';
import type { GraphRun } from './dependency-graph.js';
import type { ExitStack, Place } from './exit-stack.js';
import {
  type AnyGenerator,
  DisposableContext,
  disposerOf,
  GeneratorContext,
  isGenerator,
  yieldedOf,
} from './generator-context.js';
import { isGeneratorObject, isThenable, looksCompiled } from './generator-function.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  type Depends,
  type Injected,
  nameOfDependency,
  noDependencies,
  partsOfDependency,
} from './marker.js';
import { declarationOf, type Need } from './needs.js';

/** What of a request its dependencies share. */
export interface DependencyRun extends GraphRun {
  readonly injected: Injected;
  readonly exits: ExitStack;
  readonly solved: DependencyCache;
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  /** Notes which dependency has thrown a value. */
  readonly reports: { cameFrom(thrown: unknown, dependency: string): void };
}

/** The values of dependencies by name. Without a prototype of its own, every name is only a name. */
export interface Values {
  [name: string]: unknown;
}

/** Objects made on it are as fast as others; those of `Object.create(null)` are dictionaries. */
const nothing: object = Object.freeze(Object.create(null));

export function noValues(): Values {
  return Object.create(nothing);
}

/**
 * Solves dependencies whose graph has been checked, depth first and one after the other, in the order in which they are
 * declared, and adds their values to `values`. Returns what has to be waited for, if anything.
 *
 * The first one that throws ends it; those entered before stay on the exit stack.
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
 * Throws `GENERATOR_NOT_ENTERED` where dependencies whose values are given to nobody, as those of a layer,
 * have made a generator that nobody will begin: a guard is not to be passed like that.
 */
export function refuseUnbegun(dependencies: Dependencies, values: Values): void {
  for (const name in values) {
    const marker = dependencies[name];
    if (marker && isGeneratorObject(values[name])) throw notEntered(marker.dependency, false);
  }
}

function notEntered(dependency: AnyDependency, isCompiled: boolean): Error {
  return misuse('GENERATOR_NOT_ENTERED', partsOfDependency(dependency).name, isCompiled);
}

/** What a dependency or an endpoint is called with: the values that it has declared, and what all are given. */
export function contextOf(values: Values, { request, response, backgroundTasks }: Injected): never {
  values.request = request;
  values.response = response;
  values.backgroundTasks = backgroundTasks;
  return values as never;
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
  // It is in the cache before it runs, as it may inject itself.
  run.solved.add(solution);
  return solveAnew(solution, run);
}

async function waitFor(solution: Solution, as: string, values: Values): Promise<void> {
  values[as] = await solution.whenSolved();
}

const keys = new WeakMap<AnyDependency, WeakMap<AnyDependency, object>>();

/** Throws `DEPENDENCY_EXITED` for one that has exited when the request failed, or that needs one: there is no second one. */
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

/** A replacement has the place of the original, and not its value: a layer further out may have solved that. */
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

/** Calls the dependency. What it returns is waited for only where that is a promise, or has to be entered or disposed. */
function produce(solution: Solution, inner: Values, run: DependencyRun): Promise<unknown> | undefined {
  const { name, parts, isGenerator, need } = solution;
  const watch = run.timings?.begin(name);
  run.trace?.add(`${name} enter`);
  try {
    const produced = parts.produce(contextOf(inner, run.injected));
    if (isGenerator) return enter(solution, produced as AnyGenerator, run, watch);
    refuseUnentered(solution, produced);
    if (need.marker.dispose || isThenable(produced)) return receive(solution, produced, run, watch);
    solution.solve(produced);
  } catch (thrown) {
    run.reports.cameFrom(thrown, name);
    watch?.stop();
    throw thrown;
  }
  watch?.stop();
  return undefined;
}

/** A generator that a plain function has returned: nobody would run its exit code. */
function refuseUnentered({ parts, used, need }: Solution, produced: unknown): void {
  if (!isGenerator(produced)) return;
  if (!isGeneratorObject(produced)) {
    if (looksCompiled(parts.produce)) throw notEntered(used, true);
    return;
  }
  // A mock of a generator function is a plain one: what it gives was to be entered.
  if (need.isGenerator) throw notEntered(need.marker.dependency, false);
}

async function enter(
  solution: Solution,
  generator: AnyGenerator,
  run: DependencyRun,
  watch: Stopwatch | undefined,
): Promise<void> {
  try {
    const value = yieldedOf(await generator.next(), solution.name);
    const context = new GeneratorContext(solution, generator);
    // What has an exit goes onto the stack before anything else can fail.
    const refused = run.exits.push(context);
    if (refused) throw await refusedWith(value, refused);
    context.value = isThenable(value) ? await value : value;
    solution.solve(context.value);
  } catch (thrown) {
    throw failed(solution, thrown, run);
  } finally {
    watch?.stop();
  }
}

function refusedWith(yielded: unknown, refused: Promise<Error>): Promise<Error> {
  // A sync generator may have yielded a promise, which nobody waits for then.
  Promise.resolve(yielded).catch(() => undefined);
  return refused;
}

async function receive(
  solution: Solution,
  produced: unknown,
  run: DependencyRun,
  watch: Stopwatch | undefined,
): Promise<void> {
  try {
    const value = await produced;
    const refused = solution.need.marker.dispose ? disposeLater(solution, value, run) : undefined;
    if (refused) throw await refused;
    solution.solve(value);
  } catch (thrown) {
    throw failed(solution, thrown, run);
  } finally {
    watch?.stop();
  }
}

function failed(solution: Solution, thrown: unknown, run: DependencyRun): unknown {
  run.reports.cameFrom(thrown, solution.name);
  solution.fail(thrown);
  return thrown;
}

/** Once, also where another dependency hands it on or has yielded it: then the exit of that one is enough. */
function disposeLater(solution: Solution, value: unknown, run: DependencyRun): Promise<Error> | undefined {
  const dispose = disposerOf(value);
  if (!dispose) throw misuse('NOT_DISPOSABLE', solution.name, value);
  if (run.exits.ends(value)) return undefined;
  return run.exits.push(new DisposableContext(solution, value, dispose));
}
