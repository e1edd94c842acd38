import type { RequestRecord, Step } from './record.js';

/** A step of the order that callnext promises, with what ran in it. */
export interface Promised {
  readonly title: string;
  /** The names, in the order they ran. */
  readonly names: readonly string[];
}

/** A mark on a request that did not simply succeed. */
export interface Mark {
  readonly text: string;
  readonly title: string;
}

/** The promised order, step by step, each with what this request ran in it. */
export function promisedOrder(record: RequestRecord): Promised[] {
  const { steps } = record;
  const of = (isIn: (step: Step) => boolean): string[] => steps.filter(isIn).map(({ name }) => name);
  const sent = sendingOf(record);
  const rolledBack = of(isThrownInto(sent));
  const exits = (scope: string): string[] => of(isExitIn(scope, sent));
  const out = steps
    .filter(({ stage, ended }) => stage === 'middleware' && ended !== undefined)
    .sort((one, other) => (one.ended ?? 0) - (other.ended ?? 0));
  return [
    { title: 'Middleware, on the way in', names: of(({ stage }) => stage === 'middleware') },
    { title: 'Dependencies enter', names: of(({ stage }) => stage === 'dependency') },
    { title: 'Endpoint or native code', names: of(isAnswering) },
    ...(rolledBack.length > 0 ? [{ title: 'Failure thrown into open dependencies', names: rolledBack }] : []),
    { title: 'Exits of scope function', names: exits('function') },
    { title: 'Middleware, on the way out', names: out.map(({ name }) => name) },
    { title: 'Response', names: sent ? [`${sent.outcome ?? 'sending'} ${record.status ?? ''}`.trim()] : [] },
    { title: 'Exits of scope request', names: exits('request') },
    { title: 'Background tasks', names: of(({ stage }) => stage === 'task' || stage === 'enqueue') },
    { title: 'Exits of scope background', names: exits('background') },
  ];
}

/** What is worth a look: how the request failed, and what failed after it. */
export function marksOf(record: RequestRecord): Mark[] {
  const { steps } = record;
  const sent = sendingOf(record);
  const has = (isSo: (step: Step) => boolean): boolean => steps.some(isSo);
  const all: readonly (readonly [boolean, string, string])[] = [
    [sent?.failure !== undefined, 'cut', 'The connection was cut because the body failed.'],
    [isLeft(sent), 'client left', 'The client left before it had the whole response.'],
    [has(({ thrownIn }) => thrownIn !== undefined), 'rolled back', 'A failure was thrown into dependencies.'],
    [has(({ code }) => code === 'TASK_DROPPED'), 'task dropped', 'A background task was dropped.'],
    [has(isLate(sent)), 'closed late', 'Something ended after the response was out.'],
    [has(({ stage, failure }) => stage === 'task' && !!failure), 'task failed', 'A background task failed.'],
  ];
  return all.filter(([isSet]) => isSet).map(([, text, title]) => ({ text, title }));
}

function sendingOf({ steps }: RequestRecord): Step | undefined {
  return steps.findLast(({ stage }) => stage === 'send');
}

function isLeft(sent: Step | undefined): boolean {
  return sent?.outcome === 'aborted' && sent.failure === undefined;
}

export function isAnswering({ stage }: Step): boolean {
  return stage === 'endpoint' || stage === 'native';
}

/** Exits that a failure was thrown into before the response was sent. */
function isThrownInto(sent: Step | undefined): (step: Step) => boolean {
  return ({ stage, thrownIn, begun }) =>
    stage === 'exit' && thrownIn !== undefined && begun < (sent?.begun ?? Number.POSITIVE_INFINITY);
}

function isExitIn(scope: string, sent: Step | undefined): (step: Step) => boolean {
  const isRolledBack = isThrownInto(sent);
  return step => step.stage === 'exit' && step.scope === scope && !isRolledBack(step);
}

const late = new Set(['BODY_UNCLOSED', 'LAYER_TIMEOUT']);

/** What ends when the response is already out, although it runs before it. */
function isLate(sent: Step | undefined): (step: Step) => boolean {
  const out = sent?.ended ?? Number.POSITIVE_INFINITY;
  return step =>
    late.has(step.code ?? '') ||
    (['middleware', 'dependency', 'endpoint', 'native'].includes(step.stage) && (step.ended ?? 0) > out);
}
