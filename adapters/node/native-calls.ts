/** A call of native code that returned a promise, or a block that native code runs. */
interface Work {
  readonly order: number;
  readonly isBlock: boolean;
  readonly promise: PromiseLike<unknown>;
  /** Whether it is known to have ended. */
  isOver: boolean;
}

const none: readonly never[] = [];

/**
 * The calls of native code in one request, in the order in which they started, with the promises that they
 * returned. A call ends when its promise settles; without a promise, its end is unknown.
 */
export class NativeCalls {
  /** How many listeners the response had for `finish` when native code first injected. */
  listenersBefore: number | undefined;
  #count = 0;
  #lastCall = 0;
  #works: readonly Work[] = none;
  #injecting: readonly number[] = none;

  /** The number of calls so far. Later calls have higher numbers. */
  get count(): number {
    return this.#count;
  }

  /** Notes that a call starts. Returns its number for `gave`. */
  begin(): number {
    this.#count += 1;
    this.#lastCall = this.#count;
    return this.#count;
  }

  /** Notes what a call returned. */
  gave(order: number, returned: unknown): void {
    if (isPromise(returned))
      this.#works = [...this.#works, { order, isBlock: false, promise: returned, isOver: false }];
  }

  /** Notes that the last call injects, while the response has this many listeners for `finish`. */
  injects(listeners: number): void {
    this.listenersBefore ??= listeners;
    if (!this.#injecting.includes(this.#lastCall)) this.#injecting = [...this.#injecting, this.#lastCall];
  }

  /** Notes a block that native code runs with its dependencies. */
  runs(block: Promise<unknown>): void {
    this.#count += 1;
    this.#works = [...this.#works, { order: this.#count, isBlock: true, promise: block, isOver: false }];
  }

  /** Notes that the call which returned this has ended. */
  ended(returned: unknown): void {
    for (const work of this.#works) if (work.promise === returned) work.isOver = true;
  }

  /** Returns the promises of calls after `order`: of the last call, of calls that injected, and of blocks. */
  worksAfter(order: number): PromiseLike<unknown>[] {
    const mayUse = (work: Work): boolean =>
      work.isBlock || work.order === this.#lastCall || this.#injecting.includes(work.order);
    const works = this.#works.filter(work => !work.isOver && work.order > order && mayUse(work));
    return works.map(({ promise }) => promise);
  }

  /** Whether the last call returned a promise. */
  get isLastKnown(): boolean {
    return this.#works.some(({ order, isBlock }) => order === this.#lastCall && !isBlock);
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
