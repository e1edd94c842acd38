/** The longest wait of a platform's timer, in milliseconds; a longer one would fire at once. */
const longest = 2 ** 31 - 1;

/** Calls a function once, after any number of milliseconds. */
export class Timer {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number, ring: () => void) {
    this.#wait(milliseconds, ring);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(milliseconds: number, ring: () => void): void {
    const rest = milliseconds - longest;
    this.#timer =
      rest > 0 ? setTimeout(() => this.#wait(rest, ring), longest) : setTimeout(ring, milliseconds);
  }
}
