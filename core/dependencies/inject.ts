import { isGeneratorFunction, located, misuse, toError } from '../errors.js';
import { checkGraphIn } from './dependency-graph.js';
import { type DependencyRun, noValues } from './dependency-run.js';
import { checkDependencies, checkNames, type Depends } from './depends.js';
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

/** What native code that injects needs of the request that it runs in. */
export interface InjectRun extends DependencyRun {
  /** Its method and path, for errors. */
  readonly title: string;
}

/** What a request does for native code that injects. */
export interface InjectPort<Run> {
  /** Whether the dependencies of the request have exited. */
  hasLeft(run: Run): boolean;
  /** Keeps the exits from running until this has settled. */
  busyWith(run: Run, work: Promise<unknown>): void;
  /** The same for a block, which keeps dependencies of scope `function` too. */
  runsBlock(run: Run, block: Promise<unknown>): void;
  /** Throws the failure of a block into the dependencies. Resolves with what they make of it. */
  unwind(run: Run, failure: Error): Promise<Error>;
  /** Native code was given dependencies of scope `function`, by these names, outside of a block. */
  lend(run: Run, names: readonly string[]): void;
}

/**
 * Solves dependencies for native code: the same cache, scopes, exits and tasks as in an endpoint. Resolves
 * with the value of a marker, with several values by name, or with what the block returns.
 *
 * Rejects with what a dependency throws, with what the dependencies make of a failure of the block, and with
 * `DEPENDS_EXPECTED`, `DEPENDENCY_NAME`, `DEPENDENCY_CYCLE`, `DEPENDENCY_EXITED`, `DEPENDENCY_SCOPE`,
 * `INJECT_BLOCK` and `INJECT_LATE`.
 */
export function injectInto<Run extends InjectRun>(
  run: Run,
  port: InjectPort<Run>,
  wanted: Declared<unknown> | Dependencies,
  block?: unknown,
): Promise<unknown> {
  // The exits wait for the same promise as the caller, who is told first.
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

/** The names of those that exit with scope `function`, at any depth. */
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
