/** A log of events, in order, which tests can wait for. */
export class EventLog {
  readonly events: string[] = [];
  #waiting: { event: string; resolve: () => void }[] = [];

  add = (event: string): void => {
    this.events.push(event);
    this.#waiting = this.#waiting.filter(({ event: awaited, resolve }) => {
      if (awaited !== event) return true;
      resolve();
      return false;
    });
  };

  /** Resolves once an event has been logged. */
  async until(event: string): Promise<void> {
    if (this.events.includes(event)) return;
    await new Promise<void>(resolve => this.#waiting.push({ event, resolve }));
  }
}

/** A promise that a test resolves by hand, to force an order of events. */
export function gate<T = void>(): { readonly opened: Promise<T>; open: (value: T) => void } {
  let open!: (value: T) => void;
  const opened = new Promise<T>(resolve => {
    open = resolve;
  });
  return { opened, open };
}
