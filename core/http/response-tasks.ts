import { type BackgroundWork, checkedWork } from '../background/background-tasks.js';

const none: readonly never[] = [];

/**
 * What runs after a response. Each place that a response passes (endpoint, exit of scope `function`,
 * exception handler, middleware) replaces only what it has set itself; all of it runs, the outermost first.
 */
export class ResponseTasks {
  #own: BackgroundWork | undefined;
  /** What was set further in, the outermost first. */
  #handedOn: readonly BackgroundWork[] = none;

  /** What was set last. */
  get latest(): BackgroundWork | undefined {
    return this.#own ?? this.#handedOn[0];
  }

  /** Throws `BACKGROUND_TASK`. */
  set(work: unknown): void {
    this.#own = checkedWork(work);
  }

  /** All that runs, in this order. */
  get all(): readonly BackgroundWork[] {
    return this.#own === undefined ? this.#handedOn : [this.#own, ...this.#handedOn];
  }

  /** What is set from here on is set by somebody else: it comes before this, and does not replace it. */
  handOn(): void {
    if (this.#own !== undefined) this.#handedOn = this.all;
    this.#own = undefined;
  }

  /** What runs after another response, of which this one was made, runs after this one. */
  inherit(works: readonly BackgroundWork[]): void {
    this.#handedOn = [...this.all, ...works];
    this.#own = undefined;
  }
}
