import { misuse, misuseWith, toError } from '../errors.js';
import type { Response } from '../http/response.js';
import { handOnWorks } from '../http/response-parts.js';
import type { Exit, Slot } from './exit-stack.js';

/** A sync or async generator, native or of a compiler's helper. */
export interface AnyGenerator {
  next(value?: unknown): MaybePromise<IteratorResult<unknown>>;
  throw(error: unknown): MaybePromise<IteratorResult<unknown>>;
  return(value?: unknown): MaybePromise<IteratorResult<unknown>>;
}

type MaybePromise<T> = T | Promise<T>;

/** Whether a value is a generator object; those of compiler helpers have no common constructor. */
export function isGenerator(value: unknown): value is AnyGenerator {
  if (typeof value !== 'object' || value === null) return false;
  const { next } = value as Partial<AnyGenerator>;
  // Every endpoint result is checked, and nearly all are handled by this line.
  if (typeof next !== 'function') return false;
  const { throw: throws, return: returns } = value as Partial<AnyGenerator>;
  const iterates = Symbol.asyncIterator in value || Symbol.iterator in value;
  return iterates && typeof throws === 'function' && typeof returns === 'function';
}

/** Returns the first yielded value. Throws `GENERATOR_NEVER_YIELDED`. */
export function yieldedOf({ value, done }: IteratorResult<unknown>, name: string): unknown {
  if (done) throw misuse('GENERATOR_NEVER_YIELDED', name);
  return value;
}

/**
 * A generator that has yielded its value; its exit is the code after the `yield`. Python's
 * `@asynccontextmanager`.
 */
export class GeneratorContext implements Exit {
  readonly slot: Slot;
  value: unknown;
  readonly #generator: AnyGenerator;

  constructor(slot: Slot, generator: AnyGenerator) {
    this.slot = slot;
    this.#generator = generator;
  }

  /** Resumes the generator with the response, or throws the failure into it. */
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

/** The exit of a plain function's value, if `dispose` is set. */
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

/** The disposer of a value, if it has one; the asynchronous one is preferred. */
export function disposerOf(value: unknown): (() => unknown) | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const { [Symbol.asyncDispose]: asyncDispose, [Symbol.dispose]: dispose } = value as Partial<
    AsyncDisposable & Disposable
  >;
  const found = asyncDispose ?? dispose;
  return typeof found === 'function' ? () => found.call(value) : undefined;
}
