import { arranged, type Exit, type Slot } from '../dependencies/exit-stack.js';
import { misuse } from '../errors.js';

/** Receives the failure of an exit, with the name of its dependency. */
export type ExitReporter = (failure: Error, name: string) => void;

/** An exit that has failed. */
export interface FailedExit {
  readonly failure: Error;
  readonly name: string;
}

/**
 * What a layer has entered for as long as it lives. Each is left once, last entered first, and as after a
 * success: no failure of a request, and none of another exit, is its own.
 */
export class AppExits {
  readonly #report: ExitReporter;
  #entered: Exit[] = [];
  #isLeft = false;

  constructor(report: ExitReporter) {
    this.#report = report;
  }

  /** The error for a new entrance, once the layer has been left. */
  get refusal(): Error | undefined {
    return this.#isLeft ? misuse('LAYER_CLOSED') : undefined;
  }

  /** The names of those that have not been left, in the order in which they will be. */
  get names(): string[] {
    return this.#entered.map(({ slot }) => slot.name).toReversed();
  }

  /** Adds an entered one. After `leaveAll` it is left at once, and the promise resolves with the refusal. */
  push(exit: Exit): Promise<Error> | undefined {
    if (this.#isLeft) return this.#leaveLate(exit);
    this.#entered.push(exit);
    return undefined;
  }

  /** Whether a value has an exit already. */
  ends(value: unknown): boolean {
    return this.#entered.some(exit => exit.value === value);
  }

  /** See `ExitStack.arrange`. */
  arrange(slots: readonly Slot[]): void {
    this.#entered = arranged(this.#entered, slots, ({ slot }) => slot);
  }

  /** Leaves all. Resolves with the first failure, and reports the others; never rejects. */
  async leaveAll(): Promise<FailedExit | undefined> {
    this.#isLeft = true;
    let first: FailedExit | undefined;
    for (let exit = this.#entered.at(-1); exit; exit = this.#entered.at(-1)) {
      const failure = await exit.leave(undefined, undefined);
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
