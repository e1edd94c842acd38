import type { Request } from '../../core/adapter.js';
import type { Frame } from './frame.js';

/** One run of one layer. */
export interface LayerRun {
  /** Where it waits for native code, outermost first: at native code among its own middleware, and at what is below it. */
  frames: readonly Frame[];
  /** The request that native code sees the changes of. */
  seen: Request;
  /** What Koa runs below, from the outermost frame on. */
  chain: Promise<unknown> | undefined;
}

const none: readonly never[] = [];

/** The layers whose middleware is at work, the one that is on its way in last. */
export class LayerRuns {
  #runs: readonly LayerRun[] = none;

  get current(): LayerRun | undefined {
    return this.#runs.at(-1);
  }

  begin(request: Request): LayerRun {
    const run: LayerRun = { frames: none, seen: request, chain: undefined };
    this.#runs = this.#runs.length === 0 ? [run] : [...this.#runs, run];
    return run;
  }

  /** A layer's middleware goes on, which may be within another layer that native code among it has begun. */
  async during<T>(run: LayerRun, goOn: () => Promise<T>): Promise<T> {
    this.#runs = [...this.#runs, run];
    try {
      return await goOn();
    } finally {
      this.forget(run);
    }
  }

  forget(run: LayerRun): void {
    const index = this.#runs.lastIndexOf(run);
    if (index === 0 && this.#runs.length === 1) this.#runs = none;
    else if (index >= 0) this.#runs = this.#runs.toSpliced(index, 1);
  }
}
