import type { BackgroundTasks } from '../background/background-tasks.js';
import { isGeneratorFunction, nameOf } from '../errors.js';
import type { InjectedResponse } from '../http/injected-response.js';
import type { Request } from '../http/request.js';
import type { RequestState } from '../http/request-init.js';

/** When a dependency that is entered for a request exits. */
export type RequestScope = 'function' | 'request' | 'background';

/**
 * When a dependency exits: when the endpoint has its result (`function`), when the response is sent
 * (`request`), when the background tasks have run (`background`), or when its layer is closed (`app`).
 */
export type DependencyScope = RequestScope | 'app';

/** What every dependency and endpoint is given beside what it declares. */
export interface Injected {
  readonly request: Request;
  readonly response: InjectedResponse;
  readonly backgroundTasks: BackgroundTasks;
}

/** What a dependency of scope `app` is given beside what it declares: there is no request. */
export interface AppContext {
  /** Aborts when the layer is closed: after its last task, or when the time of `close()` is up. */
  readonly signal: AbortSignal;
  /** What the layer's lifespan has yielded; empty for what the lifespan itself needs. */
  readonly state: RequestState;
}

declare const valueType: unique symbol;
declare const needsType: unique symbol;
declare const contextType: unique symbol;
declare const livesType: unique symbol;
const markerBrand = Symbol.for('callnext.Depends');
const dependencyBrand = Symbol.for('callnext.dependency');

/** A scope, or that of the layer. */
export type Lifetime = DependencyScope | 'default';

/**
 * A declared dependency on a value of type `T`, which lives as long as `Lives` where the types can tell. Made
 * by `Depends(…)`.
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
 * A dependency that declares others. Made by `dependency(…)`. `Context` is what it is given beside their
 * values. Its function is not named `call`: every function has a member of that name, and inference would
 * take that one.
 */
export interface DeclaredDependency<
  out Produced,
  out Needs extends DependencyScope = DependencyScope,
  in Context = never,
> {
  readonly [needsType]?: Needs;
  readonly [contextType]?: (context: Context) => void;
  readonly [dependencyBrand]: true;
  /** The name of its function; empty where it has none. */
  readonly name: string;
  readonly dependencies: Dependencies;
  readonly produce: (context: never) => Produced;
}

/** A dependency in the form in which it was given: the key of caches and overrides. */
export type AnyDependency =
  | ((context: Injected) => unknown)
  | ((context: AppContext) => unknown)
  | DeclaredDependency<unknown>;

/** What a dependency calls and what it needs, in whichever form it was given. */
export type DependencyParts = Pick<DeclaredDependency<unknown>, 'name' | 'produce' | 'dependencies'>;

export const noDependencies: Dependencies = Object.freeze({});

export function markerOf(
  dependency: AnyDependency,
  useCache: boolean,
  scope: DependencyScope | undefined,
  dispose: boolean,
): Depends<unknown> {
  return Object.freeze({ [markerBrand]: true as const, dependency, useCache, scope, dispose });
}

export function declaredOf<Produced>(
  parts: DependencyParts & { readonly produce: (context: never) => Produced },
): DeclaredDependency<Produced, never, unknown> {
  return Object.freeze({ [dependencyBrand]: true as const, ...parts });
}

export function isDepends(value: unknown): value is Depends<unknown> {
  return typeof value === 'object' && value !== null && markerBrand in value;
}

export function isDeclared(value: unknown): value is DeclaredDependency<unknown> {
  return typeof value === 'object' && value !== null && dependencyBrand in value;
}

export function partsOfDependency(dependency: AnyDependency): DependencyParts {
  if (isDeclared(dependency)) return dependency;
  return { name: nameOf(dependency, ''), produce: dependency, dependencies: noDependencies };
}

/**
 * The name of a dependency in errors and in the order: that of its function, or its key where it is declared.
 */
export function nameOfDependency(dependency: AnyDependency, key: string): string {
  return (isDeclared(dependency) ? dependency.name : nameOf(dependency, '')) || key;
}

/** Whether code runs at the end of the scope of a marker, where `produce` is what makes its value. */
export function hasExit({ dispose }: Depends<unknown>, produce: unknown): boolean {
  return dispose || isGeneratorFunction(produce);
}
