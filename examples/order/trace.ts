import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** An event during a request. */
export interface TraceEvent {
  readonly at: number;
  readonly stage: string;
  readonly text: string;
}

/** The events of one request, in order, wherever they happen. */
export class Trace {
  readonly events: TraceEvent[] = [];
  readonly #start = performance.now();
  #quiet: { count: number; resolve: () => void } | undefined;

  note(stage: string, text: string): void {
    this.events.push({ at: performance.now() - this.#start, stage, text });
    if (this.#quiet && this.events.length >= this.#quiet.count)
      this.#quiet.resolve();
  }

  /**
   * Resolves a little after `count` events, so that a surplus one would be
   * seen.
   */
  async settled(count: number): Promise<void> {
    const deadline = new Promise(resolve => setTimeout(resolve, 2000).unref());
    const enough = new Promise<void>(resolve => {
      this.#quiet = { count, resolve };
      if (this.events.length >= count) resolve();
    });
    await Promise.race([enough, deadline]);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

const traces = new AsyncLocalStorage<Trace>();

/** Notes an event of the current request. */
export function note(stage: string, text: string): void {
  traces.getStore()?.note(stage, text);
}

/** Runs a native listener with its own trace for each request. */
export function traced(
  listener: (req: IncomingMessage, res: ServerResponse) => void,
  begin: (req: IncomingMessage, trace: Trace, res: ServerResponse) => void,
): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    const trace = new Trace();
    begin(req, trace, res);
    res.once('finish', () => trace.note('response', `sent, ${res.statusCode}`));
    traces.run(trace, () => listener(req, res));
  };
}
