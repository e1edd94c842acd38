import { isGeneratorFunction } from '../errors.js';
import {
  type Dependencies,
  type DependencyParts,
  type DependencyScope,
  type Depends,
  nameOfDependency,
  partsOfDependency,
} from './marker.js';

/** One entry of declared dependencies, read once. */
export interface Need {
  /** The key under which its value is given. */
  readonly key: string;
  readonly marker: Depends<unknown>;
  readonly name: string;
  readonly parts: DependencyParts;
  readonly isGenerator: boolean;
}

/** Declared dependencies, read once: requests walk a list instead of the object. */
export interface Declaration {
  readonly needs: readonly Need[];
  /** Whether they are entered at once: those of `Depends.all(…)`. */
  readonly areTogether: boolean;
  /** The default scopes for which its graph has been checked. */
  readonly checkedFor: Set<DependencyScope>;
}

const declarations = new WeakMap<Dependencies, Declaration>();

export function declarationOf(dependencies: Dependencies): Declaration {
  return declarations.get(dependencies) ?? declare(dependencies, false);
}

/** Says of dependencies that they are entered at once. */
export function declareTogether(dependencies: Dependencies): Dependencies {
  declare(dependencies, true);
  return dependencies;
}

function declare(dependencies: Dependencies, areTogether: boolean): Declaration {
  const needs = Object.entries(dependencies).map(([key, marker]) => needOf(key, marker));
  const declaration = { needs, areTogether, checkedFor: new Set<DependencyScope>() };
  declarations.set(dependencies, declaration);
  return declaration;
}

function needOf(key: string, marker: Depends<unknown>): Need {
  const parts = partsOfDependency(marker.dependency);
  const name = nameOfDependency(marker.dependency, key);
  return { key, marker, name, parts, isGenerator: isGeneratorFunction(parts.produce) };
}
