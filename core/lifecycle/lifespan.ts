import { AsyncResource } from 'node:async_hooks';
import { GeneratorContext, isGenerator, yieldedOf } from '../dependencies/generator-context.js';
import { nameOf } from '../errors/show.js';
import { asThrown, misuse, toError } from '../errors.js';
import { RepeatedWait } from '../http/repeated-wait.js';
import { within } from './in-flight.js';

/**
 * What a layer needs while it lives: a generator, entered by `layer.start()` or the first request, and left
 * by `layer.close()`. The own properties of the object it yields appear on `request.state`.
 *
 * ```ts
 * async function* lifespan() {
 *   const pool = new Pool();
 *   yield { pool };
 *   await pool.end();
 * }
 * ```
 *
 * FastAPI's and Starlette's `lifespan`.
 */
export type Lifespan = () =>
  | AsyncGenerator<object | undefined, unknown, undefined>
  | Generator<object | undefined, unknown, undefined>;

/** One run of a lifespan: entered once and left once. */
export class LifespanContext {
  readonly name: string;
  /** What it yielded. */
  state: object | undefined;
  readonly #begin: Lifespan;
  // The lifespan must not inherit the async context of the request that starts it.
  readonly #context = new AsyncResource('callnext.lifespan');
  #starting: Promise<void> | undefined;
  #entered: GeneratorContext | undefined;
  #leaving: RepeatedWait<void> | undefined;

  constructor(begin: Lifespan) {
    this.#begin = begin;
    this.name = nameOf(begin, 'lifespan');
  }

  get isReady(): boolean {
    return this.#entered !== undefined && this.#leaving === undefined;
  }

  /** Enters the lifespan once, for all callers. Rejects with its error; the next call then starts it anew. */
  start(): Promise<void> {
    this.#starting ??= this.#context
      .runInAsyncScope(() => this.#enter())
      .catch((thrown: unknown) => {
        this.#starting = undefined;
        throw thrown;
      });
    return this.#starting;
  }

  /**
   * Leaves the lifespan once, if it was entered. Resolves with whether that took no longer than `timeout`
   * milliseconds. Rejects with the error of its exit code; if that error arrives later, `late` receives it.
   */
  async exit(timeout: number | undefined, late: (failure: Error) => void): Promise<boolean> {
    this.#leaving ??= new RepeatedWait(this.#leave());
    const isLeft = timeout === undefined || (await within(timeout, this.#leaving));
    if (isLeft) await this.#leaving.promise;
    else this.#leaving.promise.catch(thrown => late(toError(thrown)));
    return isLeft;
  }

  async #leave(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const failure = await this.#context.runInAsyncScope(() => this.#entered?.leave(undefined, undefined));
    if (failure) throw asThrown(failure);
  }

  async #enter(): Promise<void> {
    const generator: unknown = this.#begin();
    if (!isGenerator(generator)) throw misuse('LIFESPAN', generator);
    const place = 'background';
    const context = new GeneratorContext({ name: this.name, scope: place, key: this, place }, generator);
    const state = await yieldedOf(await generator.next(), this.name);
    if (state !== undefined && (typeof state !== 'object' || state === null)) {
      await generator.return();
      throw misuse('LIFESPAN', state);
    }
    this.state = state;
    this.#entered = context;
  }
}
