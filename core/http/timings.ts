/** What was measured: a part of the request, and how long it took, in milliseconds. */
export interface Timing {
  readonly name: string;
  readonly duration: number;
}

/** A clock that can be stopped for as long as something else is at work. */
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

/** How long the parts of a request took, each without what is below it, in the order in which they began. */
export class Timings {
  readonly #entries: { readonly name: string; duration: number | undefined }[] = [];
  /** Native code that is at work, as far as is known. */
  #native: { isVoid: boolean } | undefined;

  /** A middleware begins: where it is that of a layer further in, it is no native code that answers. */
  beginMiddleware(name: string): Stopwatch {
    this.enter();
    return this.begin(name);
  }

  /** A dependency or an endpoint begins. */
  begin(name: string): Stopwatch {
    const entry: { name: string; duration: number | undefined } = { name, duration: undefined };
    this.#entries.push(entry);
    return new Stopwatch(duration => {
      entry.duration = duration;
    });
  }

  /** An endpoint, or a layer further in, is what answers: code around it is not measured as native code. */
  enter(): void {
    if (this.#native) this.#native.isVoid = true;
    this.#native = undefined;
  }

  /** Native code begins, which may come to an endpoint or to another layer. */
  beginNative(name: string): Stopwatch {
    this.enter();
    const native = { isVoid: false };
    this.#native = native;
    return new Stopwatch(duration => {
      if (!native.isVoid) this.#entries.push({ name, duration });
    });
  }

  /** What has come to its end. */
  get done(): Timing[] {
    return this.#entries.filter((entry): entry is Timing => entry.duration !== undefined);
  }
}
