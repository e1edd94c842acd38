import type { BackgroundTasks } from '../background/background-tasks.js';
import { isGeneratorFunction, nameOf } from '../errors.js';
import type { InjectedResponse } from '../http/injected-response.js';
import type { Request } from '../http/request.js';
import type { RequestState } from '../http/request-init.js';
import { isParameter, type Parameter } from './parameter.js';

/** The scopes of a dependency that is entered for each request. */
export type RequestScope = 'function' | 'request' | 'background';

/**
 * When a dependency exits: after the endpoint has returned (`function`), after the response is sent
 * (`request`), after the background tasks (`background`), or when its layer closes (`app`).
 */
export type DependencyScope = RequestScope | 'app';

/** The objects injected into every dependency and endpoint. */
export interface Injected<State extends object = RequestState> {
  readonly request: Request<State>;
  readonly response: InjectedResponse;
  readonly backgroundTasks: BackgroundTasks;
}

/** The objects injected into a dependency of scope `app`, which has no request. */
export interface AppContext {
  /** Aborts when the layer closes: after its last task, or after the `timeoutMs` of `close()`. */
  readonly signal: AbortSignal;
  /** What the layer's lifespan yielded. Empty for dependencies of the lifespan itself. */
  readonly state: RequestState;
}

declare const valueType: unique symbol;
declare const needsType: unique symbol;
declare const contextType: unique symbol;
declare const livesType: unique symbol;
const markerBrand = Symbol.for('callnext.Depends');
export const dependencyBrand: unique symbol = Symbol.for('callnext.dependency') as never;

/** A scope, or the layer's default. */
export type Lifetime = DependencyScope | 'default';

/**
 * A declared dependency on a value of type `T`, created by `Depends(…)`. `Lives` is how long the value lives,
 * if it is known.
 */
export interface Depends<out T, out Lives extends Lifetime = Lifetime> {
  readonly [valueType]?: T;
  readonly [livesType]?: Lives;
  readonly [markerBrand]: true;
  readonly dependency: AnyDependency;
  readonly useCache: boolean;
  readonly scope: DependencyScope | undefined;
  /** Whether a plain function's value is disposed at the end of the scope. */
  readonly dispose: boolean;
  /** The OAuth2 scopes of `Security(…)`. */
  readonly scopes: readonly string[] | undefined;
}

/** A dependency, or a parameter of the request. */
export type Declared<T> = Depends<T> | Parameter<T>;

/** Dependencies and parameters by name. */
export type Dependencies = Readonly<Record<string, Declared<unknown>>>;

/** The values of dependencies, by name. */
export type Solved<D extends Dependencies> = {
  [Name in keyof D]: D[Name] extends Depends<infer T> ? T : D[Name] extends Parameter<infer T> ? T : never;
};

/**
/**
 * A dependency that declares others, created by `dependency(…)`. `Context` is what its function receives
 * beside their values. The function is not named `call`, because inference would find the `call` of plain
 * functions.
 */
export interface DeclaredDependency<
  out Produced,
  out Needs extends DependencyScope = DependencyScope,
  in Context = never,
> {
  readonly [needsType]?: Needs;
  readonly [contextType]?: (context: Context) => void;
  readonly [dependencyBrand]: true;
  /** The name of its function, or an empty string. */
  readonly name: string;
  readonly dependencies: Dependencies;
  readonly produce: (context: never) => Produced;
}

/** A dependency as the user passed it: the key of caches and overrides. */
export type AnyDependency =
  | ((context: Injected) => unknown)
  | ((context: AppContext) => unknown)
  | DeclaredDependency<unknown>;

/** The function and the dependencies of a dependency in either form. */
export type DependencyParts = Pick<DeclaredDependency<unknown>, 'name' | 'produce' | 'dependencies'>;

export const noDependencies: Dependencies = Object.freeze({});

export function markerOf(
  dependency: AnyDependency,
  useCache: boolean,
  scope: DependencyScope | undefined,
  dispose: boolean,
  scopes?: readonly string[],
): Depends<unknown> {
  return Object.freeze({ [markerBrand]: true as const, dependency, useCache, scope, dispose, scopes });
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

/** Whether it is a marker of either kind. */
export function isMarker(value: unknown): value is Declared<unknown> {
  return isDepends(value) || isParameter(value);
}

/** What of declared dependencies is not a parameter, with its keys. */
export function dependsIn(dependencies: Dependencies): readonly (readonly [string, Depends<unknown>])[] {
  return Object.entries(dependencies).filter((entry): entry is [string, Depends<unknown>] =>
    isDepends(entry[1]),
  );
}

export function partsOfDependency(dependency: AnyDependency): DependencyParts {
  if (isDeclared(dependency)) return dependency;
  return { name: nameOf(dependency, ''), produce: dependency, dependencies: noDependencies };
}

/** The name of a dependency in errors and traces: that of its function, or the key it is declared under. */
export function nameOfDependency(dependency: AnyDependency, key: string): string {
  return (isDeclared(dependency) ? dependency.name : nameOf(dependency, '')) || key;
}

/** The name of a marker of either kind. */
export function nameOfMarker(marker: Declared<unknown>, key: string): string {
  return isParameter(marker) ? (marker.alias ?? key) : nameOfDependency(marker.dependency, key);
}

/** Whether a marker has an exit; `produce` creates its value. */
export function hasExit({ dispose }: Depends<unknown>, produce: unknown): boolean {
  return dispose || isGeneratorFunction(produce);
}
