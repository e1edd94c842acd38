import { misuse } from '../errors.js';
import type { Response } from '../http/response.js';
import { openedBodyOf, worksOf } from '../http/response-parts.js';
import type { Exchange } from './exchange.js';
import { unwindNow } from './failure.js';
import { phases } from './phase.js';
import { dropTasks, release, settleResponses } from './superseded.js';
import type { Delivery } from './transport.js';
import { watchedTask } from './watched-task.js';

const none: readonly never[] = [];

/** Whether the request is over once its response is: no exit, task, report or open body remains. */
export function isDoneWith(exchange: Exchange, response: Response | undefined, { error }: Delivery): boolean {
  const { enteredExits, addedTasks, failures, superseded } = exchange;
  if (error || failures || superseded.length > 0 || exchange.below || exchange.trace) return false;
  if (enteredExits?.isEmpty === false || enteredExits?.failure || addedTasks?.isEmpty === false) return false;
  if (response === undefined || worksOf(response).length > 0) return false;
  return openedBodyOf(response)?.isProduced !== true;
}

/**
 * Resolves when nothing runs below that a middleware did not await. Such work keeps its dependencies until it
 * ends or its layer gives up on it.
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

/** Refuses dependencies from now on, with the error of `refusal`. */
function closeExits(exchange: Exchange, refusal: () => Error): void {
  exchange.refusal = refusal;
  exchange.enteredExits?.close(refusal);
}

/** Ends the request. Resolves when its resources are released; `undefined` if there were none. */
export function finish(exchange: Exchange, refusal: () => Error): Promise<void> | undefined {
  closeExits(exchange, refusal);
  // Releasing may take a while, and nothing would run a task that is added meanwhile.
  if (!exchange.below?.isGivenUp) exchange.addedTasks?.close();
  const released = release(exchange);
  if (released) return released.then(() => end(exchange));
  end(exchange);
  return undefined;
}

/** Marks the request as over. Work that a layer has given up on may still end later. */
export function end(exchange: Exchange): void {
  const { below, superseded, settled } = exchange;
  exchange.phase = phases.over;
  // What runs outside a request ends its own stage first.
  if (exchange.transport) exchange.tracing?.settled();
  exchange.whenLate = letGoOfTheRest;
  if (below) below.whenQuiet = () => letGoOfTheRest(exchange);
  if (!exchange.isIdle) return;
  if (below?.isGivenUp || superseded.length > settled) letGoOfTheRest(exchange);
  else leaveLayers(exchange);
}

/** Drops the tasks and the response of work that answers after the request is over. */
function letGoOfTheRest(exchange: Exchange): void {
  const { backgroundTasks, reports, refusal } = exchange;
  void settleResponses(exchange, undefined);
  dropTasks(exchange, refusal?.() ?? misuse('ALREADY_ANSWERED'));
  const tell = (error: Error, task: string): void => reports.tell(error, 'background', task);
  const runTask = exchange.trace || exchange.tracing ? watchedTask(exchange) : undefined;
  const running = backgroundTasks.runAll(tell, true, runTask);
  if (exchange.below) exchange.below.isGivenUp = false;
  if (running) void running.then(() => leaveLayers(exchange));
  else leaveLayers(exchange);
}

/** Stops its layers from waiting for the request. */
function leaveLayers(exchange: Exchange): void {
  exchange.isDetached = true;
  for (let place = exchange.taken; place; place = place.takenBefore) place.layer.inFlight.end(place);
  const { watchers } = exchange;
  if (watchers.length === 0) return;
  exchange.watchers = none;
  for (const resolve of watchers) resolve();
}

/**
 * Stops waiting for a request whose client has gone, if it holds nothing: its native code may never end, and
 * nothing should keep it in memory.
 */
export function detach(exchange: Exchange): void {
  const { enteredExits, addedTasks } = exchange;
  const held = (enteredExits?.names.length ?? 0) + (addedTasks?.names.length ?? 0);
  if (held === 0 && exchange.endpoints === 0 && exchange.isIdle) leaveLayers(exchange);
}

/** Whether one of its layers closed without waiting for the request, so nothing may start for it. */
export function isLeftBehind(exchange: Exchange): boolean {
  if (!exchange.isDetached) return false;
  for (let place = exchange.taken; place; place = place.takenBefore)
    if (place.layer.inFlight.isClosed) return true;
  return false;
}

/** Makes the layers wait again, because new work has started for the request. */
export function attach(exchange: Exchange): void {
  if (!exchange.isDetached || exchange.phase === phases.over || isLeftBehind(exchange)) return;
  exchange.isDetached = false;
  for (let place = exchange.taken; place; place = place.takenBefore) place.layer.inFlight.begin(place);
}

/** Resolves when the last task has run and no work is left for the request. */
export function whenOver(exchange: Exchange): Promise<void> {
  if (exchange.isDetached) return Promise.resolve();
  return new Promise(resolve => {
    exchange.watchers = [...exchange.watchers, resolve];
  });
}
