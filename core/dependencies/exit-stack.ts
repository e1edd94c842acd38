import { carries } from '../errors.js';
import type { Response } from '../http/response.js';
import type { Stage } from '../tracing/stage.js';
import type { DependencyScope } from './marker.js';

/**
 * The scope of a value, and whether it is disposed; a disposed value is shared only with uses that ask for
 * it.
 */
export type Place = DependencyScope | `${DependencyScope} disposed`;

/** The name of a dependency, and the keys of its cached value; see `DependencyCache`. */
export interface Slot {
  readonly name: string;
  readonly scope: DependencyScope;
  readonly key: object;
  readonly place: Place;
}

/** An entered dependency. */
export interface Exit {
  readonly slot: Slot;
  /** The value that this exit ends; no other exit may end it too. */
  readonly value: unknown;
  /**
   * Runs the exit code with the response, or with the failure thrown in. Resolves with the failure of the
   * exit, if any: the same one or another. Never rejects.
   */
  leave(response: Response | undefined, failure: Error | undefined): Promise<Error | undefined>;
}

/** Runs an exit while somebody watches. */
export type ExitRunner = (exit: Exit, ...outcome: Parameters<Exit['leave']>) => Promise<Error | undefined>;

/** Observes the exits. */
export interface ExitObserver {
  /** The current owner of newly entered dependencies. */
  readonly owner: unknown;
  /** Called before an exit, with the failure that is thrown in. Returns what runs it if somebody watches. */
  exiting(slot: Slot, response: Response | undefined, failure: Error | undefined): ExitRunner | undefined;
  /** Called after a failed exit. `owner` is the one at the time the dependency was entered. */
  exitFailed(failure: Error, owner: unknown, name: string): void;
  /** Called with a failure that was replaced by one that does not have it among its causes. */
  failureLost(lost: Error): void;
}

interface Entry {
  readonly exit: Exit;
  readonly owner: unknown;
}

const none: readonly Entry[] = [];

/**
 * The entered dependencies of a request. Each exits once, last entered first, whatever the others do.
 *
 * An exit that throws replaces the failure for the exits after it, and the earlier failure becomes its cause,
 * as in Python's `AsyncExitStack`.
 */
export class ExitStack {
  /** The failure of the request, if it is known before everything below has ended. */
  failure: Error | undefined;
  readonly #observer: ExitObserver;
  #entered: readonly Entry[] = none;
  #leaving: readonly Entry[] = none;
  /** How many promises hold back the exits of scope `function`. */
  #keepers = 0;
  #closedBy: (() => Error) | undefined;

  constructor(observer: ExitObserver) {
    this.#observer = observer;
  }

  /**
   * Adds an entered dependency. On a closed stack it exits at once, and the result is the failure to throw.
   */
  push(exit: Exit): Promise<Error> | undefined {
    const entry = { exit, owner: this.#observer.owner };
    if (this.#closedBy) return this.#leaveAll([entry], undefined, this.#closedBy()) as Promise<Error>;
    this.#entered = [...this.#entered, entry];
    return undefined;
  }

  /** Sorts the entered dependencies with these slots into the order of the slots; see `arranged`. */
  arrange(slots: readonly Slot[]): void {
    this.#entered = arranged(this.#entered, slots, ({ exit }) => exit.slot);
  }

  /** Refuses further dependencies; the reason is created on demand. */
  close(failure: () => Error): void {
    this.failure = undefined;
    this.#closedBy = failure;
  }

  /** The reason why no dependency may be entered, if any. */
  get refusal(): Error | undefined {
    return this.failure ?? this.#closedBy?.();
  }

  get isEmpty(): boolean {
    return this.#entered.length === 0;
  }

  /** Whether a value already has an exit. */
  ends(value: unknown): boolean {
    return this.#entered.some(({ exit }) => exit.value === value);
  }

  /** Dependencies that have not exited. */
  get entered(): readonly Exit[] {
    return this.#entered.map(({ exit }) => exit);
  }

  /** The names of dependencies that have not exited, in the order of their exits. */
  get names(): string[] {
    return [...this.#leaving, ...this.#entered.toReversed()].map(({ exit }) => exit.slot.name);
  }

  /** Whether a dependency of this scope has not exited. */
  has(scope: DependencyScope): boolean {
    return this.#entered.some(({ exit }) => exit.slot.scope === scope);
  }

  /** Delays the exits of scope `function` until `work` has settled, at most to those of scope `request`. */
  keep(work: Promise<unknown>): void {
    this.#keepers += 1;
    const settle = (): void => {
      this.#keepers -= 1;
    };
    work.then(settle, settle);
  }

  /**
   * Runs the exits of one scope. Returns the failure afterwards, if any: synchronously if nothing had to
   * exit. Never rejects.
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
   * Throws a failure into all dependencies, whatever their scope. Resolves with the final failure; never
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
      const watched = this.#observer.exiting(exit.slot, response, current);
      const next = await (watched ? watched(exit, response, current) : exit.leave(response, current));
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

/** Runs an exit in a stage. It fails with an error of its own, not with the one that is thrown in. */
export async function leaveIn(
  stage: Stage,
  exit: Exit,
  response: Response | undefined,
  failure: Error | undefined,
): Promise<Error | undefined> {
  const next = await stage.run(() => exit.leave(response, failure));
  if (next && next !== failure) stage.fail(next);
  else stage.end();
  return next;
}

/** Native code may enter a `function` dependency after its answer; that one exits with scope `request`. */
function isLeftWith(scope: DependencyScope, { exit }: Entry): boolean {
  const own = exit.slot.scope;
  return own === scope || (own === 'function' && scope === 'request');
}

/**
 * Sorts the entries with one of these slots into the order of the slots. Leaves them alone if another entry
 * stands in between, because it may need some of them.
 */
export function arranged<T>(entered: readonly T[], slots: readonly Slot[], slotOf: (each: T) => Slot): T[] {
  const placeOf = (each: T): number => slots.indexOf(slotOf(each));
  const from = entered.findIndex(each => placeOf(each) >= 0);
  const them = entered.filter(each => placeOf(each) >= 0);
  const areTogether = entered.slice(from, from + them.length).every(each => placeOf(each) >= 0);
  if (!areTogether) return [...entered];
  return entered.toSpliced(from, them.length, ...them.toSorted((a, b) => placeOf(a) - placeOf(b)));
}
