import type { BackgroundTasks } from '../background/background-tasks.js';
import { isClass, isFactory, misuse, nameOf } from '../errors.js';
import type { InjectedResponse } from '../http/injected-response.js';
import type { Request } from '../http/request.js';
import { checkOption, checkOptions, noOptions, type OptionNames } from '../options.js';
import { isGeneratorFunction } from './generator-function.js';

/**
 * How long what a dependency yields lives: until the endpoint has its result (`function`), until the response is sent
 * (`request`), or until the background tasks are through (`background`).
 */
export type DependencyScope = 'function' | 'request' | 'background';

/** What every dependency and endpoint is given beside what it declares. */
export interface Injected {
  readonly request: Request;
  readonly response: InjectedResponse;
  readonly backgroundTasks: BackgroundTasks;
}

/** The names of `Injected`; a dependency can not have one of them. */
export const injectedNames: readonly string[] = ['request', 'response', 'backgroundTasks'];

declare const valueType: unique symbol;
declare const needsType: unique symbol;
declare const livesType: unique symbol;
const markerBrand = Symbol.for('callnext.Depends');
const dependencyBrand = Symbol.for('callnext.dependency');

/** A scope, or that of the layer. */
type Lifetime = DependencyScope | 'default';

/**
 * A declared dependency on a value of type `T`, which lives as long as `Lives` says where the types can tell. Made by `Depends(…)`.
 */
export interface Depends<out T, out Lives extends Lifetime = Lifetime> {
  readonly [valueType]?: T;
  readonly [livesType]?: Lives;
  readonly [markerBrand]: true;
  readonly dependency: AnyDependency;
  readonly useCache: boolean;
  readonly scope: DependencyScope | undefined;
  /** Whether the value of a plain function is disposed at the end of the scope. */
  readonly dispose: boolean;
}

/** Dependencies by the name under which they are given. */
export type Dependencies = Readonly<Record<string, Depends<unknown>>>;

/** The values of dependencies, by name. */
export type Solved<D extends Dependencies> = {
  [Name in keyof D]: D[Name] extends Depends<infer T> ? T : never;
};

/**
 * A dependency that declares others. Made by `dependency(…)`.
 * Its function is not named `call`: every function has a member of that name, and inference would take that one.
 */
export interface DeclaredDependency<out Produced, out Needs extends DependencyScope = DependencyScope> {
  readonly [needsType]?: Needs;
  readonly [dependencyBrand]: true;
  /** That of its function; empty where it has none. */
  readonly name: string;
  readonly dependencies: Dependencies;
  readonly produce: (context: never) => Produced;
}

/** A dependency in the form in which it was given: the key of caches and overrides. */
export type AnyDependency = ((context: Injected) => unknown) | DeclaredDependency<unknown>;

/** The value of what a dependency returns: what a generator yields, what a promise resolves with, or the thing itself. */
export type ValueOf<Produced> =
  Produced extends AsyncGenerator<infer T, unknown, never>
    ? T
    : Produced extends Generator<infer T, unknown, never>
      ? Awaited<T>
      : Awaited<Produced>;

/** The scope of those that a dependency needs which exits first, of those that name one; `background` where none does. */
type Narrowest<D extends Dependencies> =
  'function' extends LivesOf<D> ? 'function' : 'request' extends LivesOf<D> ? 'request' : 'background';

type LivesOf<D extends Dependencies> = {
  [Name in keyof D]: D[Name] extends Depends<unknown, infer Lives> ? Lives : never;
}[keyof D];

type AnyGeneratorType = AsyncGenerator<unknown, unknown, never> | Generator<unknown, unknown, never>;

/** Whether there is something to run at the end of its scope. */
type HasExit<Produced, Dispose> = Produced extends AnyGeneratorType
  ? true
  : Dispose extends true
    ? true
    : false;

/**
 * How long a value lives: with an exit as its scope says, and what a plain function hands on as what it was
 * given.
 */
type LivesAs<
  Produced,
  Needs extends DependencyScope,
  Scope extends DependencyScope | undefined,
  Dispose,
> = Scope extends DependencyScope ? Scope : HasExit<Produced, Dispose> extends true ? 'default' : Needs;

type Wider = { function: 'request' | 'background'; request: 'background'; background: never };

/**
 * What has an exit can not outlive what it needs: the types refuse what the check refuses when an endpoint is
 * built.
 */
type Allowed<Produced, Needs extends DependencyScope, Dispose> =
  HasExit<Produced, Dispose> extends true ? Exclude<DependencyScope, Wider[Needs]> : DependencyScope;

/**
 * Only what a plain function gives, and always knows how to be disposed, may be. Where nothing is known, it
 * may.
 */
type MayDispose<Produced> = 0 extends 1 & Produced
  ? boolean
  : [Produced] extends [AnyGeneratorType]
    ? false
    : [Awaited<Produced>] extends [AsyncDisposable | Disposable]
      ? boolean
      : false;

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
 * Throws `DEPENDENCY_NOT_A_FUNCTION`, `INVALID_SCOPE`, `DEPENDENCY_DISPOSE`, `PARAMETERS`, `UNCALLED` and
 * `UNKNOWN_OPTION`. FastAPI's `Depends`.
 */
export function Depends<
  Produced,
  const Scope extends DependencyScope | undefined = undefined,
  const Dispose extends MayDispose<Produced> | undefined = undefined,
>(
  dependency: (context: Injected) => Produced,
  options?: DependsOptions<Scope, Dispose>,
): Depends<ValueOf<Produced>, LivesAs<Produced, 'background', NoInfer<Scope>, NoInfer<Dispose>>>;
export function Depends<
  Produced,
  Needs extends DependencyScope,
  const Scope extends Allowed<Produced, Needs, Dispose> | undefined = undefined,
  const Dispose extends MayDispose<Produced> | undefined = undefined,
>(
  dependency: DeclaredDependency<Produced, Needs>,
  options?: DependsOptions<Scope, Dispose>,
): Depends<ValueOf<Produced>, LivesAs<Produced, Needs, NoInfer<Scope>, NoInfer<Dispose>>>;
export function Depends(dependency: AnyDependency, options: DependsOptions = noOptions): Depends<unknown> {
  checkDependency(dependency);
  if (options !== noOptions) checkDependsOptions(options);
  const { useCache = true, scope, dispose = false } = options;
  if (scope !== undefined) checkedScope(scope);
  const { name, produce } = partsOfDependency(dependency);
  if (typeof dispose !== 'boolean' || (dispose && isGeneratorFunction(produce)))
    throw misuse('DEPENDENCY_DISPOSE', name, dispose);
  return Object.freeze({ [markerBrand]: true as const, dependency, useCache, scope, dispose });
}

/**
 * Whether there is something to run at the end of the scope of a marker, where `produce` is what makes its
 * value.
 */
export function hasExit({ dispose }: Depends<unknown>, produce: unknown): boolean {
  return dispose || isGeneratorFunction(produce);
}

/**
 * A dependency that has dependencies of its own.
 *
 * ```ts
 * const getUser = dependency({ db: Depends(getDb) }, async ({ db, request }) => db.userOf(request));
 * ```
 */
export function dependency<D extends Dependencies, Produced>(
  dependencies: Named<D>,
  call: (context: Solved<D> & Injected) => Produced,
): DeclaredDependency<Produced, Narrowest<D>> {
  checkDependencies('dependency', dependencies);
  if (typeof call !== 'function') throw misuse('DEPENDENCY_NOT_A_FUNCTION', call);
  checkDependency(call);
  const name = nameOf(call, '');
  checkNames(dependencies, name || 'dependency');
  return Object.freeze({ [dependencyBrand]: true as const, name, dependencies, produce: call });
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
  if (scope === 'function' || scope === 'request' || scope === 'background') return scope;
  throw misuse('INVALID_SCOPE', scope);
}

export function isDepends(value: unknown): value is Depends<unknown> {
  return typeof value === 'object' && value !== null && markerBrand in value;
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

function isDeclared(value: unknown): value is DeclaredDependency<unknown> {
  return typeof value === 'object' && value !== null && dependencyBrand in value;
}

export const noDependencies: Dependencies = Object.freeze({});

/** What a dependency calls and what it needs, in whichever form it was given. */
export function partsOfDependency(dependency: AnyDependency): {
  name: string;
  produce: (context: never) => unknown;
  dependencies: Dependencies;
} {
  if (isDeclared(dependency)) return dependency;
  return { name: nameOf(dependency, ''), produce: dependency, dependencies: noDependencies };
}

/** What a dependency is called in errors and in the order: by its function, or by its key where it is declared. */
export function nameOfDependency(dependency: AnyDependency, key: string): string {
  return (isDeclared(dependency) ? dependency.name : nameOf(dependency, '')) || key;
}

/**
 * The names of those that are disposed, of these and of what they need, each once, in the order in which they
 * are entered.
 */
export function disposedIn(dependencies: Dependencies): string[] {
  const names = new Set<string>();
  const seen = new Set<Depends<unknown>>();
  const visit = (marker: Depends<unknown>): void => {
    if (seen.has(marker)) return;
    seen.add(marker);
    const { name, dependencies: inner } = partsOfDependency(marker.dependency);
    Object.values(inner).forEach(visit);
    if (marker.dispose) names.add(name);
  };
  Object.values(dependencies).forEach(visit);
  return [...names];
}
