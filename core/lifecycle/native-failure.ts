import { toError } from '../errors.js';
import type { Exchange } from './exchange.js';
import { unwind } from './failure.js';
import { phases } from './phase.js';

/**
 * Native code has failed and is answered by native code: the dependencies get the failure before that answer
 * goes on.
 */
export async function failedNatively(exchange: Exchange, known: Error): Promise<void> {
  const failure = await unwind(exchange, known);
  if (failure !== known) exchange.reports.tell(failure, 'exit');
}

/**
 * Native code has failed and its answer stands: the dependencies get the failure thrown in when they exit.
 */
export function failLate(exchange: Exchange, thrown: unknown): void {
  if (exchange.phase < phases.leaving) exchange.exits.failure ??= toError(thrown);
}

/** Notes an error of native code before it is answered: the open dependencies get it, whoever answers. */
export function observeFailure(exchange: Exchange, failure: Error): void {
  exchange.failing.observed = exchange.reports.locate(failure);
}

/** The error that native code has failed with before this answer, once. */
export function takeObserved({ failures }: Exchange): Error | undefined {
  const failure = failures?.observed;
  if (failures) failures.observed = undefined;
  return failure;
}

/** Whether native code holds dependencies that its failure would roll back. */
export function holdsInjected({ below, failures, enteredExits }: Exchange): boolean {
  const hasFailed = failures?.failed !== undefined || failures?.observed !== undefined;
  return below?.hasInjected === true && !hasFailed && enteredExits?.isEmpty === false;
}

/**
 * Native code that holds dependencies has failed after it answered. Returns whether the failure replaces
 * the answer: not once the response is on its way.
 */
export function overtakeAnswer(exchange: Exchange, failure: Error): boolean {
  const { failing, isSending } = exchange;
  if (!isSending) failing.overtaking ??= failure;
  return failing.overtaking === failure;
}

/** The failure that takes the place of the answer, once. */
export function takeOvertaking({ failures }: Exchange): Error | undefined {
  const failure = failures?.overtaking;
  if (failures) failures.overtaking = undefined;
  return failure;
}

/**
 * An error handler of the app goes on without the error: what was open gets it, and what comes after begins
 * anew. Returns what has to be waited for first.
 */
export function goOnWithoutFailure(exchange: Exchange): Promise<void> | undefined {
  const failure = takeObserved(exchange);
  const { enteredExits, addedTasks } = exchange;
  const isNothingOpen = enteredExits?.isEmpty !== false && (addedTasks?.names.length ?? 0) === 0;
  if (failure && !isNothingOpen) return failedNatively(exchange, failure).then(() => beginAnew(exchange));
  beginAnew(exchange);
  return undefined;
}

function beginAnew(exchange: Exchange): void {
  const { failures, enteredExits, below } = exchange;
  if (failures) failures.failed = undefined;
  if (enteredExits && !below?.isAbandoned) enteredExits.failure = undefined;
  if (enteredExits) exchange.solved.forgetExited();
}
