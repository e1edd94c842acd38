import { print } from '../errors/print.js';
import { toError } from '../errors.js';
import { type Channel, reportChannel, settledChannel, stageChannels } from './channels.js';
import type { ReportEvent, SettledEvent, StageEvent } from './events.js';

/** Receives the events of stages, each function those of one kind. */
export interface Subscriber {
  /** A stage begins. */
  start?(event: StageEvent): void;
  /** The synchronous part of a stage has ended. */
  end?(event: StageEvent): void;
  /** A stage has failed with `event.error`; `asyncStart` and `asyncEnd` follow. */
  error?(event: StageEvent): void;
  /** A stage has ended; `asyncEnd` follows at once. */
  asyncStart?(event: StageEvent): void;
  /** A stage has ended: its last event. */
  asyncEnd?(event: StageEvent): void;
  /** `onError` receives an error. */
  report?(event: ReportEvent): void;
  /** The last task of a request has run. */
  settled?(event: SettledEvent): void;
}

const parts = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'] as const;

/**
 * Subscribes to all channels, for requests that arrive from now on. Returns a function that unsubscribes.
 *
 * ```ts
 * const unsubscribe = subscribe({ asyncEnd: ({ stage, name }) => console.log(stage, name) });
 * ```
 *
 * What a function throws is printed and harms nothing. If you subscribe with `node:diagnostics_channel`, Node
 * raises it as an uncaught exception.
 */
export function subscribe(subscriber: Subscriber): () => void {
  const undo = Object.values(stageChannels).flatMap(channel =>
    parts.map(part => listen(channel?.[part], subscriber[part] && (event => subscriber[part]?.(event)))),
  );
  undo.push(listen(reportChannel, subscriber.report && (event => subscriber.report?.(event))));
  undo.push(listen(settledChannel, subscriber.settled && (event => subscriber.settled?.(event))));
  return () => {
    for (const unsubscribe of undo) unsubscribe?.();
  };
}

function listen<Event>(
  channel: Channel<Event> | undefined,
  handler: ((event: Event) => unknown) | undefined,
): (() => void) | undefined {
  if (!channel || !handler) return undefined;
  const harmless = (event: Event): void => {
    try {
      const returned = handler(event);
      if (typeof returned === 'object' && returned !== null)
        new Promise(resolve => resolve(returned)).catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  };
  channel.subscribe(harmless);
  return () => void channel.unsubscribe(harmless);
}

function failed(thrown: unknown): void {
  print('callnext: a subscriber failed.', toError(thrown));
}
