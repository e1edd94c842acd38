import type { GraphRun } from './dependency-graph.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  type Depends,
  type Injected,
  partsOfDependency,
} from './depends.js';
import type { ExitStack } from './exit-stack.js';
import { DisposableContext, disposerOf, GeneratorContext, isGenerator } from './generator-context.js';

/** What of a request its dependencies share. */
export interface DependencyRun extends GraphRun {
  readonly injected: Injected;
  readonly exits: ExitStack;
  readonly solved: DependencyCache;
}

/**
 * The values solved so far: one for each dependency and scope. One that is being solved is there as its promise, so that
 * native code that injects two at once gets what they share only once.
 */
export class DependencyCache {
  #values: Map<AnyDependency, Map<DependencyScope, unknown>> | undefined;

  #owned: WeakSet<object> | undefined;

  has(dependency: AnyDependency, scope: DependencyScope): boolean {
    return this.#values?.get(dependency)?.has(scope) ?? false;
  }

  get(dependency: AnyDependency, scope: DependencyScope): unknown {
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
  add(dependency: AnyDependency, scope: DependencyScope, value: unknown): void {
    this.#values ??= new Map();
    const byScope = this.#values.get(dependency);
    if (byScope === undefined) this.#values.set(dependency, new Map([[scope, value]]));
    else if (!byScope.has(scope)) byScope.set(scope, value);
  }

  clear(): void {
    this.#values = undefined;
  }

  /** A promise that was added has come to its value, or to nothing. */
  settle(
    dependency: AnyDependency,
    scope: DependencyScope,
    pending: unknown,
    value?: { value: unknown },
  ): void {
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
  // Without a prototype, every name is only a name.
  const values: Record<string, unknown> = Object.create(null);
  for (const [name, marker] of Object.entries(dependencies)) values[name] = await solveOne(marker, run);
  return values;
}

async function solveOne(marker: Depends<unknown>, run: DependencyRun): Promise<unknown> {
  const scope = marker.scope ?? run.defaultScope;
  const { dependency } = marker;
  if (marker.useCache && run.solved.has(dependency, scope)) return run.solved.get(dependency, scope);
  if (run.exits.refusal) throw run.exits.refusal;
  const pending = solveAnew(run.overrideOf(dependency), scope, run);
  run.solved.add(dependency, scope, pending);
  try {
    const value = await pending;
    run.solved.settle(dependency, scope, pending, { value });
    return value;
  } catch (thrown) {
    run.solved.settle(dependency, scope, pending);
    throw thrown;
  }
}

async function solveAnew(used: AnyDependency, scope: DependencyScope, run: DependencyRun): Promise<unknown> {
  const { name, produce, dependencies } = partsOfDependency(used);
  const values = await solveDependencies(dependencies, run);
  const handedOn = new Set(Object.values(values));
  const produced = produce(Object.assign(values, run.injected) as never);
  return enter({ name, scope, handedOn }, produced, run);
}

interface Entering {
  readonly name: string;
  readonly scope: DependencyScope;
  /** The values of its own dependencies, which have exits of their own. */
  readonly handedOn: ReadonlySet<unknown>;
}

/** What has an exit goes onto the stack before anything else can fail. */
async function enter(
  { name, scope, handedOn }: Entering,
  produced: unknown,
  run: DependencyRun,
): Promise<unknown> {
  if (isGenerator(produced)) {
    const generator = new GeneratorContext(name, scope, produced);
    const yielded = await generator.enter();
    const refused = run.exits.push(generator);
    if (refused) throw await refused;
    const value = await yielded.value;
    run.solved.own(value);
    return value;
  }
  const value = await produced;
  const dispose = handedOn.has(value) ? undefined : disposerOf(value);
  if (dispose && run.solved.own(value)) {
    const refused = run.exits.push(new DisposableContext(name, scope, dispose));
    if (refused) throw await refused;
  }
  return value;
}
