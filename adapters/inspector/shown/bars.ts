import { failureText } from './lines.js';
import type { RequestRecord, Stage, Step } from './record.js';

/** A part of a bar, in milliseconds since the request began. */
export interface Segment {
  readonly kind: 'work' | 'open';
  /** What it is, such as `on the way in`. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** One row of a timeline. */
export interface Bar {
  readonly stage: Stage;
  readonly name: string;
  /** How many middlewares are around it. */
  readonly depth: number;
  readonly segments: readonly Segment[];
  /** What failed here, and what was thrown in here. */
  readonly notes: readonly string[];
  readonly isRunning: boolean;
}

/** The rows of the timeline of a request. A dependency and its exit share a row. */
export function barsOf(record: RequestRecord): Bar[] {
  const { steps } = record;
  const end = endOf(record);
  const exits = exitsOf(steps);
  const paired = new Set(exits.values());
  return steps
    .filter(step => !paired.has(step))
    .map(step => ({
      stage: step.stage,
      name: step.name,
      depth: steps.filter(each => each.stage === 'middleware' && isAround(each, step)).length,
      segments: segmentsOf(step, steps, exits.get(step), end),
      notes: [...notesOf(step), ...notesOf(exits.get(step))],
      isRunning: step.ended === undefined,
    }));
}

/** When the last known thing happened, in milliseconds since the request began. */
export function endOf({ steps }: RequestRecord): number {
  return steps.reduce((latest, { at, to = at }) => Math.max(latest, to), 0);
}

/** The exit of each dependency. */
function exitsOf(steps: readonly Step[]): Map<Step, Step> {
  const entered = new Map(
    steps.filter(({ stage }) => stage === 'dependency').map(step => [step.dependency, step]),
  );
  const exits = new Map<Step, Step>();
  for (const exit of steps.filter(({ stage }) => stage === 'exit')) {
    const step = entered.get(exit.dependency);
    if (step) exits.set(step, exit);
  }
  return exits;
}

function isAround(outer: Step, inner: Step): boolean {
  return outer.begun < inner.begun && inner.begun < (outer.ended ?? Number.POSITIVE_INFINITY);
}

function segmentsOf(step: Step, steps: readonly Step[], exit: Step | undefined, end: number): Segment[] {
  const { stage, at, to = end } = step;
  if (stage === 'middleware') return onionOf(step, steps, end);
  if (stage !== 'dependency') return [{ kind: 'work', name: '', from: at, to }];
  const enter: Segment = { kind: 'work', name: 'enter', from: at, to };
  if (!exit) return [enter];
  return [
    enter,
    { kind: 'open', name: 'open', from: to, to: exit.at },
    { kind: 'work', name: 'exit', from: exit.at, to: exit.to ?? end },
  ];
}

/** A middleware works on the way in and on the way out, and waits in between. */
function onionOf(step: Step, steps: readonly Step[], end: number): Segment[] {
  const { at, to = end } = step;
  const inside = steps.filter(each => each !== step && isAround(step, each) && each.stage !== 'report');
  if (inside.length === 0) return [{ kind: 'work', name: 'alone', from: at, to }];
  const below = Math.min(...inside.map(each => each.at));
  const back = Math.min(to, Math.max(...inside.map(each => each.to ?? end)));
  const segments: Segment[] = [
    { kind: 'work', name: 'in', from: at, to: below },
    { kind: 'open', name: 'below', from: below, to: back },
  ];
  if (step.ended !== undefined) segments.push({ kind: 'work', name: 'out', from: back, to });
  return segments;
}

function notesOf(step: Step | undefined): string[] {
  const notes: string[] = [];
  if (step?.thrownIn) notes.push(`thrown in: ${failureText(step.thrownIn)}`);
  if (step?.failure) notes.push(failureText(step.failure));
  return notes;
}
