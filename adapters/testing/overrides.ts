import type { AnyDependency, DeclaredDependency, Injected, Layer, ValueOf } from '../../core/index.js';

/** Ends what it stands for: call it, or let `using` do so. */
export interface Restore extends Disposable {
  (): void;
}

/** What may take the place of a dependency that produces `Produced`: whatever gives the same kind of value. */
export type Replacement<Produced> =
  | ((context: Injected) => Gives<ValueOf<Produced>>)
  | DeclaredDependency<Gives<ValueOf<Produced>>>;

type Gives<T> = T | Promise<T> | Generator<T, unknown, never> | AsyncGenerator<T, unknown, never>;

interface Placed {
  readonly replacement: AnyDependency;
}

/** What has been put in the place of each dependency, the last one in force. */
const placed = new WeakMap<Layer, Map<AnyDependency, Placed[]>>();

/**
 * Puts another dependency in the place of one, until it is restored.
 *
 * ```ts
 * const restore = override(layer, getDb, () => fakeDb);
 * afterEach(restore);
 * ```
 *
 * Or `using _ = override(…)`. Overrides of one dependency may be restored in any order; the last one that is left is in force, and in the end what was there
 * before. FastAPI's `app.dependency_overrides[get_db] = …`.
 */
export function override<Produced>(
  layer: Layer,
  dependency: ((context: Injected) => Produced) | DeclaredDependency<Produced>,
  replacement: Replacement<NoInfer<Produced>>,
): Restore {
  const overrides = layer.dependencyOverrides;
  const byDependency = placed.get(layer) ?? new Map<AnyDependency, Placed[]>();
  placed.set(layer, byDependency);
  const before = overrides.get(dependency);
  const stack = byDependency.get(dependency) ?? (before === undefined ? [] : [{ replacement: before }]);
  byDependency.set(dependency, stack);
  const own: Placed = { replacement: replacement as AnyDependency };
  stack.push(own);
  overrides.set(dependency, own.replacement);
  const restore = (): void => {
    const index = stack.indexOf(own);
    if (index < 0) return;
    stack.splice(index, 1);
    const last = stack.at(-1);
    if (last) overrides.set(dependency, last.replacement);
    else overrides.delete(dependency);
    if (stack.length <= (before === undefined ? 0 : 1)) byDependency.delete(dependency);
  };
  return Object.assign(restore, { [Symbol.dispose]: restore });
}
