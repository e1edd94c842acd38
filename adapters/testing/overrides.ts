import {
  type AnyDependency,
  type AppContext,
  checkOverride,
  type DeclaredDependency,
  type Injected,
  isLayer,
  type Layer,
  misuse,
  type ValueOf,
} from '../../core/adapter.js';

/** Removes an override: call it, or let `using` do so. */
export interface Restore extends Disposable {
  (): void;
}

/** A valid override of a dependency that produces `Produced`: any dependency with the same type of value. */
export type Replacement<Produced, Context = Injected> =
  | ((context: Context) => Gives<ValueOf<Produced>>)
  | DeclaredDependency<Gives<ValueOf<Produced>>>;

type Gives<T> = T | Promise<T> | Generator<T, unknown, never> | AsyncGenerator<T, unknown, never>;

/** The overrides of one dependency, the last one in force, and the override that existed before them. */
interface Place {
  readonly before: AnyDependency | undefined;
  readonly replacements: { readonly replacement: AnyDependency }[];
}

const places = new WeakMap<Layer, Map<AnyDependency, Place>>();

/**
 * Overrides a dependency until it is restored.
 *
 * ```ts
 * const restore = override(layer, getDb, () => fakeDb);
 * afterEach(restore);
 * ```
 *
 * Or `using _ = override(…)`. Overrides of one dependency may be restored in any order: the latest remaining
 * one applies, and finally the state before them. Throws `OVERRIDE`. FastAPI's
 * `app.dependency_overrides[get_db] = …`.
 */
export function override<Produced>(
  layer: Layer,
  dependency: ((context: Injected) => Produced) | DeclaredDependency<Produced>,
  replacement: Replacement<NoInfer<Produced>>,
): Restore;
export function override<Produced>(
  layer: Layer,
  dependency: (context: AppContext) => Produced,
  replacement: Replacement<NoInfer<Produced>, AppContext>,
): Restore;
export function override(layer: Layer, dependency: AnyDependency, replacement: AnyDependency): Restore {
  if (!isLayer(layer)) throw misuse('OVERRIDE', 'layer', layer);
  checkOverride(dependency, replacement);
  const overrides = layer.dependencyOverrides;
  const ofLayer = places.get(layer) ?? new Map<AnyDependency, Place>();
  places.set(layer, ofLayer);
  const place = ofLayer.get(dependency) ?? { before: overrides.get(dependency), replacements: [] };
  ofLayer.set(dependency, place);
  const { before, replacements } = place;
  const own = { replacement };
  replacements.push(own);
  overrides.set(dependency, own.replacement);
  const restore = (): void => {
    const index = replacements.indexOf(own);
    if (index < 0) return;
    replacements.splice(index, 1);
    if (replacements.length === 0) ofLayer.delete(dependency);
    const inForce = replacements.at(-1)?.replacement ?? before;
    if (inForce) overrides.set(dependency, inForce);
    else overrides.delete(dependency);
  };
  return Object.assign(restore, { [Symbol.dispose]: restore });
}
