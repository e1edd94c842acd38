import { arranged, type Exit, leaveIn, type Slot } from '../dependencies/exit-stack.js';
import { misuse } from '../errors.js';
import type { Tracing } from '../tracing/tracing.js';

/** Receives the failure of an exit, with the name of its dependency. */
export type ExitReporter = (failure: Error, name: string) => void;

export interface FailedExit {
  readonly failure: Error;
  readonly name: string;
}

/**
 * The entered dependencies of scope `app` of a layer. Each exits once, last entered first, as after a
 * success: a failed exit is not thrown into the others.
 */
export class AppExits {
  readonly #report: ExitReporter;
  #entered: Exit[] = [];
  #isLeft = false;

  constructor(report: ExitReporter) {
    this.#report = report;
  }

  /** The reason why no dependency may be entered, once the layer is closed. */
  get refusal(): Error | undefined {
    return this.#isLeft ? misuse('LAYER_CLOSED') : undefined;
  }

  /** The names of dependencies that have not exited, in the order of their exits. */
  get names(): string[] {
    return this.#entered.map(({ slot }) => slot.name).toReversed();
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
    for (let exit = this.#entered.at(-1); exit; exit = this.#entered.at(-1)) {
      const stage = tracing?.dependency('dependency.exit', exit.slot);
      const leaving = stage ? leaveIn(stage, exit, undefined, undefined) : exit.leave(undefined, undefined);
      const failure = await leaving;
      const { name } = exit.slot;
      this.#entered.pop();
      if (failure && first) this.#report(failure, name);
      else if (failure) first = { failure, name };
    }
    return first;
  }

  async #leaveLate(exit: Exit): Promise<Error> {
    const failure = await exit.leave(undefined, undefined);
    if (failure) this.#report(failure, exit.slot.name);
    return misuse('LAYER_CLOSED');
  }
}
