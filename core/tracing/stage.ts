import { toError } from '../errors.js';
import type { StageChannel } from './channels.js';
import type { StageEvent } from './events.js';

/** By this symbol, so that two copies of the package understand each other. */
export const inContext: unique symbol = Symbol.for('callnext.tracing.inContext') as never;

/** An event on which a subscriber of `start` has put what the stage then runs in: its async context. */
export interface EventWithContext extends StageEvent {
  [inContext]?: <T>(work: () => T) => T;
}

/** Adds to an event. One that a subscriber has frozen stays as it is. */
export function addTo(event: StageEvent, known: Partial<StageEvent>): void {
  for (const [name, value] of Object.entries(known)) Reflect.set(event, name, value);
}

/** What is known at the end of a stage. */
export type StageEnd = Partial<Pick<StageEvent, 'response' | 'outcome' | 'route' | 'status'>>;

/**
 * One stage of a request that somebody listens to. It publishes `start` and `end` around its synchronous
 * part, then `asyncStart` and `asyncEnd` at its end, and `error` before them if it has failed.
 */
export class Stage {
  readonly event: StageEvent;
  readonly #channel: StageChannel;

  constructor(channel: StageChannel, event: StageEvent) {
    this.#channel = channel;
    this.event = event;
  }

  /** Begins the stage with a function. The caller ends it with `end` or `fail`. */
  run<Args extends readonly unknown[], T>(work: (...args: Args) => T, ...args: Args): T {
    const { start, end } = this.#channel;
    return start.runStores(this.event, () => {
      try {
        const { [inContext]: enter } = this.event as EventWithContext;
        return enter ? enter(() => work(...args)) : work(...args);
      } finally {
        end.publish(this.event);
      }
    });
  }

  /** Runs the whole stage. Returns what the function returns: the same promise, not another one. */
  around<Args extends readonly unknown[], T>(work: (...args: Args) => T, ...args: Args): T {
    let running: T;
    try {
      running = this.run(work, ...args);
    } catch (thrown) {
      this.fail(thrown);
      throw thrown;
    }
    if (running instanceof Promise)
      running.then(
        () => this.end(),
        (thrown: unknown) => this.fail(thrown),
      );
    else this.end();
    return running;
  }

  end(known?: StageEnd): void {
    if (known) addTo(this.event, known);
    this.#channel.asyncStart.publish(this.event);
    this.#channel.asyncEnd.publish(this.event);
  }

  fail(thrown: unknown, known?: StageEnd): void {
    addTo(this.event, { error: toError(thrown) });
    this.#channel.error.publish(this.event);
    this.end(known);
  }
}
