import type { Solution } from '../dependencies/dependency-cache.js';
import { arranged, type Exit, leaveIn, type Slot } from '../dependencies/exit-stack.js';
import { misuse } from '../errors.js';
import type { Tracing } from '../tracing/tracing.js';

/** Receives the failure of an exit, with the name of its dependency. */
export type ExitReporter = (failure: Error, name: string) => void;

/** Where the end of a layer is reported. */
export interface LayerEnd {
  readonly report: ExitReporter;
  /** That of the end, if somebody listens then. */
  readonly tracing: Tracing | undefined;
}

/** What an unfinished entrance has asked for. */
export type Entrance = Pick<Solution, 'asked'>;

export interface FailedExit {
  readonly failure: Error;
  readonly name: string;
}

/**
 * The entered dependencies of scope `app` of a layer. Each exits once, last entered first, as after a
 * success: a failed exit is not thrown into the others.
 */
export class AppExits {
  readonly #end: LayerEnd;
  readonly #entering = new Map<Entrance, Promise<unknown>>();
  #entered: Exit[] = [];
  #isLeft = false;

  constructor(end: LayerEnd) {
    this.#end = end;
  }

  /** The reason why no dependency may be entered, once the layer is closed. */
  get refusal(): Error | undefined {
    return this.#isLeft ? misuse('LAYER_CLOSED') : undefined;
  }

  /** The names of dependencies that have not exited, in the order of their exits. */
  get names(): string[] {
    return this.#entered.map(({ slot }) => slot.name).toReversed();
  }

  /** Notes an unfinished entrance: what it needs exits after it. */
  entering(entrance: Entrance, entered: Promise<unknown>): void {
    this.#entering.set(entrance, entered);
    const end = (): unknown => this.#entering.delete(entrance);
    entered.then(end, end);
  }

  /**
   * Adds an entered dependency. After `leaveAll` it exits at once, and the result is the failure to throw.
   */
  push(exit: Exit): Promise<Error> | undefined {
    if (this.#isLeft) return this.#leaveLate(exit);
    this.#entered.push(exit);
    return undefined;
  }

  /** Whether a value already has an exit. */
  ends(value: unknown): boolean {
    return this.#entered.some(exit => exit.value === value);
  }

  /** See `ExitStack.arrange`. */
  arrange(slots: readonly Slot[]): void {
    this.#entered = arranged(this.#entered, slots, ({ slot }) => slot);
  }

  /** Runs all exits. Resolves with the first failure and reports the others; never rejects. */
  async leaveAll(tracing: Tracing | undefined): Promise<FailedExit | undefined> {
    this.#isLeft = true;
    let first: FailedExit | undefined;
    while (this.#entered.length > 0) {
      const exit = this.#nextExit();
      if (exit === undefined) {
        await Promise.race([...this.#entering.values()].map(ended));
        continue;
      }
      const failure = await leave(exit, tracing);
      const { name } = exit.slot;
      this.#entered = this.#entered.filter(each => each !== exit);
      if (failure && first) this.#end.report(failure, name);
      else if (failure) first = { failure, name };
    }
    return first;
  }

  /** The last one entered that no unfinished entrance needs. */
  #nextExit(): Exit | undefined {
    const needed = new Set<Slot>();
    for (const { asked } of this.#entering.keys()) addAll(asked, needed);
    return this.#entered.findLast(({ slot }) => !needed.has(slot));
  }

  async #leaveLate(exit: Exit): Promise<Error> {
    const failure = await leave(exit, this.#end.tracing);
    if (failure) this.#end.report(failure, exit.slot.name);
    return misuse('LAYER_CLOSED');
  }
}

function leave(exit: Exit, tracing: Tracing | undefined): Promise<Error | undefined> {
  const stage = tracing?.dependency('dependency.exit', exit.slot);
  return stage ? leaveIn(stage, exit, undefined, undefined) : exit.leave(undefined, undefined);
}

function addAll(asked: readonly Solution[] | undefined, needed: Set<Slot>): void {
  for (const each of asked ?? []) {
    if (needed.has(each)) continue;
    needed.add(each);
    addAll(each.asked, needed);
  }
}

async function ended(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
