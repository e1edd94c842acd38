import type { GraphRun } from './dependency-graph.js';
import {
  type AnyDependency,
  type DeclaredDependency,
  declaredOf,
  dependsIn,
  type Injected,
  isDeclared,
  isDepends,
  markerOf,
  noDependencies,
} from './marker.js';

/** A request's overrides: one may read scopes that its original does not. */
type Overriding = Pick<GraphRun, 'hasOverrides' | 'overrideOf'>;

/** The scopes that each `Security(…)` requires, from the endpoint down to the dependency that reads them. */
export interface SecurityScopes {
  readonly scopes: readonly string[];
  /** The scopes joined with spaces. */
  readonly scopeStr: string;
}

/**
 * A dependency whose value is the scopes that apply at its place in the tree. FastAPI's `SecurityScopes`.
 *
 * ```ts
 * const getUser = dependency(
 *   { required: Depends(SecurityScopes), token: Depends(oauth2) },
 *   ({ required, token }) => users.verify(token, required.scopes),
 * );
 * ```
 */
export const SecurityScopes: DeclaredDependency<SecurityScopes, 'background', Injected> = scopesOf([]);

function scopesOf(scopes: readonly string[]): DeclaredDependency<SecurityScopes, 'background', Injected> {
  const value = Object.freeze({ scopes: Object.freeze([...scopes]), scopeStr: scopes.join(' ') });
  return declaredOf({ name: 'SecurityScopes', dependencies: noDependencies, produce: () => value });
}

const used = new WeakMap<AnyDependency, boolean>();
const bound = new WeakMap<AnyDependency, Map<string, AnyDependency>>();

/** Whether a dependency, or one that it needs, reads the scopes. */
function usesScopes(dependency: AnyDependency, run: Overriding): boolean {
  if (dependency === SecurityScopes) return true;
  if (!isDeclared(dependency)) return false;
  const known = run.hasOverrides ? undefined : used.get(dependency);
  if (known !== undefined) return known;
  const uses = dependsIn(dependency.dependencies).some(([, marker]) =>
    usesScopes(run.overrideOf(marker.dependency), run),
  );
  if (!run.hasOverrides) used.set(dependency, uses);
  return uses;
}

/**
 * The dependency to solve at a place with these scopes: the same for equal scopes, and the dependency itself
 * if it does not read them.
 */
export function withScopes(
  dependency: AnyDependency,
  scopes: readonly string[] | undefined,
  run: Overriding,
): AnyDependency {
  if (scopes === undefined || !usesScopes(dependency, run)) return dependency;
  const ofScopes = bound.get(dependency) ?? new Map<string, AnyDependency>();
  bound.set(dependency, ofScopes);
  const key = JSON.stringify(scopes);
  const made = ofScopes.get(key) ?? bind(dependency, scopes);
  ofScopes.set(key, made);
  return made;
}

function bind(dependency: AnyDependency, scopes: readonly string[]): AnyDependency {
  if (dependency === SecurityScopes || !isDeclared(dependency)) return scopesOf(scopes);
  const { name, produce, dependencies } = dependency;
  const entries = Object.entries(dependencies).map(([key, marker]) => {
    if (!isDepends(marker)) return [key, marker] as const;
    const all = [...new Set([...scopes, ...(marker.scopes ?? [])])];
    return [key, markerOf(marker.dependency, marker.useCache, marker.scope, marker.dispose, all)] as const;
  });
  return declaredOf({ name, produce, dependencies: Object.fromEntries(entries) });
}
