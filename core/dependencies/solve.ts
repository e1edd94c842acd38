import { misuse } from '../errors.js';
import type { Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import type { GraphRun } from './dependency-graph.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  type Depends,
  type Injected,
  nameOfDependency,
  noDependencies,
  partsOfDependency,
} from './depends.js';
import type { Exit, ExitStack, Place, Slot } from './exit-stack.js';
import {
  type AnyGenerator,
  DisposableContext,
  disposerOf,
  GeneratorContext,
  isGenerator,
} from './generator-context.js';
import { isGeneratorFunction, isGeneratorObject, looksCompiled } from './generator-function.js';

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

const noExits: readonly Exit[] = [];

/**
 * The values solved so far: one for each dependency and place. One that is being solved is there as its
 * promise, so that native code that injects two at once gets what they share only once.
 */
export class DependencyCache {
  #values: Map<object, Map<Place, unknown>> | undefined;
  #exited: readonly Exit[] = noExits;

  has(dependency: object, place: Place): boolean {
    return this.#values?.get(dependency)?.has(place) ?? false;
  }

  get(dependency: object, place: Place): unknown {
    return this.#values?.get(dependency)?.get(place);
  }

  /** The first value stays, also where later ones are made with `useCache: false`. */
  add(dependency: object, place: Place, value: unknown): void {
    this.#values ??= new Map();
    const byPlace = this.#values.get(dependency);
    if (byPlace === undefined) this.#values.set(dependency, new Map([[place, value]]));
    else if (!byPlace.has(place)) byPlace.set(place, value);
  }

  /** The request has failed, and these have exited. */
  clear(left: readonly Exit[]): void {
    this.#values = undefined;
    if (left.length > 0) this.#exited = [...this.#exited, ...left];
  }

  /** Whether values have exited because the request failed. */
  get hasExits(): boolean {
    return this.#exited.length > 0;
  }

  /** Whether the value of this one has. */
  hasExited(dependency: object, place: Place): boolean {
    return this.#exited.some(exit => exit.key === dependency && exit.place === place);
  }

  /** The request goes on as if it had not failed. */
  forgetExited(): void {
    this.#exited = noExits;
  }

  /** A promise that was added has come to its value, or to nothing. */
  settle(dependency: object, place: Place, pending: unknown, value?: { value: unknown }): void {
    const byPlace = this.#values?.get(dependency);
    if (byPlace === undefined || byPlace.get(place) !== pending) return;
    if (value) byPlace.set(place, value.value);
    else byPlace.delete(place);
  }
}

/**
 * Solves dependencies whose graph has been checked, depth first and one after the other, in the order in which they are declared.
 * Resolves with the values by name. The first one that throws ends it; those entered before stay on the exit stack.
 */
export async function solveDependencies(
  dependencies: Dependencies,
  run: DependencyRun,
): Promise<Record<string, unknown>> {
  const values = noValues();
  for (const [name, marker] of Object.entries(dependencies)) values[name] = await solveOne(name, marker, run);
  return values;
}

/**
 * Throws `GENERATOR_NOT_ENTERED` where dependencies whose values are given to nobody, as those of a layer,
 * have made a generator that nobody will begin: a guard is not to be passed like that.
 */
export function refuseUnbegun(dependencies: Dependencies, values: Record<string, unknown>): void {
  for (const name in values) {
    const marker = dependencies[name];
    if (marker && isGeneratorObject(values[name])) throw notEntered(marker.dependency, false);
  }
}

function notEntered(dependency: AnyDependency, isCompiled: boolean): Error {
  return misuse('GENERATOR_NOT_ENTERED', partsOfDependency(dependency).name, isCompiled);
}

/** Without a prototype, every name is only a name. */
function noValues(): Record<string, unknown> {
  return Object.create(null);
}

/** What a dependency or an endpoint is called with: the values that it has declared, and what all are given. */
export function contextOf(
  values: Record<string, unknown>,
  { request, response, backgroundTasks }: Injected,
): never {
  values.request = request;
  values.response = response;
  values.backgroundTasks = backgroundTasks;
  return values as never;
}

/** Throws what refuses it, and rejects with what it throws. */
function solveOne(declaredAs: string, marker: Depends<unknown>, run: DependencyRun): unknown {
  const scope = marker.scope ?? run.defaultScope;
  const used = run.overrideOf(marker.dependency);
  const key = keyOf(marker.dependency, used);
  const place = placeOf(marker, scope);
  if (marker.useCache && run.solved.has(key, place)) return run.solved.get(key, place);
  if (run.exits.refusal) throw run.exits.refusal;
  // What takes the place of a dependency has its name: in errors, and in the order that a test looks at.
  const name = nameOfDependency(marker.dependency, declaredAs);
  const pending = solveAnew({ name, scope, key, place }, used, marker, run);
  run.solved.add(key, place, pending);
  return settled(key, place, pending, run.solved);
}

async function settled(
  key: object,
  place: Place,
  pending: Promise<unknown>,
  solved: DependencyCache,
): Promise<unknown> {
  try {
    const value = await pending;
    solved.settle(key, place, pending, { value });
    return value;
  } catch (thrown) {
    solved.settle(key, place, pending);
    throw thrown;
  }
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

async function solveAnew(
  slot: Slot,
  used: AnyDependency,
  { dependency, dispose }: Depends<unknown>,
  run: DependencyRun,
): Promise<unknown> {
  const { produce, dependencies } = partsOfDependency(used);
  const needsNone = dependencies === noDependencies;
  // It is in the cache before it runs, as it may inject itself: what is below it is waited for, and so is nothing.
  const values = await (needsNone ? noValues() : solveDependencies(dependencies, run));
  const watch = run.timings?.begin(slot.name);
  run.trace?.add(`${slot.name} enter`);
  try {
    const produced = produce(contextOf(values, run.injected));
    if (isGeneratorFunction(produce))
      return await enter(new GeneratorContext(slot, produced as AnyGenerator), run);
    if (isGenerator(produced) && !isGeneratorObject(produced) && looksCompiled(produce))
      throw notEntered(used, true);
    // A mock of a generator function is a plain one: what it gives was to be entered.
    if (isGeneratorObject(produced) && isGeneratorFunction(partsOfDependency(dependency).produce))
      throw notEntered(dependency, false);
    const value = await produced;
    const refused = dispose ? disposeLater(slot, value, run) : undefined;
    if (refused) throw await refused;
    return value;
  } catch (thrown) {
    run.reports.cameFrom(thrown, slot.name);
    throw thrown;
  } finally {
    watch?.stop();
  }
}

/** What has an exit goes onto the stack before anything else can fail. */
async function enter(generator: GeneratorContext, run: DependencyRun): Promise<unknown> {
  const yielded = await generator.enter();
  const refused = run.exits.push(generator);
  if (refused) {
    // A sync generator may have yielded a promise, which nobody waits for then.
    Promise.resolve(yielded.value).catch(() => undefined);
    throw await refused;
  }
  generator.value = await yielded.value;
  return generator.value;
}

/** Once, also where another dependency hands it on or has yielded it: then the exit of that one is enough. */
function disposeLater(slot: Slot, value: unknown, run: DependencyRun): Promise<Error> | undefined {
  const dispose = disposerOf(value);
  if (!dispose) throw misuse('NOT_DISPOSABLE', slot.name, value);
  if (run.exits.ends(value)) return undefined;
  return run.exits.push(new DisposableContext(slot, value, dispose));
}
