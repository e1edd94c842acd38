import { isGeneratorFunction, located, misuse, toError } from '../errors.js';
import { checkGraphIn } from './dependency-graph.js';
import { type DependencyRun, noValues } from './dependency-run.js';
import { checkDependencies, checkNames, type Depends } from './depends.js';
import type { ExitStack } from './exit-stack.js';
import {
  type Declared,
  type Dependencies,
  dependsIn,
  hasExit,
  isMarker,
  nameOfDependency,
  nameOfMarker,
  partsOfDependency,
} from './marker.js';
import { isParameter } from './parameter.js';
import { refuseExited, solveDependencies } from './solve.js';

/** The part of a request that `inject()` needs. */
export interface InjectRun extends DependencyRun {
  readonly exits: ExitStack;
  /** Method and path, for errors. */
  readonly title: string;
}

/** The operations of a request that `inject()` needs. */
export interface InjectPort<Run> {
  /** Whether the request's dependencies have exited. */
  hasLeft(run: Run): boolean;
  /** Delays the exits until `work` has settled. */
  busyWith(run: Run, work: Promise<unknown>): void;
  /** Delays the exits until a block has settled, those of scope `function` too. */
  runsBlock(run: Run, block: Promise<unknown>): void;
  /** Throws a block's failure into the dependencies. Resolves with the final failure. */
  unwind(run: Run, failure: Error): Promise<Error>;
  /** Notes that native code received these `function` dependencies outside a block. */
  lend(run: Run, names: readonly string[]): void;
}

/**
 * Solves dependencies for native code, with the same cache, scopes, exits and tasks as in an endpoint.
 * Resolves with the value of a marker, with several values by name, or with the result of the block.
 *
 * Rejects with what a dependency throws, with the final failure of a block, and with `DEPENDS_EXPECTED`,
 * `DEPENDENCY_NAME`, `DEPENDENCY_CYCLE`, `DEPENDENCY_EXITED`, `DEPENDENCY_SCOPE`, `INJECT_BLOCK` and
 * `INJECT_LATE`.
 */
export function injectInto<Run extends InjectRun>(
  run: Run,
  port: InjectPort<Run>,
  wanted: Declared<unknown> | Dependencies,
  block?: unknown,
): Promise<unknown> {
  // The exits and the caller wait for the same promise; the caller resumes first.
  const work = block === undefined ? lendValues(run, port, wanted) : runBlock(run, port, wanted, block);
  if (block === undefined) port.busyWith(run, work);
  else port.runsBlock(run, work);
  return work;
}

async function lendValues<Run extends InjectRun>(
  run: Run,
  port: InjectPort<Run>,
  wanted: Declared<unknown> | Dependencies,
): Promise<unknown> {
  if (isParameter(wanted) && wanted.alias === undefined)
    throw misuse('PARAM_NAME', wanted.title, 'inject(req, …)');
  const dependencies = checkedDependencies(run, port, isMarker(wanted) ? { value: wanted } : wanted);
  const values = noValues();
  await solveDependencies(dependencies, values, run);
  if (run.exits.has('function')) port.lend(run, shortLived(run, dependencies, new Set()));
  return isMarker(wanted) ? values.value : { ...values };
}

async function runBlock<Run extends InjectRun>(
  run: Run,
  port: InjectPort<Run>,
  wanted: unknown,
  block: unknown,
): Promise<unknown> {
  if (typeof block !== 'function' || isGeneratorFunction(block)) throw misuse('INJECT_BLOCK', block);
  if (isMarker(wanted)) throw misuse('INJECT_BLOCK', wanted);
  const values = noValues();
  await solveDependencies(checkedDependencies(run, port, wanted), values, run);
  try {
    return await block({ ...values });
  } catch (thrown) {
    const error = toError(thrown);
    const failure = await port.unwind(run, error);
    throw failure === error ? thrown : failure;
  }
}

function checkedDependencies<Run extends InjectRun>(
  run: Run,
  port: InjectPort<Run>,
  wanted: unknown,
): Dependencies {
  if (typeof wanted !== 'object' || wanted === null)
    throw misuse('DEPENDS_EXPECTED', 'dependency', 'inject', wanted);
  checkDependencies('inject', wanted);
  checkNames(wanted, 'inject');
  const dependencies = wanted as Dependencies;
  const [first] = Object.entries(dependencies);
  if (first && port.hasLeft(run))
    throw located(misuse('INJECT_LATE', nameOfMarker(first[1], first[0])), () => run.title);
  checkGraphIn(run, dependencies, 'inject');
  if (run.solved.hasExits) refuseExited(dependencies, run);
  return dependencies;
}

/** The names of dependencies with scope `function`, at any depth. */
function shortLived(run: InjectRun, dependencies: Dependencies, seen: Set<Depends<unknown>>): string[] {
  return dependsIn(dependencies).flatMap(([key, marker]) => {
    if (seen.has(marker)) return [];
    seen.add(marker);
    const { dependency, scope = run.defaultScope } = marker;
    const { produce, dependencies: needed } = partsOfDependency(run.overrideOf(dependency));
    const inner = shortLived(run, needed, seen);
    return scope === 'function' && hasExit(marker, produce)
      ? [nameOfDependency(dependency, key), ...inner]
      : inner;
  });
}
