/**
 * A promise that is waited for many times, each time beside something shorter. `Promise.race` would add a
 * reaction to it each time, which stays there until it settles.
 */
export class RepeatedWait<T> {
  readonly promise: Promise<T>;
  readonly #wakers = new Set<() => void>();
  #isSettled = false;

  constructor(promise: Promise<T>) {
    this.promise = promise;
    const settle = (): void => {
      this.#isSettled = true;
      for (const wake of this.#wakers) wake();
      this.#wakers.clear();
    };
    promise.then(settle, settle);
  }

  /** Settles as the first of the two, and leaves nothing on the longer one. */
  or<U>(shorter: Promise<U>): Promise<T | U> {
    if (this.#isSettled) return this.promise;
    return new Promise((resolve, reject) => {
      const wake = (): void => resolve(this.promise);
      this.#wakers.add(wake);
      shorter.then(resolve, reject).finally(() => this.#wakers.delete(wake));
    });
  }
}
