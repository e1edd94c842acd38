import { carries } from '../errors.js';
import type { Response } from '../http/response.js';
import type { DependencyScope } from './marker.js';

/** How a value lives: one that is disposed is not given to those who did not ask for that. */
export type Place = DependencyScope | `${DependencyScope} disposed`;

/** What a dependency is called, and what its value is kept under: see `DependencyCache`. */
export interface Slot {
  readonly name: string;
  readonly scope: DependencyScope;
  readonly key: object;
  readonly place: Place;
}

/** An entered dependency. */
export interface Exit {
  readonly slot: Slot;
  /** What it ends: nothing else is to end that, too. */
  readonly value: unknown;
  /**
   * Runs the exit code: on success with the response, on failure with the exception thrown in. Resolves with
   * the failure that there is afterwards: the same one, another one, or none. Never rejects.
   */
  leave(response: Response | undefined, failure: Error | undefined): Promise<Error | undefined>;
}

/** Who is told of what the exits do. */
export interface ExitObserver {
  /** What the dependencies that are entered now belong to. */
  readonly owner: unknown;
  /** An exit begins, with what is thrown in. */
  exiting(name: string, failure: Error | undefined): void;
  /** An exit has failed. `owner` is what that of the observer was when it was entered. */
  exitFailed(failure: Error, owner: unknown, name: string): void;
  /** A failure took the place of this one, and does not carry it among its causes. */
  failureLost(lost: Error): void;
}

interface Entry {
  readonly exit: Exit;
  readonly owner: unknown;
}

const none: readonly Entry[] = [];

/**
 * The dependencies that a request has entered. Each is left once, last entered first, whatever the others do.
 *
 * An exit that throws replaces the failure for those that are left after it, and the failure before it
 * becomes its cause, as in Python's `AsyncExitStack`.
 */
export class ExitStack {
  /** The failure of the request, where it is known before everything below has come to its end. */
  failure: Error | undefined;
  readonly #observer: ExitObserver;
  #entered: readonly Entry[] = none;
  #leaving: readonly Entry[] = none;
  /** How many promises keep those of scope `function` from being left. */
  #keepers = 0;
  #closedBy: (() => Error) | undefined;

  constructor(observer: ExitObserver) {
    this.#observer = observer;
  }

  /**
   * Adds an entered dependency. One that comes when the stack is closed is left at once; what is returned
   * then resolves with the failure that goes on.
   */
  push(exit: Exit): Promise<Error> | undefined {
    const entry = { exit, owner: this.#observer.owner };
    if (this.#closedBy) return this.#leaveAll([entry], undefined, this.#closedBy()) as Promise<Error>;
    this.#entered = [...this.#entered, entry];
    return undefined;
  }

  /** Puts those with these slots into the order in which the slots are named: see `arranged`. */
  arrange(slots: readonly Slot[]): void {
    this.#entered = arranged(this.#entered, slots, ({ exit }) => exit.slot);
  }

  /** Nothing will leave what is entered from now on; the reason is made when somebody asks for it. */
  close(failure: () => Error): void {
    this.failure = undefined;
    this.#closedBy = failure;
  }

  /** Why nothing more is to be entered, if so. */
  get refusal(): Error | undefined {
    return this.failure ?? this.#closedBy?.();
  }

  /** Whether there is nothing to leave. */
  get isEmpty(): boolean {
    return this.#entered.length === 0;
  }

  /** Whether a value has an exit already. */
  ends(value: unknown): boolean {
    return this.#entered.some(({ exit }) => exit.value === value);
  }

  /** Those that have not been left. */
  get entered(): readonly Exit[] {
    return this.#entered.map(({ exit }) => exit);
  }

  /** The names of those that have not been left, in the order in which they will be. */
  get names(): string[] {
    return [...this.#leaving, ...this.#entered.toReversed()].map(({ exit }) => exit.slot.name);
  }

  /** Whether there is something of this scope to leave. */
  has(scope: DependencyScope): boolean {
    return this.#entered.some(({ exit }) => exit.slot.scope === scope);
  }

  /**
   * Leaves those of scope `function` no sooner than this has settled: with those of scope `request`, if need
   * be.
   */
  keep(work: Promise<unknown>): void {
    this.#keepers += 1;
    const settle = (): void => {
      this.#keepers -= 1;
    };
    work.then(settle, settle);
  }

  /**
   * Leaves those of one scope. Gives the failure there is afterwards, `undefined` if there is none: at once
   * where there is nothing to leave. Never rejects.
   */
  leave(
    scope: DependencyScope,
    response: Response | undefined,
    failure = this.failure,
  ): Promise<Error | undefined> | Error | undefined {
    if (this.#entered.length === 0 || (scope === 'function' && this.#keepers > 0)) return failure;
    const leaving = this.#entered.filter(entry => isLeftWith(scope, entry));
    if (leaving.length === 0) return failure;
    const isAll = leaving.length === this.#entered.length;
    this.#entered = isAll ? none : this.#entered.filter(entry => !isLeftWith(scope, entry));
    return this.#leaveAll(leaving, response, failure);
  }

  /**
   * Throws a failure into all of them, whatever their scope. Resolves with the failure that comes out; never
   * rejects.
   */
  async unwind(failure: Error): Promise<Error> {
    const leaving = this.#entered;
    this.#entered = none;
    return (await this.#leaveAll(leaving, undefined, failure)) ?? failure;
  }

  async #leaveAll(
    entries: readonly Entry[],
    response: Response | undefined,
    failure: Error | undefined,
  ): Promise<Error | undefined> {
    if (entries.length === 0) return failure;
    const leaving = entries.toReversed();
    this.#leaving = leaving;
    let current = failure;
    for (let entry = leaving[0]; entry; entry = leaving[0]) {
      const { exit, owner } = entry;
      const { name } = exit.slot;
      this.#observer.exiting(name, current);
      const next = await exit.leave(response, current);
      if (next && next !== current) this.#noteFailure(next, current, owner, name);
      current = next ?? current;
      leaving.shift();
    }
    return current;
  }

  #noteFailure(failure: Error, before: Error | undefined, owner: unknown, name: string): void {
    this.#observer.exitFailed(failure, owner, name);
    if (before && !carries(failure, before)) this.#observer.failureLost(before);
  }
}

/**
 * Native code may have entered one of scope `function` when its answer was out: that one exits with
 * `request`.
 */
function isLeftWith(scope: DependencyScope, { exit }: Entry): boolean {
  const own = exit.slot.scope;
  return own === scope || (own === 'function' && scope === 'request');
}

/**
 * Sorts what has one of these slots into the order in which the slots are named, unless something else was
 * entered in between, which may need some of it.
 */
export function arranged<T>(entered: readonly T[], slots: readonly Slot[], slotOf: (each: T) => Slot): T[] {
  const placeOf = (each: T): number => slots.indexOf(slotOf(each));
  const from = entered.findIndex(each => placeOf(each) >= 0);
  const them = entered.filter(each => placeOf(each) >= 0);
  const areTogether = entered.slice(from, from + them.length).every(each => placeOf(each) >= 0);
  if (!areTogether) return [...entered];
  return entered.toSpliced(from, them.length, ...them.toSorted((a, b) => placeOf(a) - placeOf(b)));
}
