import type { Dependencies, DependencyScope, Depends, RequestScope } from './marker.js';

// Lifetimes at the type level, so that the compiler rejects what `endpoint()` would reject.

/**
 * The value of a dependency: what its generator yields, what its promise resolves with, or its plain result.
 */
export type ValueOf<Produced> =
  Produced extends AsyncGenerator<infer T, unknown, never>
    ? T
    : Produced extends Generator<infer T, unknown, never>
      ? Awaited<T>
      : Awaited<Produced>;

/**
 * The shortest scope that a dependency's own dependencies name; otherwise `background`, or `app` if all of
 * them name it. A parameter belongs to a request.
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
  [Name in keyof D]: D[Name] extends Depends<unknown, infer Lives> ? Lives : 'background';
}[keyof D];

type AnyGeneratorType = AsyncGenerator<unknown, unknown, never> | Generator<unknown, unknown, never>;

/** Whether a dependency has an exit. */
type HasExit<Produced, Dispose> = Produced extends AnyGeneratorType
  ? true
  : Dispose extends true
    ? true
    : false;

/**
 * How long a value lives: with an exit, for its scope; without one, as long as its own dependencies, and
 * within a request unless it names the scope `app`.
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

/** The allowed scopes: a dependency with an exit cannot outlive its own dependencies. */
export type Allowed<Produced, Needs extends DependencyScope, Dispose> =
  HasExit<Produced, Dispose> extends true ? Exclude<RequestScope, Wider[Needs]> : RequestScope;

/**
 * Whether `dispose` may be set: only for a plain function whose value always has a disposer or has unknown
 * type.
 */
export type MayDispose<Produced> = 0 extends 1 & Produced
  ? boolean
  : [Produced] extends [AnyGeneratorType]
    ? false
    : [Awaited<Produced>] extends [AsyncDisposable | Disposable]
      ? boolean
      : false;
