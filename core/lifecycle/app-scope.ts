import { AsyncResource } from 'node:async_hooks';
import { DependencyCache, placeOf, Solution } from '../dependencies/dependency-cache.js';
import { type AppPort, type DependencyRun, noValues, type Values } from '../dependencies/dependency-run.js';
import { lastingKeyOf } from '../dependencies/lasting-key.js';
import type { Need } from '../dependencies/needs.js';
import { solveAnew, waitFor } from '../dependencies/solve.js';
import { asThrown, misuse } from '../errors.js';
import { RepeatedWait } from '../http/repeated-wait.js';
import type { RequestState } from '../http/request-init.js';
import { AppExits, type Entrance, type FailedExit, type LayerEnd } from './app-exits.js';
import { AppRun } from './app-run.js';
import { type InFlight, Ring, type Undone, type Work, within } from './in-flight.js';

const noState: RequestState = Object.freeze({});

/**
 * The dependencies of scope `app` of one layer, and its lifespan. The first request that needs one enters it;
 * all exit when the layer closes.
 */
export class AppScope implements AppPort {
  /** What the lifespan yielded. */
  state: object | undefined;
  readonly #exits: AppExits;
  readonly #solved = new DependencyCache();
  readonly #names = new Set<string>();
  readonly #inFlight: InFlight;
  readonly #end: LayerEnd;
  // A pool must not keep the async context of the first request.
  readonly #context = new AsyncResource('callnext.app');
  readonly #controller = new AbortController();
  #leaving: RepeatedWait<FailedExit | undefined> | undefined;

  constructor(inFlight: InFlight, end: LayerEnd) {
    this.#inFlight = inFlight;
    this.#end = end;
    this.#exits = new AppExits(end);
  }

  get isLeaving(): boolean {
    return this.#leaving !== undefined;
  }

  /** The names of entered dependencies. */
  get names(): readonly string[] {
    return [...this.#names];
  }

  /** Creates the run that enters dependencies here for a request. */
  runFor(of: DependencyRun): DependencyRun {
    const { signal } = this.#controller;
    const state = (this.state ?? noState) as RequestState;
    return new AppRun(of, this, this.#exits, { signal, state });
  }

  /** Whether a dependency is entered, or is being entered. */
  has(need: Need, run: DependencyRun): boolean {
    return this.#find(need, lastingKeyOf(need.marker.dependency, run)) !== undefined;
  }

  /** See `AppPort`. Concurrent requests share one entrance. */
  solveApp(need: Need, values: Values, run: DependencyRun, asked?: Solution[]): Promise<unknown> | undefined {
    const { refusal } = this.#exits;
    if (refusal) throw refusal;
    const key = lastingKeyOf(need.marker.dependency, run);
    const known = this.#find(need, key);
    if (known) asked?.push(known);
    const solution = known ?? this.#begin(need, key, run, asked);
    if (solution.isSolving) return waitFor(solution, need.key, values);
    // A synchronous entrance may have failed already.
    if (solution.hasFailed) throw solution.value;
    values[need.key] = solution.value;
    return undefined;
  }

  /**
   * Enters something outside the async context of the request that needs it. `close()` waits for it, and
   * what it has asked for exits after it.
   */
  enter<T extends Promise<unknown> | undefined>(name: string, entrance: Entrance, work: () => T): T {
    const entered = this.#context.runInAsyncScope(work);
    if (entered === undefined) return entered;
    const place = new Ring(new Entering(name, this.#controller));
    this.#inFlight.begin(place);
    this.#exits.entering(entrance, entered);
    const end = (): void => this.#inFlight.end(place);
    entered.then(end, end);
    return entered;
  }

  /**
   * Runs all exits, once for all callers. Resolves with the names of those that are unfinished after
   * `timeout` milliseconds. Rejects with the first failure of an exit; a later failure is reported.
   */
  async close(timeout: number | undefined): Promise<readonly string[]> {
    this.#leaving ??= new RepeatedWait(this.#context.runInAsyncScope(() => this.#leave()));
    const { promise } = this.#leaving;
    if (timeout !== undefined && !(await within(timeout, this.#leaving))) {
      void promise.then(failed => failed && this.#end.report(failed.failure, failed.name));
      return this.#exits.names;
    }
    const failed = await promise;
    if (failed) throw asThrown(failed.failure);
    return [];
  }

  #find(need: Need, key: object): Solution | undefined {
    return this.#solved.find(key, placeOf(need.marker, 'app'));
  }

  #begin(need: Need, key: object, run: DependencyRun, asked: Solution[] | undefined): Solution {
    const used = run.overrideOf(need.marker.dependency);
    // The value is kept here, not among the values of the request that needs it first.
    const solution = new Solution(need, used, 'app', key, placeOf(need.marker, 'app'), noValues());
    this.#solved.add(solution);
    const entered = this.enter(need.name, solution, () =>
      solveAnew(solution, this.runFor(run), solution.parts.dependencies, asked ?? []),
    );
    const note = (): unknown => this.#names.add(need.name);
    if (entered === undefined) note();
    // Waiting requests receive the rejection from the solution.
    else entered.then(note, () => undefined);
    return solution;
  }

  #leave(): Promise<FailedExit | undefined> {
    this.#controller.abort(misuse('LAYER_CLOSED'));
    const tracing = this.#exits.names.length > 0 ? this.#end.tracing : undefined;
    if (!tracing) return this.#exits.leaveAll(undefined);
    const stage = tracing.begin('request', 'close', { kind: 'run' });
    return stage.around(() => this.#exits.leaveAll(tracing)).finally(() => tracing.settled());
  }
}

/** An unfinished entrance, among the work that `close()` waits for. */
class Entering implements Work {
  readonly #name: string;
  readonly #controller: AbortController;

  constructor(name: string, controller: AbortController) {
    this.#name = name;
    this.#controller = controller;
  }

  undone(): Undone {
    return { responses: [], exits: [this.#name], tasks: [] };
  }

  cutShort(reason: Error): void {
    this.#controller.abort(reason);
  }
}
