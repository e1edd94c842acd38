/** A part of the request, and how long it took, in milliseconds. */
export interface Timing {
  readonly name: string;
  readonly duration: number;
}

/** A clock that can be paused. */
export class Stopwatch {
  readonly #done: (duration: number) => void;
  #since: number | undefined = performance.now();
  #elapsed = 0;

  constructor(done: (duration: number) => void) {
    this.#done = done;
  }

  pause(): void {
    if (this.#since !== undefined) this.#elapsed += performance.now() - this.#since;
    this.#since = undefined;
  }

  resume(): void {
    this.#since ??= performance.now();
  }

  stop(): void {
    this.pause();
    this.#done(this.#elapsed);
  }
}

/** How long each part of a request took, without what is below it, in the order they began. */
export class Timings {
  readonly #entries: { readonly name: string; duration: number | undefined }[] = [];
  /** The native code that is being measured. */
  #native: { isVoid: boolean } | undefined;

  /**
   * Starts a middleware. If it belongs to an inner layer, the code around it does not count as native code.
   */
  beginMiddleware(name: string): Stopwatch {
    this.enter();
    return this.begin(name);
  }

  /** Starts a dependency or an endpoint. */
  begin(name: string): Stopwatch {
    const entry: { name: string; duration: number | undefined } = { name, duration: undefined };
    this.#entries.push(entry);
    return new Stopwatch(duration => {
      entry.duration = duration;
    });
  }

  /** Notes that an endpoint or an inner layer answers: the code around it does not count as native code. */
  enter(): void {
    if (this.#native) this.#native.isVoid = true;
    this.#native = undefined;
  }

  /** Starts native code, which may still reach an endpoint or an inner layer. */
  beginNative(name: string): Stopwatch {
    this.enter();
    const native = { isVoid: false };
    this.#native = native;
    return new Stopwatch(duration => {
      if (!native.isVoid) this.#entries.push({ name, duration });
    });
  }

  /** The parts that have ended. */
  get done(): Timing[] {
    return this.#entries.filter((entry): entry is Timing => entry.duration !== undefined);
  }
}
