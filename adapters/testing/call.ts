import { later } from './real-time.js';
import type { Served } from './served.js';

/** A call of the client, from sending its request to the last byte of the response. */
export class Call {
  /** The number of trace resets before this call. */
  readonly cleared: number;
  /** Resolves once the caller has its response, or never will; then the exits may start. */
  readonly received: Promise<void>;
  /** The app's side of the request, once it has arrived. */
  served: Served | undefined;
  /** Whether the caller receives the response before its end. */
  isStreamed = false;
  #tell: () => void = () => undefined;

  constructor(cleared: number) {
    this.cleared = cleared;
    this.received = new Promise(resolve => {
      this.#tell = resolve;
    });
  }

  release(): void {
    this.#tell();
  }

  /** Lets the exits begin after the caller has resumed with its response. */
  releaseLater(): void {
    later(this.#tell);
  }
}
