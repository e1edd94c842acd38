import { within } from './in-flight.js';

/**
 * What still runs below when a response has been made: code that a middleware did not wait for, and native code that injects.
 * Its dependencies are not taken from it.
 */
export class Unfinished {
  readonly #observer: { becameIdle(): void };
  #abandoned = 0;
  #busy = 0;
  #wake: (() => void) | undefined;
  /** Milliseconds to wait for what a layer has given up on. */
  #patience: number | undefined;

  constructor(observer: { becameIdle(): void }) {
    this.#observer = observer;
  }

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

  /** Native code waits for what it injects. */
  busyWith(work: Promise<unknown>): void {
    this.#busy += 1;
    const settle = (): void => {
      this.#busy -= 1;
      this.#tell();
    };
    work.then(settle, settle);
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
    this.#observer.becameIdle();
  }
}
