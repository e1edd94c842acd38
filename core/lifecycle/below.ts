import { within } from './in-flight.js';
import type { NativeWork } from './transport.js';

const none: readonly string[] = [];

/**
 * What still runs below when a response has been made: code that a middleware did not wait for, and native
 * code that injects. Its dependencies are not taken from it.
 */
export class Below {
  /** Native code that has answered and may still use what is open. */
  native: NativeWork | undefined;
  /** Whether native code has dependencies of its own. */
  hasInjected = false;
  /** Called when nothing runs any more, where somebody wants to know. */
  whenQuiet: (() => void) | undefined;
  /** The dependencies of scope `function` that native code has been given outside of a block, by name. */
  lent: readonly string[] = none;
  /** Whether the dependencies were taken from something that a layer had given up on. */
  isGivenUp = false;
  #abandoned = 0;
  #busy = 0;
  #wake: (() => void) | undefined;
  /** Milliseconds to wait for what a layer has given up on. */
  #patience: number | undefined;

  get isIdle(): boolean {
    return this.#abandoned === 0 && this.#busy === 0;
  }

  /** Whether something works that nobody waits for. */
  get isAbandoned(): boolean {
    return this.#abandoned > 0;
  }

  /** A middleware is through before what is below it. What is returned is called when that has settled. */
  abandon(): () => void {
    this.#abandoned += 1;
    return () => {
      this.#abandoned -= 1;
      this.#tell();
    };
  }

  /** Native code works: it waits for what it injects, or may still use what it has. */
  busyWith(work: Promise<unknown>): void {
    this.#busy += 1;
    const settle = (): void => {
      this.#busy -= 1;
      this.#tell();
    };
    work.then(settle, settle);
  }

  lend(names: readonly string[]): void {
    if (names.length > 0) this.lent = [...this.lent, ...names];
  }

  /** The first of the names that were lent, once. */
  takeLent(): string | undefined {
    const [name] = this.lent;
    this.lent = none;
    return name;
  }

  /** From now on it is waited for these milliseconds at most. */
  loseInterestAfter(milliseconds: number): void {
    this.#patience = Math.min(milliseconds, this.#patience ?? milliseconds);
  }

  /** Resolves when nothing runs any more, or when it was waited for long enough. */
  async whenIdle(): Promise<void> {
    let isPatient = true;
    // Who waited for one may have begun another.
    while (!this.isIdle && isPatient) {
      const idle = new Promise<void>(resolve => {
        this.#wake = resolve;
      });
      if (this.#patience === undefined) await idle;
      else isPatient = await within(this.#patience, idle);
    }
  }

  #tell(): void {
    if (!this.isIdle) return;
    this.#wake?.();
    this.whenQuiet?.();
  }
}
