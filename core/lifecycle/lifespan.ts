import { AsyncResource } from 'node:async_hooks';
import { GeneratorContext, isGenerator, yieldedOf } from '../dependencies/generator-context.js';
import { nameOf } from '../errors/show.js';
import { asThrown, misuse, toError } from '../errors.js';
import { RepeatedWait } from '../http/repeated-wait.js';
import { within } from './in-flight.js';

/**
 * What a layer needs for as long as it lives: a generator, entered by `layer.start()` or the first request,
 * and left by `layer.close()`. The own properties of what it yields are on `request.state`.
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

/** A lifespan as it is entered once, and left once. */
export class LifespanContext {
  readonly name: string;
  /** What it yielded. */
  state: object | undefined;
  readonly #begin: Lifespan;
  // What the first request has in its async context is none of the pool's business.
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

  /**
   * Enters it once, whoever asks. Rejects with what it throws; it is begun anew then when it is asked for
   * again.
   */
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
   * Leaves it once, if it was entered, whoever asks. Resolves with whether that was done within the
   * milliseconds, if there are any, and rejects with what its exit code throws; `late` is told of that when
   * it comes later.
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
