import { misuse } from '../errors.js';
import { checkGraphIn } from './dependency-graph.js';
import { type Depends, isDepends, partsOfDependency } from './depends.js';
import { type DependencyRun, refuseExited, solveDependencies } from './solve.js';

/** What native code that injects needs of the exchange that it runs in. */
export interface InjectRun extends DependencyRun {
  /** Whether the dependencies of the request have exited. */
  readonly isOver: boolean;
  /** Keeps the exits from running until this has settled. */
  busyWith(work: Promise<unknown>): void;
}

/**
 * Solves a dependency for native code: the same cache, scope, exit and tasks as in an endpoint.
 * Rejects with what it throws, and with `DEPENDS_EXPECTED`, `DEPENDENCY_CYCLE`, `DEPENDENCY_EXITED`, `DEPENDENCY_SCOPE`
 * and `INJECT_LATE`.
 */
export function injectInto<T>(run: InjectRun, marker: Depends<T>): Promise<T> {
  // Those who wait for the value are told of it before the exits may run: the promise itself is what both wait for.
  const solving = solve(run, marker);
  run.busyWith(solving);
  return solving;
}

async function solve<T>(run: InjectRun, marker: Depends<T>): Promise<T> {
  if (!isDepends(marker)) throw misuse('DEPENDS_EXPECTED', 'dependency', 'inject', marker);
  if (run.isOver) throw misuse('INJECT_LATE', partsOfDependency(marker.dependency).name);
  const dependencies = { value: marker };
  checkGraphIn(run, dependencies, 'inject');
  if (run.solved.hasExits) refuseExited(dependencies, run);
  const { value } = await solveDependencies(dependencies, run);
  return value as T;
}
