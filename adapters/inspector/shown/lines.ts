import type { Failure, RequestRecord, Step } from './record.js';

/** A moment of a request. */
export interface Line {
  /** Milliseconds since the request began. */
  readonly at: number;
  /** The place among the moments of the request. */
  readonly order: number;
  readonly stage: string;
  readonly text: string;
  /** Whether `client.trace` of `callnext/testing` has this line too. */
  readonly isTraced: boolean;
}

/** Everything that happened in a request, in order, in the words of `client.trace`. */
export function linesOf({ method, steps }: RequestRecord): Line[] {
  // What runs in the place of an endpoint is a durable task.
  const isTask = method === 'task';
  return steps
    .flatMap(step => (isTask && step.stage === 'endpoint' ? taskLines(step) : linesOfStep(step)))
    .sort((one, other) => one.order - other.order);
}

/** A request as text, in the format of `npm run demo`. */
export function textOf(record: RequestRecord): string {
  const { method, path, status, omitted } = record;
  const lines = linesOf(record).map(
    ({ at, stage, text }) => `  ${at.toFixed(1).padStart(6)} ms  ${stage.padEnd(10)}  ${text}`,
  );
  if (omitted > 0) lines.push(`  … and ${omitted} more steps`);
  return `${method} ${path} → ${status ?? 'no response yet'}\n\n${lines.join('\n')}\n`;
}

export function failureText({ name, message, from }: Failure): string {
  return `${name}: ${message}${from === undefined ? '' : ` (from ${from})`}`;
}

function linesOfStep(step: Step): Line[] {
  const { name, status, outcome, thrownIn } = step;
  switch (step.stage) {
    case 'middleware':
      return [
        begin(step, 'middleware', `${name} before`),
        ...end(step, 'middleware', step.failure ? `${name} failed` : `${name} after ${status}`),
      ];
    case 'dependency':
      return [begin(step, 'dependency', `${name} enter`), ...failed(step, 'dependency')];
    case 'exit':
      return [
        begin(step, 'dependency', thrownIn ? `${name} exit with ${thrownIn.name}` : `${name} exit`),
        ...failed(step, 'dependency'),
      ];
    case 'endpoint':
      return [begin(step, 'endpoint', name), ...failed(step, 'endpoint')];
    case 'send':
      return end(
        step,
        'response',
        status === undefined ? `${outcome} by the framework` : `${outcome} ${status}`,
      );
    case 'enqueue':
      return [begin(step, 'queue', `queue ${name}`), ...failed(step, 'queue')];
    case 'task':
      return taskLines(step);
    case 'native':
      return [{ ...begin(step, 'native', name), isTraced: false }, ...failed(step, 'native')];
    case 'report':
      return [{ ...begin(step, 'reported', reportOf(step)), isTraced: false }];
  }
}

function taskLines(step: Step): Line[] {
  return [begin(step, 'task', `task ${step.name}`), ...failed(step, 'task')];
}

function reportOf({ name, failure }: Step): string {
  return failure ? failureText(failure) : name;
}

function begin({ at, begun }: Step, stage: string, text: string): Line {
  return { at, order: begun, stage, text, isTraced: true };
}

function end({ at, to = at, ended }: Step, stage: string, text: string): Line[] {
  return ended === undefined ? [] : [{ at: to, order: ended, stage, text, isTraced: true }];
}

/** A line for a failure that `client.trace` does not have. */
function failed(step: Step, stage: string): Line[] {
  const { at, to = at, ended, name, failure } = step;
  if (!failure || ended === undefined) return [];
  return [{ at: to, order: ended, stage, text: `${name} failed: ${failureText(failure)}`, isTraced: false }];
}
