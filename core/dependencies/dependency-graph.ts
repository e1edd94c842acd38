import { misuseWith } from '../errors.js';
import {
  type AnyDependency,
  type Dependencies,
  type DependencyScope,
  type Depends,
  partsOfDependency,
} from './depends.js';

const widths: Readonly<Record<DependencyScope, number>> = { function: 0, request: 1, background: 2 };

/**
 * Walks a tree of dependencies before any of them is called.
 * Throws `DEPENDENCY_CYCLE` and `DEPENDENCY_SCOPE`, with the path from the owner on.
 */
export function checkGraph(dependencies: Dependencies, owner: string, defaultScope: DependencyScope): void {
  for (const marker of Object.values(dependencies)) checkNode(marker, [owner], [], undefined, defaultScope);
}

const checked = new WeakMap<Dependencies, Set<DependencyScope>>();

/** The same where the scope of those that name none is known: in the layer that they run in. Done once for each. */
export function checkGraphOnce(
  dependencies: Dependencies,
  owner: string,
  defaultScope: DependencyScope,
): void {
  const done = checked.get(dependencies) ?? new Set();
  if (done.has(defaultScope)) return;
  checkGraph(dependencies, owner, defaultScope);
  checked.set(dependencies, done.add(defaultScope));
}

function checkNode(
  marker: Depends<unknown>,
  path: readonly string[],
  above: readonly AnyDependency[],
  heldBy: DependencyScope | undefined,
  defaultScope: DependencyScope,
): void {
  const { name, produce, dependencies } = partsOfDependency(marker.dependency);
  const here = [...path, name];
  const shown = here.join(' → ');
  if (above.includes(marker.dependency)) throw misuseWith({ path: here }, 'DEPENDENCY_CYCLE', shown);
  const scope = marker.scope ?? (isGeneratorFunction(produce) ? defaultScope : undefined);
  if (scope !== undefined && heldBy !== undefined && widths[scope] < widths[heldBy]) {
    throw misuseWith({ path: here }, 'DEPENDENCY_SCOPE', shown, heldBy, scope);
  }
  // A plain function only hands on what it was given, so what is below it must live as long as what is above.
  const held = isGeneratorFunction(produce) ? scope : heldBy;
  for (const each of Object.values(dependencies)) {
    checkNode(each, here, [...above, marker.dependency], held, defaultScope);
  }
}

const GeneratorFunction = Object.getPrototypeOf(noValues).constructor;
const AsyncGeneratorFunction = Object.getPrototypeOf(noLaterValues).constructor;

function* noValues(): Generator<never> {
  // Deliberately empty: only its class is of interest, which has no global name.
}

async function* noLaterValues(): AsyncGenerator<never> {
  // Deliberately empty, for the same reason.
}

function isGeneratorFunction(produce: unknown): boolean {
  return produce instanceof GeneratorFunction || produce instanceof AsyncGeneratorFunction;
}
