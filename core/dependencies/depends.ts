import type { BackgroundTasks } from '../background/background-tasks.js';
import { misuse, nameOf } from '../errors.js';
import type { InjectedResponse } from '../http/injected-response.js';
import type { Request } from '../http/request.js';

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
const markerBrand = Symbol.for('callnext.Depends');
const dependencyBrand = Symbol.for('callnext.dependency');

/** A declared dependency on a value of type `T`. Made by `Depends(…)`. */
export interface Depends<out T> {
  readonly [valueType]?: T;
  readonly [markerBrand]: true;
  readonly dependency: AnyDependency;
  readonly useCache: boolean;
  readonly scope: DependencyScope | undefined;
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
export interface DeclaredDependency<Produced> {
  readonly [dependencyBrand]: true;
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

/**
 * Declares that an endpoint, a dependency or a layer needs a value.
 *
 * `dependency` is a function, an async function, a generator or an async generator function of
 * `{ request, response, backgroundTasks }`, or a `dependency(…)` that declares more. A generator yields its value once;
 * what follows the `yield` is its exit code. One value per request, dependency and scope, unless `useCache` is `false`.
 *
 * Throws `DEPENDENCY_NOT_A_FUNCTION` and `INVALID_SCOPE`. FastAPI's `Depends`.
 */
export function Depends<Produced>(
  dependency: ((context: Injected) => Produced) | DeclaredDependency<Produced>,
  options: { useCache?: boolean; scope?: DependencyScope } = {},
): Depends<ValueOf<Produced>> {
  if (typeof dependency !== 'function' && !isDeclared(dependency)) {
    throw misuse('DEPENDENCY_NOT_A_FUNCTION', dependency);
  }
  if (options.scope !== undefined) checkedScope(options.scope);
  return Object.freeze({
    [markerBrand]: true as const,
    dependency: dependency as AnyDependency,
    useCache: options.useCache ?? true,
    scope: options.scope,
  });
}

/**
 * A dependency that has dependencies of its own.
 *
 * ```ts
 * const getUser = dependency({ db: Depends(getDb) }, async ({ db, request }) => db.userOf(request));
 * ```
 */
export function dependency<D extends Dependencies, Produced>(
  dependencies: D,
  call: (context: Solved<D> & Injected) => Produced,
): DeclaredDependency<Produced> {
  if (typeof call !== 'function') throw misuse('DEPENDENCY_NOT_A_FUNCTION', call);
  checkNames(dependencies, nameOf(call));
  return Object.freeze({ [dependencyBrand]: true as const, name: nameOf(call), dependencies, produce: call });
}

/** Throws `DEPENDENCIES`, `DEPENDS_EXPECTED` and `DEPENDENCY_NAME`. */
export function checkNames(dependencies: unknown, owner: string): void {
  if (typeof dependencies !== 'object' || dependencies === null) throw misuse('DEPENDENCIES', dependencies);
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

function isDeclared(value: unknown): value is DeclaredDependency<unknown> {
  return typeof value === 'object' && value !== null && dependencyBrand in value;
}

const none: Dependencies = Object.freeze({});

/** What a dependency calls and what it needs, in whichever form it was given. */
export function partsOfDependency(dependency: AnyDependency): {
  name: string;
  produce: (context: never) => unknown;
  dependencies: Dependencies;
} {
  if (isDeclared(dependency)) return dependency;
  return { name: nameOf(dependency), produce: dependency, dependencies: none };
}
