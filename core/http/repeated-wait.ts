/**
 * A long promise that is raced many times against shorter ones. Each `Promise.race` would leave a reaction on
 * it until it settles.
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

  /** Settles like the first of the two, and leaves nothing behind on the longer one. */
  or<U>(shorter: Promise<U>): Promise<T | U> {
    if (this.#isSettled) return this.promise;
    return new Promise((resolve, reject) => {
      const wake = (): void => resolve(this.promise);
      this.#wakers.add(wake);
      shorter.then(resolve, reject).finally(() => this.#wakers.delete(wake));
    });
  }
}
