import { type BackgroundWork, checkedWork } from '../background/background-tasks.js';

const none: readonly never[] = [];

/**
 * The work to run after a response. Each place that a response passes (endpoint, `function` exit, exception
 * handler, middleware) replaces only its own. All of it runs, the outermost first.
 */
export class ResponseTasks {
  #own: BackgroundWork | undefined;
  /** Set by inner places, the outermost first. */
  #handedOn: readonly BackgroundWork[] = none;

  get latest(): BackgroundWork | undefined {
    return this.#own ?? this.#handedOn[0];
  }

  /** Throws `BACKGROUND_TASK`. */
  set(work: unknown): void {
    this.#own = checkedWork(work);
  }

  /** All work, in the order it runs. */
  get all(): readonly BackgroundWork[] {
    return this.#own === undefined ? this.#handedOn : [this.#own, ...this.#handedOn];
  }

  /** Ends the turn of one place: later work runs before this and does not replace it. */
  handOn(): void {
    if (this.#own !== undefined) this.#handedOn = this.all;
    this.#own = undefined;
  }

  /** Appends the work of the response that this one was made from. */
  inherit(works: readonly BackgroundWork[]): void {
    this.#handedOn = [...this.all, ...works];
    this.#own = undefined;
  }
}
