import { within } from './in-flight.js';
import type { NativeWork } from './transport.js';

const none: readonly string[] = [];

/**
 * The code that still runs below after a response was made: work that a middleware did not await, and native
 * code that injects. It keeps its dependencies until it ends.
 */
export class Below {
  /** Native code that has answered and may still use open dependencies. */
  native: NativeWork | undefined;
  /** Whether native code has dependencies of its own. */
  hasInjected = false;
  /** Called when nothing runs below, if it is set. */
  whenQuiet: (() => void) | undefined;
  /** The names of `function`-scoped dependencies that native code received outside of a block. */
  lent: readonly string[] = none;
  /** Whether dependencies exited while code that a layer had given up on was still running. */
  isGivenUp = false;
  #abandoned = 0;
  #busy = 0;
  #wake: (() => void) | undefined;
  /** How long to wait for code that a layer has given up on, in milliseconds. */
  #patience: number | undefined;

  get isIdle(): boolean {
    return this.#abandoned === 0 && this.#busy === 0;
  }

  /** Whether work is running that nobody awaits. */
  get isAbandoned(): boolean {
    return this.#abandoned > 0;
  }

  /** Counts work that a middleware did not await. Call the returned function when that work has settled. */
  abandon(): () => void {
    this.#abandoned += 1;
    return () => {
      this.#abandoned -= 1;
      this.#tell();
    };
  }

  /** Counts native code as running until `work` settles. */
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

  /** Returns the first of the lent names and forgets them all. */
  takeLent(): string | undefined {
    const [name] = this.lent;
    this.lent = none;
    return name;
  }

  /** Limits how long `whenIdle()` waits; the shortest limit applies. */
  loseInterestAfter(milliseconds: number): void {
    this.#patience = Math.min(milliseconds, this.#patience ?? milliseconds);
  }

  /** Resolves when nothing runs below, or when the limit of `loseInterestAfter()` has passed. */
  async whenIdle(): Promise<void> {
    let isPatient = true;
    // Work that has just settled may have started more work.
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
