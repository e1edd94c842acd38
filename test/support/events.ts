/** A log of what happened, in the order in which it happened, which can be waited for. */
export class EventLog {
  readonly events: string[] = [];
  #waiting: { event: string; resolve: () => void }[] = [];

  /** Notes an event. */
  add = (event: string): void => {
    this.events.push(event);
    this.#waiting = this.#waiting.filter(({ event: awaited, resolve }) => {
      if (awaited !== event) return true;
      resolve();
      return false;
    });
  };

  /** Resolves when an event has been noted. */
  async until(event: string): Promise<void> {
    if (this.events.includes(event)) return;
    await new Promise<void>(resolve => this.#waiting.push({ event, resolve }));
  }
}

/** A promise that a test resolves by hand, to force the order in which things happen. */
export function gate<T = void>(): { readonly opened: Promise<T>; open: (value: T) => void } {
  let open!: (value: T) => void;
  const opened = new Promise<T>(resolve => {
    open = resolve;
  });
  return { opened, open };
}
