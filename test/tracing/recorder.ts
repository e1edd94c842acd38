import { type ReportEvent, type StageEvent, subscribe } from 'callnext/tracing';
import { labelOf } from '../model/play.js';

export type Seen =
  | { readonly part: 'report'; readonly event: ReportEvent }
  | { readonly part: 'start' | 'end' | 'error' | 'asyncStart' | 'asyncEnd'; readonly event: StageEvent };

/** Records what the channels publish, until it is stopped. */
export class Recorder {
  /** Every event in order: its part, such as `start`, and what it is about. */
  readonly seen: Seen[] = [];
  readonly exchanges = new Set<object>();
  settled = 0;
  readonly stop: () => void;

  constructor() {
    const note =
      (part: Seen['part']) =>
      (event: Seen['event']): void => {
        this.exchanges.add(event.exchange);
        this.seen.push({ part, event } as Seen);
      };
    this.stop = subscribe({
      start: note('start'),
      end: note('end'),
      error: note('error'),
      asyncStart: note('asyncStart'),
      asyncEnd: note('asyncEnd'),
      report: note('report'),
      settled: () => {
        this.settled += 1;
      },
    });
  }

  /** The starts and ends of stages in order, such as `dependency.exit getDb` and `/middleware timing 200`. */
  get lines(): string[] {
    return this.seen.flatMap(({ part, event }) => {
      if (part === 'report') return [`report ${event.phase} ${labelOf(event.error)}`];
      if (part === 'start') return [titleOf(event)];
      return part === 'asyncEnd' ? [`/${titleOf(event)}${outcomeOf(event)}`] : [];
    });
  }

  /** What each stage published, in order: they are all the same, but for `error`. */
  get protocols(): string[] {
    const parts = new Map<StageEvent, string[]>();
    for (const { part, event } of this.seen)
      if (part !== 'report') parts.set(event, [...(parts.get(event) ?? []), part]);
    return [...new Set([...parts.values()].map(each => each.join(' ')))];
  }
}

function titleOf({ stage, name, thrown }: StageEvent): string {
  return `${stage} ${name}${thrown ? ` with ${labelOf(thrown)}` : ''}`;
}

function outcomeOf({ response, status = response?.status, outcome, error }: StageEvent): string {
  const parts = [status, outcome, error && `failed: ${labelOf(error as Error)}`];
  return parts
    .filter(each => each !== undefined)
    .map(each => ` ${each}`)
    .join('');
}
