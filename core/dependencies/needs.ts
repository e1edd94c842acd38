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
  /** Reads the parameters that are declared beside them, if any. */
  readonly parameters: ParameterReader | undefined;
  /** How the body is read where these are the outermost ones; made when it is first asked for. */
  bodyPlan: { readonly plan: unknown } | undefined;
  /** The default scopes for which its graph has been checked. */
  readonly checkedFor: Set<DependencyScope>;
}

const declarations = new WeakMap<Dependencies, Declaration>();

/** `owner` is what errors call who has declared them, the first time. */
export function declarationOf(dependencies: Dependencies, owner = 'dependency'): Declaration {
  const known = declarations.get(dependencies);
  if (known) return known;
  const needs = dependsIn(dependencies).map(([key, marker]) => needOf(key, marker));
  const named = parametersIn(dependencies);
  const parameters = named[0]?.[1].port.bind(named, owner);
  const declaration: Declaration = { needs, parameters, bodyPlan: undefined, checkedFor: new Set() };
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
