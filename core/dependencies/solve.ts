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
import type { Exit, ExitStack } from './exit-stack.js';
import { DisposableContext, disposerOf, GeneratorContext, isGenerator } from './generator-context.js';

/** What of a request its dependencies share. */
export interface DependencyRun extends GraphRun {
  readonly injected: Injected;
  readonly exits: ExitStack;
  readonly solved: DependencyCache;
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  /** Notes which dependency has thrown this. */
  cameFrom(thrown: unknown, dependency: string): void;
}

const noExits: readonly Exit[] = [];

/**
 * The values solved so far: one for each dependency and scope. One that is being solved is there as its promise, so that
 * native code that injects two at once gets what they share only once.
 */
export class DependencyCache {
  #values: Map<object, Map<DependencyScope, unknown>> | undefined;
  #owned: WeakSet<object> | undefined;
  #exited: readonly Exit[] = noExits;

  has(dependency: object, scope: DependencyScope): boolean {
    return this.#values?.get(dependency)?.has(scope) ?? false;
  }

  get(dependency: object, scope: DependencyScope): unknown {
    return this.#values?.get(dependency)?.get(scope);
  }

  /** Whether this value is new to the request: what is disposed of once, or by a generator, is not disposed of again. */
  own(value: unknown): boolean {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
    this.#owned ??= new WeakSet();
    if (this.#owned.has(value)) return false;
    this.#owned.add(value);
    return true;
  }

  /** The first value stays, also where later ones are made with `useCache: false`. */
  add(dependency: object, scope: DependencyScope, value: unknown): void {
    this.#values ??= new Map();
    const byScope = this.#values.get(dependency);
    if (byScope === undefined) this.#values.set(dependency, new Map([[scope, value]]));
    else if (!byScope.has(scope)) byScope.set(scope, value);
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
  hasExited(dependency: object, scope: DependencyScope): boolean {
    return this.#exited.some(exit => exit.key === dependency && exit.scope === scope);
  }

  /** The request goes on as if it had not failed. */
  forgetExited(): void {
    this.#exited = noExits;
  }

  /** A promise that was added has come to its value, or to nothing. */
  settle(dependency: object, scope: DependencyScope, pending: unknown, value?: { value: unknown }): void {
    const byScope = this.#values?.get(dependency);
    if (byScope === undefined || byScope.get(scope) !== pending) return;
    if (value) byScope.set(scope, value.value);
    else byScope.delete(scope);
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
  if (marker.useCache && run.solved.has(key, scope)) return run.solved.get(key, scope);
  if (run.exits.refusal) throw run.exits.refusal;
  // What takes the place of a dependency has its name: in errors, and in the order that a test looks at.
  const name = nameOfDependency(marker.dependency, declaredAs);
  const pending = solveAnew(name, used, scope, key, run);
  run.solved.add(key, scope, pending);
  return settled(key, scope, pending, run.solved);
}

async function settled(
  key: object,
  scope: DependencyScope,
  pending: Promise<unknown>,
  solved: DependencyCache,
): Promise<unknown> {
  try {
    const value = await pending;
    solved.settle(key, scope, pending, { value });
    return value;
  } catch (thrown) {
    solved.settle(key, scope, pending);
    throw thrown;
  }
}

const keys = new WeakMap<AnyDependency, WeakMap<AnyDependency, object>>();

/** Throws `DEPENDENCY_EXITED` for one that has exited when the request failed, or that needs one: there is no second one. */
export function refuseExited(dependencies: Dependencies, run: DependencyRun): void {
  for (const [declaredAs, { dependency, scope, useCache }] of Object.entries(dependencies)) {
    const used = run.overrideOf(dependency);
    if (useCache && run.solved.hasExited(keyOf(dependency, used), scope ?? run.defaultScope))
      throw misuse('DEPENDENCY_EXITED', nameOfDependency(dependency, declaredAs));
    refuseExited(partsOfDependency(used).dependencies, run);
  }
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
  name: string,
  used: AnyDependency,
  scope: DependencyScope,
  key: object,
  run: DependencyRun,
): Promise<unknown> {
  const { produce, dependencies } = partsOfDependency(used);
  const needsNone = dependencies === noDependencies;
  // It is in the cache before it runs, as it may inject itself: what is below it is waited for, and so is nothing.
  const values = await (needsNone ? noValues() : solveDependencies(dependencies, run));
  const handedOn = needsNone ? none : Object.values(values);
  const watch = run.timings?.begin(name);
  run.trace?.add(`${name} enter`);
  try {
    const produced = produce(contextOf(values, run.injected));
    if (isGenerator(produced)) return await enter(new GeneratorContext(name, scope, key, produced), run);
    const value = await produced;
    const refused = handedOn.includes(value) ? undefined : disposeLater(name, scope, key, value, run);
    if (refused) throw await refused;
    return value;
  } catch (thrown) {
    run.cameFrom(thrown, name);
    throw thrown;
  } finally {
    watch?.stop();
  }
}

/** The values of its own dependencies, which have exits of their own. */
const none: readonly unknown[] = [];

/** Whether a value is the connection's, which a dependency has only handed out: its streams know how to be disposed. */
function isNative(value: unknown, raw: unknown): boolean {
  const { req, res } = (raw ?? {}) as { req?: { socket?: unknown }; res?: unknown };
  return [raw, req, res, req?.socket].includes(value);
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
  const value = await yielded.value;
  run.solved.own(value);
  return value;
}

function disposeLater(
  name: string,
  scope: DependencyScope,
  key: object,
  value: unknown,
  run: DependencyRun,
): Promise<Error> | undefined {
  const dispose = disposerOf(value);
  if (!dispose || isNative(value, run.injected.request.raw) || !run.solved.own(value)) return undefined;
  return run.exits.push(new DisposableContext(name, scope, key, dispose));
}
