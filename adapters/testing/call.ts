import { later } from './real-time.js';
import type { Served } from './served.js';

/** A call of the client, from the sending of its request to its last byte. */
export class Call {
  /** How often the trace had been cleared when it began. */
  readonly cleared: number;
  /** Resolves when the caller has its response, or never will: exits begin then. */
  readonly received: Promise<void>;
  /** What the app makes of it, from when the request has arrived. */
  served: Served | undefined;
  /** Whether the caller has the response before its end. */
  isStreamed = false;
  #tell: () => void = () => undefined;

  constructor(cleared: number) {
    this.cleared = cleared;
    this.received = new Promise(resolve => {
      this.#tell = resolve;
    });
  }

  /** Lets the exits begin. */
  release(): void {
    this.#tell();
  }

  /** The same when the caller has gone on with its response. */
  releaseLater(): void {
    later(this.#tell);
  }
}
