/** Gives a session to one user after the other. */
export class Lock {
  #free = Promise.resolve();

  async take(): Promise<() => void> {
    const before = this.#free;
    let release = (): void => undefined;
    this.#free = new Promise(resolve => {
      release = resolve;
    });
    await before;
    return release;
  }
}
