import {
  type AnyDependency,
  type Dependencies,
  dependsIn,
  isDepends,
  partsOfDependency,
} from '../dependencies/marker.js';
import { isParameter } from '../dependencies/parameter.js';
import { schemeOf } from '../dependencies/security.js';
import type { DeclaredParameter } from '../params/declared-parameter.js';
import type { JsonObject } from './document-types.js';

/** A parameter, and the key under which it is declared. */
export interface KeyedParameter {
  readonly key: string;
  readonly parameter: DeclaredParameter;
}

/** The parameters and security of an operation, in FastAPI's order. */
export interface Flat {
  readonly parameters: readonly KeyedParameter[];
  /** The scopes of each scheme, by scheme name. */
  readonly security: ReadonlyMap<string, readonly string[]>;
  readonly schemes: ReadonlyMap<string, JsonObject>;
}

/**
 * Collects the parameters and the security schemes of an operation: its own, then those of the guards around
 * it, then those of its dependencies, depth first.
 */
export function flatten(own: Dependencies, guards: readonly Dependencies[]): Flat {
  const flat = new Flattening();
  flat.addParameters(own);
  for (const guard of guards) flat.add(guard, []);
  flat.addDependencies(own, []);
  return flat;
}

class Flattening implements Flat {
  readonly parameters: KeyedParameter[] = [];
  readonly security = new Map<string, string[]>();
  readonly schemes = new Map<string, JsonObject>();
  readonly #seen = new Map<AnyDependency, Set<string>>();

  add(dependencies: Dependencies, scopes: readonly string[]): void {
    this.addParameters(dependencies);
    this.addDependencies(dependencies, scopes);
  }

  addParameters(dependencies: Dependencies): void {
    for (const [key, marker] of Object.entries(dependencies))
      if (!isDepends(marker) && isParameter(marker))
        this.parameters.push({ key, parameter: marker as DeclaredParameter });
  }

  addDependencies(dependencies: Dependencies, outer: readonly string[]): void {
    for (const [, marker] of dependsIn(dependencies)) {
      const scopes = [...new Set([...outer, ...(marker.scopes ?? [])])];
      const seen = this.#seen.get(marker.dependency) ?? new Set();
      const place = scopes.join(' ');
      if (seen.has(place)) continue;
      this.#addScheme(marker.dependency, scopes);
      const isNew = seen.size === 0;
      this.#seen.set(marker.dependency, seen.add(place));
      const inner = partsOfDependency(marker.dependency).dependencies;
      if (isNew) this.addParameters(inner);
      this.addDependencies(inner, scopes);
    }
  }

  #addScheme(dependency: AnyDependency, scopes: readonly string[]): void {
    const security = schemeOf(dependency);
    if (security === undefined) return;
    const { schemeName, scheme } = security;
    this.schemes.set(schemeName, scheme);
    this.security.set(schemeName, [...new Set([...(this.security.get(schemeName) ?? []), ...scopes])]);
  }
}
