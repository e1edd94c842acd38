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

/** Ends what it stands for: call it, or let `using` do so. */
export interface Restore extends Disposable {
  (): void;
}

/** What may take the place of a dependency that produces `Produced`: whatever gives the same kind of value. */
export type Replacement<Produced, Context = Injected> =
  | ((context: Context) => Gives<ValueOf<Produced>>)
  | DeclaredDependency<Gives<ValueOf<Produced>>>;

type Gives<T> = T | Promise<T> | Generator<T, unknown, never> | AsyncGenerator<T, unknown, never>;

/** What has been put in the place of one dependency, the last in force, and what was there before the first. */
interface Place {
  readonly before: AnyDependency | undefined;
  readonly replacements: { readonly replacement: AnyDependency }[];
}

const places = new WeakMap<Layer, Map<AnyDependency, Place>>();

/**
 * Puts another dependency in the place of one, until it is restored.
 *
 * ```ts
 * const restore = override(layer, getDb, () => fakeDb);
 * afterEach(restore);
 * ```
 *
 * Or `using _ = override(…)`. Overrides of one dependency may be restored in any order; the last one that is left is in force, and in the end what was there
 * before. Throws `OVERRIDE`. FastAPI's `app.dependency_overrides[get_db] = …`.
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
