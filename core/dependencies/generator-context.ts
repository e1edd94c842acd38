import { misuse, misuseWith } from '../errors.js';
import { handOnWorks, type Response } from '../http/response.js';
import type { DependencyScope } from './depends.js';
import type { Exit, Place, Slot } from './exit-stack.js';

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

/** A dependency with `yield`, as Python's `@asynccontextmanager` has it: entered up to the yield, left from there on. */
export class GeneratorContext implements Exit {
  readonly name: string;
  readonly scope: DependencyScope;
  readonly key: object;
  readonly place: Place;
  value: unknown;
  readonly #generator: AnyGenerator;

  constructor({ name, scope, key, place }: Slot, generator: AnyGenerator) {
    this.name = name;
    this.scope = scope;
    this.key = key;
    this.place = place;
    this.#generator = generator;
  }

  /** Runs up to the `yield`. Throws `GENERATOR_NEVER_YIELDED`. */
  async enter(): Promise<{ value: unknown }> {
    const { value, done } = await this.#generator.next();
    if (done) throw misuse('GENERATOR_NEVER_YIELDED', this.name);
    return { value };
  }

  /** Resumes with the response, or throws the failure in. Throws `GENERATOR_YIELDED_TWICE`. */
  async leave(response: Response | undefined, failure: Error | undefined): Promise<'passed' | 'swallowed'> {
    const { done } = failure ? await this.#throwIn(failure) : await this.#generator.next(response);
    if (response) handOnWorks(response);
    if (done) return failure ? 'swallowed' : 'passed';
    await this.#generator.return();
    throw misuseWith(failure ? { cause: failure } : {}, 'GENERATOR_YIELDED_TWICE', this.name);
  }

  async #throwIn(failure: Error): Promise<IteratorResult<unknown>> {
    return this.#generator.throw(failure);
  }
}

/** The exit of a plain function's value, where `dispose` asks for one. */
export class DisposableContext implements Exit {
  readonly name: string;
  readonly scope: DependencyScope;
  readonly key: object;
  readonly place: Place;
  readonly value: unknown;
  readonly #dispose: () => unknown;

  constructor({ name, scope, key, place }: Slot, value: unknown, dispose: () => unknown) {
    this.name = name;
    this.scope = scope;
    this.key = key;
    this.place = place;
    this.value = value;
    this.#dispose = dispose;
  }

  async leave(): Promise<'passed'> {
    await this.#dispose();
    return 'passed';
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
