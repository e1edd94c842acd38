import { linesOf } from './lines.js';
import { isAnswering } from './order.js';
import type { RequestRecord, Step } from './record.js';

/** The place of a moment in the promised order. */
interface Moment {
  readonly order: number;
  readonly rank: number;
  readonly text: string;
}

const ranks = {
  in: 0,
  endpoint: 1,
  function: 2,
  out: 3,
  sent: 4,
  request: 5,
  task: 6,
  background: 7,
} as const;

/**
 * Compares a request with the promised order. Returns the first two moments that are the wrong way round, or
 * `undefined`.
 */
export function outOfOrder(record: RequestRecord): string | undefined {
  const moments = momentsOf(record);
  const wrong = moments.findIndex(({ rank }, index) => rank < (moments[index - 1]?.rank ?? 0));
  return wrong < 0 ? undefined : `“${moments[wrong]?.text}” came after “${moments[wrong - 1]?.text}”`;
}

function momentsOf(record: RequestRecord): Moment[] {
  const texts = new Map(linesOf(record).map(({ order, text }) => [order, text]));
  const sent = record.steps.find(({ stage }) => stage === 'send')?.ended ?? Number.POSITIVE_INFINITY;
  const answering = record.steps.filter(isAnswering);
  const exited = record.steps.find(({ stage, scope }) => stage === 'exit' && scope === 'background');
  const moments = record.steps.flatMap(step => [
    { order: step.begun, rank: rankOfBegin(step, answering, exited) },
    { order: step.ended ?? 0, rank: rankOfEnd(step, sent) },
  ]);
  return moments
    .filter((moment): moment is { order: number; rank: number } => moment.rank !== undefined)
    .sort((one, other) => one.order - other.order)
    .map(({ order, rank }) => ({ order, rank, text: texts.get(order) ?? '' }));
}

function rankOfBegin(step: Step, answering: readonly Step[], exited: Step | undefined): number | undefined {
  const { stage, scope, begun, thrownIn } = step;
  // A native handler may inject dependencies while it runs, and pass on to further middleware.
  const isInside = answering.some(
    each => each.begun < begun && begun < (each.ended ?? Number.POSITIVE_INFINITY),
  );
  if (stage === 'middleware' || stage === 'dependency') return isInside ? undefined : ranks.in;
  if (isAnswering(step)) return isInside ? undefined : ranks.endpoint;
  // A failure is thrown in as soon as it is known.
  if (stage === 'exit') return thrownIn ? undefined : ranks[scope as 'function' | 'request' | 'background'];
  // The exits of scope `background` may add tasks, which run last.
  if (stage === 'task') return exited && exited.begun < begun ? undefined : ranks.task;
  return undefined;
}

function rankOfEnd({ stage, ended }: Step, sent: number): number | undefined {
  if (ended === undefined) return undefined;
  if (stage === 'send') return ranks.sent;
  // What ends late has been given up, by a timeout for example.
  return stage === 'middleware' && ended < sent ? ranks.out : undefined;
}
