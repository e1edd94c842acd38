import { misuse, misuseWith, toError } from '../errors.js';
import type { Response } from '../http/response.js';
import { handOnWorks } from '../http/response-parts.js';
import type { Exit, Slot } from './exit-stack.js';

/** A generator, sync or async, of an engine or of a compiler's helper. */
export interface AnyGenerator {
  next(value?: unknown): MaybePromise<IteratorResult<unknown>>;
  throw(error: unknown): MaybePromise<IteratorResult<unknown>>;
  return(value?: unknown): MaybePromise<IteratorResult<unknown>>;
}

type MaybePromise<T> = T | Promise<T>;

/** Whether it is a generator object, also one of a compiler's helper, which no constructor tells. */
export function isGenerator(value: unknown): value is AnyGenerator {
  if (typeof value !== 'object' || value === null) return false;
  const { next } = value as Partial<AnyGenerator>;
  // Every result of an endpoint is asked, and nearly all of them leave here.
  if (typeof next !== 'function') return false;
  const { throw: throws, return: returns } = value as Partial<AnyGenerator>;
  const iterates = Symbol.asyncIterator in value || Symbol.iterator in value;
  return iterates && typeof throws === 'function' && typeof returns === 'function';
}

/** What a generator has yielded first. Throws `GENERATOR_NEVER_YIELDED`. */
export function yieldedOf({ value, done }: IteratorResult<unknown>, name: string): unknown {
  if (done) throw misuse('GENERATOR_NEVER_YIELDED', name);
  return value;
}

/**
 * A dependency with `yield` that has come to it, as Python's `@asynccontextmanager` has it: left from there
 * on.
 */
export class GeneratorContext implements Exit {
  readonly slot: Slot;
  value: unknown;
  readonly #generator: AnyGenerator;

  constructor(slot: Slot, generator: AnyGenerator) {
    this.slot = slot;
    this.#generator = generator;
  }

  /** Resumes with the response, or throws the failure in. */
  async leave(response: Response | undefined, failure: Error | undefined): Promise<Error | undefined> {
    try {
      const { done } = await (failure ? this.#generator.throw(failure) : this.#generator.next(response));
      if (response) handOnWorks(response);
      if (done) return failure && misuseWith({ cause: failure }, 'EXCEPTION_SWALLOWED', this.slot.name);
      await this.#generator.return();
      return misuseWith(failure ? { cause: failure } : {}, 'GENERATOR_YIELDED_TWICE', this.slot.name);
    } catch (thrown) {
      return toError(thrown);
    }
  }
}

/** The exit of a plain function's value, where `dispose` asks for one. */
export class DisposableContext implements Exit {
  readonly slot: Slot;
  readonly value: unknown;
  readonly #dispose: () => unknown;

  constructor(slot: Slot, value: unknown, dispose: () => unknown) {
    this.slot = slot;
    this.value = value;
    this.#dispose = dispose;
  }

  async leave(_response: unknown, failure: Error | undefined): Promise<Error | undefined> {
    try {
      await this.#dispose();
      return failure;
    } catch (thrown) {
      return toError(thrown);
    }
  }
}

/** How a value is disposed, if it can be: asynchronously rather than not. */
export function disposerOf(value: unknown): (() => unknown) | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const { [Symbol.asyncDispose]: asyncDispose, [Symbol.dispose]: dispose } = value as Partial<
    AsyncDisposable & Disposable
  >;
  const found = asyncDispose ?? dispose;
  return typeof found === 'function' ? () => found.call(value) : undefined;
}
