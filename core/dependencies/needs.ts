import { isGeneratorFunction } from '../errors.js';
import {
  type Dependencies,
  type DependencyParts,
  type DependencyScope,
  type Depends,
  dependsIn,
  nameOfDependency,
  partsOfDependency,
} from './marker.js';
import { isParameter, type NamedParameters, type ParameterReader } from './parameter.js';

/** One declared dependency, analysed once. */
export interface Need {
  readonly key: string;
  readonly marker: Depends<unknown>;
  readonly name: string;
  readonly parts: DependencyParts;
  readonly isGenerator: boolean;
}

/** Declared dependencies, analysed once, so that requests walk a list instead of the object. */
export interface Declaration {
  readonly needs: readonly Need[];
  /** Whether they are entered concurrently, by `Depends.all(…)`. */
  readonly areTogether: boolean;
  /** Reads the parameters declared with them, if any. */
  readonly parameters: ParameterReader | undefined;
  /** How the body is read if these are the outermost dependencies; created on first use. */
  bodyPlan: { readonly plan: unknown } | undefined;
  /** The default scopes for which the graph has been checked. */
  readonly checkedFor: Set<DependencyScope>;
}

const declarations = new WeakMap<Dependencies, Declaration>();

/** Returns the cached analysis. Errors name the `owner` of the first call. */
export function declarationOf(dependencies: Dependencies, owner = 'dependency'): Declaration {
  return declarations.get(dependencies) ?? declare(dependencies, owner, false);
}

/** Declares dependencies that are entered concurrently. */
export function declareTogether(dependencies: Dependencies, owner: string): Dependencies {
  declare(dependencies, owner, true);
  return dependencies;
}

function declare(dependencies: Dependencies, owner: string, areTogether: boolean): Declaration {
  const needs = dependsIn(dependencies).map(([key, marker]) => needOf(key, marker));
  const named = parametersIn(dependencies);
  const parameters = named[0]?.[1].port.bind(named, owner);
  const checkedFor = new Set<DependencyScope>();
  const declaration: Declaration = { needs, areTogether, parameters, bodyPlan: undefined, checkedFor };
  declarations.set(dependencies, declaration);
  return declaration;
}

export function parametersIn(dependencies: Dependencies): NamedParameters {
  return Object.entries(dependencies).flatMap(([key, marker]) =>
    isParameter(marker) ? [[key, marker] as const] : [],
  );
}

function needOf(key: string, marker: Depends<unknown>): Need {
  const parts = partsOfDependency(marker.dependency);
  const name = nameOfDependency(marker.dependency, key);
  return { key, marker, name, parts, isGenerator: isGeneratorFunction(parts.produce) };
}
