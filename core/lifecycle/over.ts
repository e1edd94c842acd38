import { misuse } from '../errors.js';
import type { Response } from '../http/response.js';
import { openedBodyOf, worksOf } from '../http/response-parts.js';
import type { Exchange } from './exchange.js';
import { unwindNow } from './failure.js';
import { phases } from './phase.js';
import { dropTasks, release, settleResponses } from './superseded.js';
import type { Delivery } from './transport.js';

const none: readonly never[] = [];

/**
 * Whether the request is over with its response: nothing is to be left, run, told or closed.
 */
export function isDoneWith(exchange: Exchange, response: Response | undefined, { error }: Delivery): boolean {
  const { enteredExits, addedTasks, failures, superseded } = exchange;
  if (error || failures || superseded.length > 0 || exchange.below || exchange.trace) return false;
  if (enteredExits?.isEmpty === false || enteredExits?.failure || addedTasks?.isEmpty === false) return false;
  if (response === undefined || worksOf(response).length > 0) return false;
  return openedBodyOf(response)?.isProduced !== true;
}

/**
 * Resolves when nothing runs below any more that a middleware did not wait for: its dependencies are not
 * taken from it, unless a layer's time is up.
 */
export async function idle(exchange: Exchange): Promise<void> {
  const { below } = exchange;
  if (below?.native?.isAtWork()) below.busyWith(below.native.end());
  await below?.whenIdle();
  exchange.phase = phases.leaving;
  const failure = exchange.enteredExits?.failure;
  const unwound = failure && (await unwindNow(exchange, failure));
  if (unwound && unwound !== failure) exchange.reports.tell(unwound, 'exit');
  if (!exchange.isIdle) exchange.busy.isGivenUp = true;
  if (failure && !exchange.isIdle) closeExits(exchange, () => failure);
  else if (exchange.enteredExits) exchange.enteredExits.failure = undefined;
}

/** Nothing is entered any more, for this reason. */
function closeExits(exchange: Exchange, refusal: () => Error): void {
  exchange.refusal = refusal;
  exchange.enteredExits?.close(refusal);
}

/** It is over. Resolves when what was kept for it has been let go, and is `undefined` where nothing was. */
export function finish(exchange: Exchange, refusal: () => Error): Promise<void> | undefined {
  closeExits(exchange, refusal);
  // What is let go of may take its time, and nothing would run a task that is added meanwhile.
  if (!exchange.below?.isGivenUp) exchange.addedTasks?.close(exchange);
  const released = release(exchange);
  if (released) return released.then(() => end(exchange));
  end(exchange);
  return undefined;
}

/** All is over; what a layer has given up on may still come to its end. */
export function end(exchange: Exchange): void {
  const { below, superseded, settled } = exchange;
  exchange.phase = phases.over;
  exchange.whenLate = letGoOfTheRest;
  if (below) below.whenQuiet = () => letGoOfTheRest(exchange);
  if (!exchange.isIdle) return;
  if (below?.isGivenUp || superseded.length > settled) letGoOfTheRest(exchange);
  else leaveLayers(exchange);
}

/**
 * What answers when all is over, as what a layer had given up on: its tasks and its response are not wanted.
 */
function letGoOfTheRest(exchange: Exchange): void {
  const { backgroundTasks, reports, refusal } = exchange;
  void settleResponses(exchange, undefined);
  dropTasks(exchange, refusal?.() ?? misuse('ALREADY_ANSWERED'));
  const tell = (error: Error, task: string): void => reports.tell(error, 'background', task);
  const running = backgroundTasks.runAll(tell, true);
  if (exchange.below) exchange.below.isGivenUp = false;
  if (running) void running.then(() => leaveLayers(exchange));
  else leaveLayers(exchange);
}

/** Its layers do not wait for it any longer. */
function leaveLayers(exchange: Exchange): void {
  exchange.isDetached = true;
  for (let place = exchange.taken; place; place = place.takenBefore) place.layer.inFlight.end(place);
  const { watchers } = exchange;
  if (watchers.length === 0) return;
  exchange.watchers = none;
  for (const resolve of watchers) resolve();
}

/**
 * The client is gone, and native code may never come to its end. Where it holds nothing, nobody waits for it
 * and nothing keeps it in memory.
 */
export function detach(exchange: Exchange): void {
  const { enteredExits, addedTasks } = exchange;
  const held = (enteredExits?.names.length ?? 0) + (addedTasks?.names.length ?? 0);
  if (held === 0 && exchange.endpoints === 0 && exchange.isIdle) leaveLayers(exchange);
}

/** Whether one of its layers was closed without waiting for it: nothing begins for the request any more. */
export function isLeftBehind(exchange: Exchange): boolean {
  if (!exchange.isDetached) return false;
  for (let place = exchange.taken; place; place = place.takenBefore)
    if (place.layer.inFlight.isClosed) return true;
  return false;
}

/** Something works for the request again: its layers wait for it as before. */
export function attach(exchange: Exchange): void {
  if (!exchange.isDetached || exchange.phase === phases.over || isLeftBehind(exchange)) return;
  exchange.isDetached = false;
  for (let place = exchange.taken; place; place = place.takenBefore) place.layer.inFlight.begin(place);
}

/** Resolves when the last task has run, and nothing is at work for the request any more. */
export function whenOver(exchange: Exchange): Promise<void> {
  if (exchange.isDetached) return Promise.resolve();
  return new Promise(resolve => {
    exchange.watchers = [...exchange.watchers, resolve];
  });
}
