/** Wakes a loop that waits. */
export class Bell {
  #ring: (() => void) | undefined;
  #rung = false;

  ring(): void {
    this.#rung = true;
    this.#ring?.();
  }

  /** Resolves at the next `ring()`, at once if it rang since the last wait, or after `ms`. */
  async wait(ms?: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>(resolve => {
      this.#ring = resolve;
      if (this.#rung) resolve();
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#ring = undefined;
    this.#rung = false;
  }
}
