import { type Bar, barsOf, endOf, type Segment } from '../shown/bars.js';
import type { RequestRecord, Stage } from '../shown/record.js';
import { create, duration } from './dom.js';

const titles: Readonly<Record<Stage, string>> = {
  middleware: 'middleware',
  dependency: 'dependency',
  endpoint: 'endpoint',
  native: 'native handler',
  send: 'response',
  exit: 'exit of a dependency',
  task: 'background task',
  enqueue: 'durable task sent',
  report: 'reported to onError',
};

/** Below this many milliseconds everything would be one bar. */
const shortest = 0.1;

/** The bars of a request, each with a sentence for screen readers. */
export function timelineOf(record: RequestRecord): HTMLElement[] {
  const end = Math.max(endOf(record), shortest);
  const rows = barsOf(record).map(bar => rowOf(bar, end));
  const marks = [0, 0.25, 0.5, 0.75, 1].map(part => create('span', { text: duration(end * part) }));
  return [
    create('ol', { class: 'timeline', attributes: { 'aria-label': 'Timeline' }, children: rows }),
    create('div', { class: 'scale', attributes: { 'aria-hidden': 'true' }, children: marks }),
  ];
}

function rowOf(bar: Bar, end: number): HTMLLIElement {
  const { stage, name, depth, segments, notes, isRunning } = bar;
  const label = create('span', {
    class: 'bar-name',
    text: name,
    style: { '--depth': String(depth) },
    children: [create('small', { text: titles[stage] })],
  });
  const track = create('span', {
    class: 'track',
    attributes: { role: 'img', 'aria-label': spokenOf(bar) },
    children: segments.map(segment => partOf(segment, end)),
  });
  return create('li', {
    attributes: { 'data-stage': stage, ...(isRunning ? { 'data-running': '' } : {}) },
    children: [label, track, ...notes.map(text => create('span', { class: 'notes', text }))],
  });
}

function partOf({ kind, name, from, to }: Segment, end: number): HTMLElement {
  const percent = (time: number): string => `${((100 * time) / end).toFixed(3)}%`;
  return create('i', {
    class: kind,
    style: { '--from': percent(from), '--width': percent(to - from) },
    attributes: { title: `${name} ${duration(to - from)}`.trim() },
  });
}

function spokenOf({ segments, isRunning }: Bar): string {
  const parts = segments.map(({ name, from, to }) => `${name} ${duration(to - from)}`.trim());
  return `from ${duration(segments[0]?.from ?? 0)}: ${parts.join(', ')}${isRunning ? ', still running' : ''}`;
}
