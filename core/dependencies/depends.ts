import { isClass, isFactory, misuse, nameOf } from '../errors.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { isGeneratorFunction } from './generator-function.js';
import type { Allowed, LivesAs, MayDispose, Narrowest, ValueOf } from './lifetimes.js';
import {
  type AnyDependency,
  type AppContext,
  type DeclaredDependency,
  type Dependencies,
  type DependencyScope,
  declaredOf,
  dependsIn,
  type Injected,
  isDeclared,
  isMarker,
  type Lifetime,
  type Depends as Marker,
  markerOf,
  nameOfDependency,
  partsOfDependency,
  type RequestScope,
  type Solved,
} from './marker.js';
import { declarationOf, declareTogether } from './needs.js';
import { isParameter } from './parameter.js';

/** The names in `Injected`, which dependencies cannot use. */
const injectedNames: readonly string[] = ['request', 'response', 'backgroundTasks'];

/** A declared dependency on a value of type `T`. `Lives` is how long the value lives, if it is known. */
export interface Depends<out T, out Lives extends Lifetime = Lifetime> extends Marker<T, Lives> {}

/** The options of `Depends`. */
export interface DependsOptions<Scope = DependencyScope | undefined, Dispose = boolean | undefined> {
  /**
   * Whether one value is shared by all uses with the same scope and `dispose` in a request; `true` by
   * default.
   */
  useCache?: boolean;
  /** When the dependency exits; by default the layer's `defaultScope`. */
  scope?: Scope;
  /**
   * Whether a plain function's value is disposed at the end of the scope, with its `Symbol.asyncDispose` or
   * `Symbol.dispose`; `false` by default.
   */
  dispose?: Dispose;
}

/** The options of a dependency of scope `app`, whose value is always shared. */
interface AppOptions<Dispose> extends DependsOptions<'app', Dispose> {
  useCache?: true;
  scope: 'app';
}

/** Forbids the names of injected objects. */
type FreeNames = { readonly [Name in keyof Injected]?: never };

/** Dependencies whose names do not collide with injected objects. */
export type Named<D extends Dependencies> = D & FreeNames;

const knownOptions = { useCache: true, scope: true, dispose: true } satisfies OptionNames<DependsOptions>;

function checkDependsOptions(options: DependsOptions): void {
  checkOptions('Depends()', options, knownOptions);
  checkOption(
    'Depends()',
    'useCache',
    options.useCache,
    'true or false',
    value => typeof value === 'boolean',
  );
}

/**
 * Declares that an endpoint, a dependency or a layer needs a value.
 *
 * `dependency` is a function, an async function, a generator or an async generator function of `{ request,
 * response, backgroundTasks }`, or a `dependency(…)` that declares more. A generator yields its value once;
 * the code after the `yield` is its exit. A plain function's value is not closed, because all requests may
 * share it; use `Depends(openSession, { dispose: true })` for one that is opened per request.
 *
 * A dependency of scope `app` is entered once per layer, by `layer.start()` or by the first request that
 * needs it, and exits when the layer closes. It is a function of `{ signal, state }`.
 *
 * Throws `DEPENDENCY_NOT_A_FUNCTION`, `INVALID_SCOPE`, `DEPENDENCY_DISPOSE`, `PARAMETERS`, `UNCALLED`,
 * `UNKNOWN_OPTION` and `OPTION_VALUE`. FastAPI's `Depends`.
 */
export function Depends<Produced, const Dispose extends MayDispose<Produced> | undefined = undefined>(
  dependency: (context: AppContext) => Produced,
  options: AppOptions<Dispose>,
): Depends<ValueOf<Produced>, 'app'>;
export function Depends<Produced, const Dispose extends MayDispose<Produced> | undefined = undefined>(
  dependency: DeclaredDependency<Produced, 'app', Injected & AppContext>,
  options: AppOptions<Dispose>,
): Depends<ValueOf<Produced>, 'app'>;
export function Depends<
  Produced,
  Needs extends DependencyScope,
  const Scope extends Allowed<Produced, Needs, Dispose> | undefined = undefined,
  const Dispose extends MayDispose<Produced> | undefined = undefined,
>(
  dependency: DeclaredDependency<Produced, Needs, Injected>,
  options?: DependsOptions<Scope, Dispose>,
): Depends<ValueOf<Produced>, LivesAs<Produced, Needs, NoInfer<Scope>, NoInfer<Dispose>>>;
export function Depends<
  Produced,
  const Scope extends RequestScope | undefined = undefined,
  const Dispose extends MayDispose<Produced> | undefined = undefined,
>(
  dependency: (context: Injected) => Produced,
  options?: DependsOptions<Scope, Dispose>,
): Depends<ValueOf<Produced>, LivesAs<Produced, 'background', NoInfer<Scope>, NoInfer<Dispose>>>;
export function Depends(dependency: AnyDependency, options: DependsOptions = noOptions): Depends<unknown> {
  checkDependency(dependency);
  if (options !== noOptions) checkDependsOptions(options);
  const { useCache = true, scope, dispose = false } = options;
  if (scope !== undefined) checkedScope(scope);
  if (scope === 'app') checkOption('Depends()', 'useCache', useCache, 'true in scope "app"', isTrue);
  const { name, produce } = partsOfDependency(dependency);
  if (typeof dispose !== 'boolean' || (dispose && isGeneratorFunction(produce)))
    throw misuse('DEPENDENCY_DISPOSE', name, dispose);
  return markerOf(dependency, useCache, scope, dispose);
}

Depends.all = all;

/**
 * Declares several dependencies that are entered at once; by default, dependencies are entered one after the
 * other. The value is an object of their values. They exit one after the other, last declared first.
 *
 * ```ts
 * const both = Depends.all({ user: Depends(fetchUser), prices: Depends(fetchPrices) });
 * ```
 *
 * If one fails, the others finish entering first; then all exit with its exception. Errors of invalid
 * parameters are collected into one. Throws `DEPENDENCIES`, `DEPENDS_EXPECTED` and `DEPENDENCY_NAME`.
 */
function all<D extends Dependencies>(dependencies: Named<D>): Depends<Solved<D>, Narrowest<D>> {
  checkDependencies('Depends.all', dependencies);
  checkNames(dependencies, 'Depends.all');
  const together: Dependencies = declareTogether({ ...dependencies }, 'Depends.all');
  const entries = Object.entries(together);
  const produce = (values: Solved<D>): unknown =>
    Object.fromEntries(entries.map(([key]) => [key, values[key]]));
  const isOfApp = entries.every(([, marker]) => !isParameter(marker) && marker.scope === 'app');
  const declared = declaredOf({ name: '', dependencies: together, produce });
  return markerOf(declared, true, isOfApp ? 'app' : undefined, false) as never;
}

/**
 * Declares a dependency that has dependencies of its own.
 *
 * ```ts
 * const getUser = dependency({ db: Depends(getDb) }, async ({ db, request }) => db.userOf(request));
 * ```
 *
 * A dependency of scope `app` can only need others of that scope. To use `signal` or `state`, annotate the
 * parameter: `({ settings, signal }: { settings: Settings } & AppContext) => …`.
 */
export function dependency<D extends Dependencies, Produced>(
  dependencies: Named<D>,
  call: (context: Solved<D> & Injected) => Produced,
): DeclaredDependency<Produced, Narrowest<D>, Injected>;
export function dependency<D extends Readonly<Record<string, Marker<unknown, 'app'>>>, Produced>(
  dependencies: Named<D>,
  call: (context: Solved<D> & AppContext) => Produced,
): DeclaredDependency<Produced, 'app', AppContext>;
export function dependency(
  dependencies: Dependencies,
  call: (context: never) => unknown,
): DeclaredDependency<unknown> {
  checkDependencies('dependency', dependencies);
  if (typeof call !== 'function') throw misuse('DEPENDENCY_NOT_A_FUNCTION', call);
  checkDependency(call);
  const name = nameOf(call, '');
  checkNames(dependencies, name || 'dependency');
  return declaredOf({ name, dependencies, produce: call });
}

/** Throws `DEPENDENCIES`. */
export function checkDependencies(where: string, dependencies: unknown): asserts dependencies is object {
  const isObject = typeof dependencies === 'object' && dependencies !== null && !Array.isArray(dependencies);
  if (!isObject || isMarker(dependencies) || isDeclared(dependencies))
    throw misuse('DEPENDENCIES', where, dependencies);
}

/** Throws `DEPENDS_EXPECTED`, `DEPENDENCY_NAME`, `UNCALLED` and what parameters are refused with. */
export function checkNames(dependencies: object, owner: string): void {
  let hasParameters = false;
  for (const [name, marker] of Object.entries(dependencies)) {
    if (typeof marker === 'function' && isFactory(marker)) throw misuse('UNCALLED', nameOf(marker, name));
    if (!isMarker(marker)) throw misuse('DEPENDS_EXPECTED', name, owner, marker);
    if (injectedNames.includes(name)) throw misuse('DEPENDENCY_NAME', name, owner);
    hasParameters ||= isParameter(marker);
  }
  if (hasParameters) declarationOf(dependencies as Dependencies, owner);
}

export function checkedScope(scope: unknown): DependencyScope {
  return scope === 'app' ? scope : checkedDefaultScope(scope);
}

/** The default cannot be `app`: a dependency of that scope names it. */
export function checkedDefaultScope(scope: unknown): RequestScope {
  if (scope === 'function' || scope === 'request' || scope === 'background') return scope;
  throw misuse('INVALID_SCOPE', scope);
}

function isTrue(value: unknown): boolean {
  return value === true;
}

/** Functions already checked, because `inject(req, Depends(getDb))` runs in each request. */
const passed = new WeakSet<object>();

export function isDependency(value: unknown): value is AnyDependency {
  return typeof value === 'function' ? passed.has(value) || !isClass(value) : isDeclared(value);
}

/** Throws `DEPENDENCY_NOT_A_FUNCTION`, `PARAMETERS` and `UNCALLED`. */
function checkDependency(dependency: unknown): void {
  if (!isDependency(dependency)) throw misuse('DEPENDENCY_NOT_A_FUNCTION', dependency);
  if (typeof dependency !== 'function' || passed.has(dependency)) return;
  if (isFactory(dependency)) throw misuse('UNCALLED', nameOf(dependency, 'dependency'));
  if (dependency.length > 1) throw misuse('PARAMETERS', 'dependency', dependency);
  // Arrow functions are quickly distinguished from classes, and may be created for each request.
  if (Object.hasOwn(dependency, 'prototype')) passed.add(dependency);
}

/** The names of dependencies of a kind, nested ones included, each once, in the order they are entered. */
export function namesIn(
  dependencies: Dependencies,
  isOfKind: (marker: Depends<unknown>) => boolean,
): string[] {
  const names = new Set<string>();
  const seen = new Set<Depends<unknown>>();
  const visit = (key: string, marker: Depends<unknown>): void => {
    if (seen.has(marker)) return;
    seen.add(marker);
    for (const [inner, each] of dependsIn(partsOfDependency(marker.dependency).dependencies))
      visit(inner, each);
    if (isOfKind(marker)) names.add(nameOfDependency(marker.dependency, key));
  };
  for (const [key, each] of dependsIn(dependencies)) visit(key, each);
  return [...names];
}
