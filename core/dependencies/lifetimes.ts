import type { Dependencies, DependencyScope, Depends } from './marker.js';

// How long values live, as far as the types can tell: they refuse what is refused when an endpoint is built.

/**
 * The value of what a dependency returns: what a generator yields, what a promise resolves with, or the thing
 * itself.
 */
export type ValueOf<Produced> =
  Produced extends AsyncGenerator<infer T, unknown, never>
    ? T
    : Produced extends Generator<infer T, unknown, never>
      ? Awaited<T>
      : Awaited<Produced>;

/**
 * The shortest scope among those that a dependency's own dependencies name; `background` where none names
 * one.
 */
export type Narrowest<D extends Dependencies> =
  'function' extends LivesOf<D> ? 'function' : 'request' extends LivesOf<D> ? 'request' : 'background';

type LivesOf<D extends Dependencies> = {
  [Name in keyof D]: D[Name] extends Depends<unknown, infer Lives> ? Lives : never;
}[keyof D];

type AnyGeneratorType = AsyncGenerator<unknown, unknown, never> | Generator<unknown, unknown, never>;

/** Whether code runs at the end of its scope. */
type HasExit<Produced, Dispose> = Produced extends AnyGeneratorType
  ? true
  : Dispose extends true
    ? true
    : false;

/**
 * How long a value lives: with an exit, as its scope says; that of a plain function, as long as what it was
 * given.
 */
export type LivesAs<
  Produced,
  Needs extends DependencyScope,
  Scope extends DependencyScope | undefined,
  Dispose,
> = Scope extends DependencyScope ? Scope : HasExit<Produced, Dispose> extends true ? 'default' : Needs;

type Wider = { function: 'request' | 'background'; request: 'background'; background: never };

/** A dependency with an exit cannot outlive what it needs. */
export type Allowed<Produced, Needs extends DependencyScope, Dispose> =
  HasExit<Produced, Dispose> extends true ? Exclude<DependencyScope, Wider[Needs]> : DependencyScope;

/** Only a plain function's value that always has a disposer may be disposed; so may one of unknown type. */
export type MayDispose<Produced> = 0 extends 1 & Produced
  ? boolean
  : [Produced] extends [AnyGeneratorType]
    ? false
    : [Awaited<Produced>] extends [AsyncDisposable | Disposable]
      ? boolean
      : false;
