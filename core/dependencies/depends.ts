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
  type Injected,
  isDeclared,
  isDepends,
  type Lifetime,
  type Depends as Marker,
  markerOf,
  nameOfDependency,
  partsOfDependency,
  type RequestScope,
  type Solved,
} from './marker.js';
import { declareTogether } from './needs.js';

/** The names of `Injected`; a dependency cannot have one of them. */
const injectedNames: readonly string[] = ['request', 'response', 'backgroundTasks'];

/** A declared dependency on a value of type `T`, which lives as long as `Lives` where the types can tell. */
export interface Depends<out T, out Lives extends Lifetime = Lifetime> extends Marker<T, Lives> {}

/** How a dependency is used at one place. */
export interface DependsOptions<Scope = DependencyScope | undefined, Dispose = boolean | undefined> {
  /**
   * Whether the value of the same dependency, scope and `dispose` is shared in a request; `true` unless set.
   */
  useCache?: boolean;
  /** When it exits; the layer's `defaultScope` unless set. */
  scope?: Scope;
  /**
   * Whether the value of a plain function is disposed at the end of the scope, by its `Symbol.asyncDispose`
   * or `Symbol.dispose`; it is left alone unless set.
   */
  dispose?: Dispose;
}

/** How a dependency of scope `app` is used: its value is always shared. */
interface AppOptions<Dispose> extends DependsOptions<'app', Dispose> {
  useCache?: true;
  scope: 'app';
}

/** Names that are not those of what is injected anyway. */
type FreeNames = { readonly [Name in keyof Injected]?: never };

/** Dependencies by names that are free. */
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
 * what follows the `yield` is its exit code. The value of a plain function is left alone, as it may be shared
 * by all requests; one that is opened for the request is closed by `Depends(openSession, { dispose: true })`.
 *
 * One of scope `app` is entered once for a layer, by `layer.start()` or the first request that needs it, and
 * exits when the layer is closed. It is a function of `{ signal, state }`.
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
 * Declares several dependencies that are entered at once, where the default is one after the other. The value
 * is an object of their values. One that needs another waits for it. They exit one after the other, in the
 * reverse order of declaration.
 *
 * ```ts
 * const both = Depends.all({ user: Depends(fetchUser), prices: Depends(fetchPrices) });
 * ```
 *
 * If one fails, the others are waited for; then all exit with its exception. Throws `DEPENDENCIES`,
 * `DEPENDS_EXPECTED` and `DEPENDENCY_NAME`.
 */
function all<D extends Dependencies>(dependencies: Named<D>): Depends<Solved<D>, Narrowest<D>> {
  checkDependencies('Depends.all', dependencies);
  checkNames(dependencies, 'Depends.all');
  const together: Dependencies = declareTogether({ ...dependencies });
  const entries = Object.entries(together);
  const produce = (values: Solved<D>): unknown =>
    Object.fromEntries(entries.map(([key]) => [key, values[key]]));
  const isOfApp = entries.every(([, { scope }]) => scope === 'app');
  const declared = declaredOf({ name: '', dependencies: together, produce });
  return markerOf(declared, true, isOfApp ? 'app' : undefined, false) as never;
}

/**
 * A dependency that has dependencies of its own.
 *
 * ```ts
 * const getUser = dependency({ db: Depends(getDb) }, async ({ db, request }) => db.userOf(request));
 * ```
 *
 * One for the scope `app` needs only others of that scope. It names the type of `signal` and `state` where it
 * uses them: `({ settings, signal }: { settings: Settings } & AppContext) => …`.
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
  if (!isObject || isDepends(dependencies) || isDeclared(dependencies))
    throw misuse('DEPENDENCIES', where, dependencies);
}

/** Throws `DEPENDS_EXPECTED` and `DEPENDENCY_NAME`. */
export function checkNames(dependencies: object, owner: string): void {
  for (const [name, marker] of Object.entries(dependencies)) {
    if (!isDepends(marker)) throw misuse('DEPENDS_EXPECTED', name, owner, marker);
    if (injectedNames.includes(name)) throw misuse('DEPENDENCY_NAME', name, owner);
  }
}

export function checkedScope(scope: unknown): DependencyScope {
  return scope === 'app' ? scope : checkedDefaultScope(scope);
}

/** What lives as long as the app says so itself. */
export function checkedDefaultScope(scope: unknown): RequestScope {
  if (scope === 'function' || scope === 'request' || scope === 'background') return scope;
  throw misuse('INVALID_SCOPE', scope);
}

function isTrue(value: unknown): boolean {
  return value === true;
}

/** Functions that have passed: `inject(req, Depends(getDb))` comes with each request. */
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
  // An arrow function is told from a class at once, and may be made anew for each request.
  if (Object.hasOwn(dependency, 'prototype')) passed.add(dependency);
}

/** Names those of a kind, at any depth, each once, in the order in which they are entered. */
export function namesIn(
  dependencies: Dependencies,
  isOfKind: (marker: Depends<unknown>) => boolean,
): string[] {
  const names = new Set<string>();
  const seen = new Set<Depends<unknown>>();
  const visit = ([key, marker]: [string, Depends<unknown>]): void => {
    if (seen.has(marker)) return;
    seen.add(marker);
    Object.entries(partsOfDependency(marker.dependency).dependencies).forEach(visit);
    if (isOfKind(marker)) names.add(nameOfDependency(marker.dependency, key));
  };
  Object.entries(dependencies).forEach(visit);
  return [...names];
}
