import type { Solution } from '../dependencies/dependency-cache.js';
import { checkGraph } from '../dependencies/dependency-graph.js';
import { appContextOf, type DependencyRun, noValues, type Values } from '../dependencies/dependency-run.js';
import type { Slot } from '../dependencies/exit-stack.js';
import { GeneratorContext, isGenerator, yieldedOf } from '../dependencies/generator-context.js';
import {
  type AppContext,
  type DeclaredDependency,
  type Dependencies,
  type Injected,
  isDeclared,
  noDependencies,
} from '../dependencies/marker.js';
import { solveDependencies } from '../dependencies/solve.js';
import { nameOf } from '../errors/show.js';
import { isAsyncFunction, isClass, misuse } from '../errors.js';
import type { RequestState } from '../http/request-init.js';
import type { AppScope } from './app-scope.js';

/** The type of `request.state` in a layer whose lifespan yields a `Yielded`. */
export type StateOf<Yielded> = RequestState & (Yielded extends object ? Yielded : unknown);

/** Yields the state once. */
type Yields<State> = AsyncGenerator<State, unknown, undefined> | Generator<State, unknown, undefined>;

/**
 * A generator that `layer.start()` or the first request enters, and that `layer.close()` exits. The own
 * properties of the object it yields are added to `request.state`.
 *
 * ```ts
 * async function* lifespan() {
 *   const pool = new Pool();
 *   yield { pool };
 *   await pool.end();
 * }
 * ```
 *
 * It may declare dependencies of scope `app`: `dependency({ pool: Depends(getPool, { scope: 'app' }) }, async
 * function* ({ pool }) { … })`. FastAPI's and Starlette's `lifespan`.
 */
export type Lifespan<State extends object | undefined = object | undefined> =
  | ((context: AppContext) => Yields<State>)
  | DeclaredDependency<Yields<State>, 'app', AppContext & Injected>;

/** A lifespan that is entered once, and exits once among the dependencies of scope `app` of its layer. */
export class LifespanContext {
  readonly name: string;
  readonly dependencies: Dependencies;
  readonly #begin: (context: never) => unknown;
  readonly #app: AppScope;
  #starting: Promise<void> | undefined;
  #isEntered = false;

  /** Throws `DEPENDENCY_CYCLE`, `DEPENDENCY_SCOPE` and `APP_PARAMETER`. */
  constructor(lifespan: Lifespan, app: AppScope) {
    const isNeedy = isDeclared(lifespan);
    this.#app = app;
    this.#begin = isNeedy ? lifespan.produce : lifespan;
    this.dependencies = isNeedy ? lifespan.dependencies : noDependencies;
    this.name = isNeedy ? lifespan.name || 'lifespan' : nameOf(lifespan, 'lifespan');
    checkGraph(this.dependencies, this.name, 'request', undefined, 'app');
  }

  get isReady(): boolean {
    return this.#isEntered && !this.#app.isLeaving;
  }

  /**
   * Enters the lifespan once for all callers, with the overrides of the first. Rejects with its error; the
   * next call then tries again.
   */
  start(run: DependencyRun): Promise<void> {
    const entrance = { asked: [] };
    this.#starting ??= this.#app
      .enter(this.name, entrance, () => this.#enter(this.#app.runFor(run), entrance.asked))
      .catch((thrown: unknown) => {
        this.#starting = undefined;
        throw thrown;
      });
    return this.#starting;
  }

  async #enter(run: DependencyRun, asked: Solution[]): Promise<void> {
    const { name, dependencies } = this;
    const values = noValues();
    if (run.hasOverrides) checkGraph(dependencies, name, 'request', each => run.overrideOf(each), 'app');
    await solveDependencies(dependencies, values, run, dependencies, asked);
    const slot: Slot = { name, scope: 'app', key: this, place: 'app' };
    const enter = (): Promise<void> => this.#enterAs(slot, values, run);
    await (run.tracing?.dependency('dependency.enter', slot).around(enter) ?? enter());
  }

  async #enterAs(slot: Slot, values: Values, run: DependencyRun): Promise<void> {
    const generator = this.#begin(appContextOf(values, run.appContext as AppContext, slot.name));
    if (!isGenerator(generator)) throw misuse('LIFESPAN', generator);
    const state = yieldedOf(await generator.next(), slot.name);
    const context = new GeneratorContext(slot, generator);
    if (state !== undefined && (typeof state !== 'object' || state === null)) {
      await generator.return();
      throw misuse('LIFESPAN', state);
    }
    const refused = run.exits.push(context);
    if (refused) throw await refused;
    this.#app.state = state;
    this.#isEntered = true;
  }
}

/**
 * Whether a value may be a lifespan. A plain function may return a compiled generator; an async function
 * returns a promise.
 */
export function mayBeLifespan(lifespan: unknown): boolean {
  const begin = isDeclared(lifespan) ? lifespan.produce : lifespan;
  return typeof begin === 'function' && !isAsyncFunction(begin) && !isClass(begin);
}
