import type { Dependencies, DependencyScope, Depends, RequestScope } from './marker.js';

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
 * The shortest scope among those that a dependency's own dependencies name. One that names none may be of
 * scope `background`; `app` is what all of them name, or what needs nothing.
 */
export type Narrowest<D extends Dependencies> =
  'function' extends LivesOf<D>
    ? 'function'
    : 'request' extends LivesOf<D>
      ? 'request'
      : LivesOf<D> extends 'app'
        ? 'app'
        : 'background';

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
 * given, and within a request unless it names the scope `app`.
 */
export type LivesAs<
  Produced,
  Needs extends DependencyScope,
  Scope extends RequestScope | undefined,
  Dispose,
> = Scope extends RequestScope
  ? Scope
  : HasExit<Produced, Dispose> extends true
    ? 'default'
    : Needs extends 'app'
      ? 'background'
      : Needs;

type Wider = { function: 'request' | 'background'; request: 'background'; background: never; app: never };

/** A dependency with an exit cannot outlive what it needs. */
export type Allowed<Produced, Needs extends DependencyScope, Dispose> =
  HasExit<Produced, Dispose> extends true ? Exclude<RequestScope, Wider[Needs]> : RequestScope;

/** Only a plain function's value that always has a disposer may be disposed; so may one of unknown type. */
export type MayDispose<Produced> = 0 extends 1 & Produced
  ? boolean
  : [Produced] extends [AnyGeneratorType]
    ? false
    : [Awaited<Produced>] extends [AsyncDisposable | Disposable]
      ? boolean
      : false;
