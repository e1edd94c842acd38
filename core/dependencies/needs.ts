import { isGeneratorFunction } from '../errors.js';
import {
  type Dependencies,
  type DependencyParts,
  type DependencyScope,
  type Depends,
  nameOfDependency,
  partsOfDependency,
} from './marker.js';

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
  /** The default scopes that the graph was checked for. */
  readonly checkedFor: Set<DependencyScope>;
}

const declarations = new WeakMap<Dependencies, Declaration>();

export function declarationOf(dependencies: Dependencies): Declaration {
  const known = declarations.get(dependencies);
  if (known) return known;
  const needs = Object.entries(dependencies).map(([key, marker]) => needOf(key, marker));
  const declaration = { needs, checkedFor: new Set<DependencyScope>() };
  declarations.set(dependencies, declaration);
  return declaration;
}

function needOf(key: string, marker: Depends<unknown>): Need {
  const parts = partsOfDependency(marker.dependency);
  const name = nameOfDependency(marker.dependency, key);
  return { key, marker, name, parts, isGenerator: isGeneratorFunction(parts.produce) };
}
