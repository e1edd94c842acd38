import { misuse } from '../errors.js';
import type { Stopwatch } from '../http/timings.js';
import type { Solution } from './dependency-cache.js';
import { appContextOf, contextOf, type DependencyRun, type Values } from './dependency-run.js';
import {
  type AnyGenerator,
  DisposableContext,
  disposerOf,
  GeneratorContext,
  isGenerator,
  yieldedOf,
} from './generator-context.js';
import { isGeneratorObject, isThenable, looksCompiled } from './generator-function.js';
import { type AnyDependency, type AppContext, partsOfDependency } from './marker.js';

/** Calls a dependency. Stays synchronous unless its result is a promise, or must be entered or disposed. */
export function produce(
  solution: Solution,
  inner: Values,
  run: DependencyRun,
  isInStage = false,
): Promise<unknown> | undefined {
  const { name, parts, isGenerator, need } = solution;
  if (run.tracing && !isInStage) {
    const stage = run.tracing.dependency('dependency.enter', solution);
    return stage.around(produce, solution, inner, run, true);
  }
  const watch = run.timings?.begin(name);
  run.trace?.add(`${name} enter`);
  try {
    const isOfApp = solution.scope === 'app';
    const produced = parts.produce(
      isOfApp ? appContextOf(inner, run.appContext as AppContext, name) : contextOf(inner, run.injected),
    );
    if (isGenerator) return enter(solution, produced as AnyGenerator, run, watch);
    refuseUnentered(solution, produced);
    if (need.marker.dispose || isThenable(produced)) return receive(solution, produced, run, watch);
    solution.solve(produced);
  } catch (thrown) {
    run.reports.cameFrom(thrown, name);
    watch?.stop();
    throw thrown;
  }
  watch?.stop();
  return undefined;
}

/** Refuses a generator from a plain function, because its exit code would never run. */
function refuseUnentered({ parts, used, need }: Solution, produced: unknown): void {
  if (!isGenerator(produced)) return;
  if (!isGeneratorObject(produced)) {
    if (looksCompiled(parts.produce)) throw notEntered(used, true);
    return;
  }
  // A mock of a generator function is a plain function, but its generator was meant to be entered.
  if (need.isGenerator) throw notEntered(need.marker.dependency, false);
}

async function enter(
  solution: Solution,
  generator: AnyGenerator,
  run: DependencyRun,
  watch: Stopwatch | undefined,
): Promise<void> {
  try {
    const value = yieldedOf(await generator.next(), solution.name);
    const context = new GeneratorContext(solution, generator);
    // Push the exit first, before anything else can fail.
    const refused = run.exits.push(context);
    if (refused) throw await refusedWith(value, refused);
    context.value = isThenable(value) ? await value : value;
    solution.solve(context.value);
  } catch (thrown) {
    throw failed(solution, thrown, run);
  } finally {
    watch?.stop();
  }
}

function refusedWith(yielded: unknown, refused: Promise<Error>): Promise<Error> {
  // Nobody waits for a promise that a sync generator yielded.
  Promise.resolve(yielded).catch(() => undefined);
  return refused;
}

async function receive(
  solution: Solution,
  produced: unknown,
  run: DependencyRun,
  watch: Stopwatch | undefined,
): Promise<void> {
  try {
    const value = await produced;
    const refused = solution.need.marker.dispose ? disposeLater(solution, value, run) : undefined;
    if (refused) throw await refused;
    solution.solve(value);
  } catch (thrown) {
    throw failed(solution, thrown, run);
  } finally {
    watch?.stop();
  }
}

function failed(solution: Solution, thrown: unknown, run: DependencyRun): unknown {
  run.reports.cameFrom(thrown, solution.name);
  solution.fail(thrown);
  return thrown;
}

/**
 * Disposes a value once: not if another dependency that returned or yielded it already has an exit for it.
 */
function disposeLater(solution: Solution, value: unknown, run: DependencyRun): Promise<Error> | undefined {
  const dispose = disposerOf(value);
  if (!dispose) throw misuse('NOT_DISPOSABLE', solution.name, value);
  if (run.exits.ends(value)) return undefined;
  return run.exits.push(new DisposableContext(solution, value, dispose));
}

/** The error of a generator whose code would never run. */
export function notEntered(dependency: AnyDependency, isCompiled: boolean): Error {
  return misuse('GENERATOR_NOT_ENTERED', partsOfDependency(dependency).name, isCompiled);
}
