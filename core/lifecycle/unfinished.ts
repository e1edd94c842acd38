import { ClientDisconnect, isMisuse, misuse, toError } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import { sourceOf } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import type { Exchange } from './exchange.js';
import { recoverOutside } from './failure.js';
import { attach } from './over.js';

/** Keeps the dependencies of work that a middleware did not await until that work has ended. */
export function abandon(exchange: Exchange, below: Promise<unknown>): void {
  const settle = exchange.busy.abandon();
  below.then(settle, thrown => {
    const error = toError(thrown);
    const isKnown =
      error instanceof ClientDisconnect ||
      isMisuse(error, 'ALREADY_ANSWERED') ||
      error === exchange.failures?.passedOn;
    if (!isKnown) exchange.reports.tellOnce(error, 'request');
    settle();
  });
}

/**
 * Answers for work that exceeded the timeout of its layer. That work gets as long again before its
 * dependencies exit.
 */
export function giveUp(exchange: Exchange, below: Promise<Response>, timeout: number): Promise<Response> {
  const error = misuse('LAYER_TIMEOUT', timeout);
  exchange.reports.tell(error, 'request');
  // A later answer is not sent, but its tasks are handled all the same.
  below.then(
    response => exchange.replaced(response),
    () => undefined,
  );
  abandon(exchange, below);
  exchange.busy.loseInterestAfter(timeout);
  sourceOf(exchange.request).abort?.(error);
  return recoverOutside(exchange, new HTTPException(504, undefined, { cause: error }));
}

/** Delays the exits until native code has what it injects; its caller receives the outcome. */
export function busyWith(exchange: Exchange, work: Promise<unknown>): void {
  exchange.busy.hasInjected = true;
  attach(exchange);
  exchange.busy.busyWith(work);
}

/** Delays the exits, including those of scope `function`, until a block of native code has ended. */
export function runsBlock(exchange: Exchange, block: Promise<unknown>): void {
  exchange.exits.keep(block);
  busyWith(exchange, block);
}

/**
 * Waits for native code that has answered and may still use its dependencies of scope `function`. If it waits
 * for its answer to be sent, these exit later, after it has ended.
 */
export async function whenNativeHasEnded(exchange: Exchange): Promise<void> {
  const work = exchange.transport?.nativeWork?.();
  if (work === undefined || (await work.answerMayGo())) return;
  const end = work.end();
  exchange.exits.keep(end);
  exchange.busy.native = work;
  attach(exchange);
  exchange.busy.busyWith(end);
}

/**
 * Keeps dependencies open for native code that has answered, until it has ended. Its answer is sent at once.
 */
export function keepForNative(exchange: Exchange): void {
  const work = exchange.transport?.nativeWork?.();
  if (work) exchange.busy.native = work;
}

/** Reports native code that still writes after its injected dependencies have exited. */
export function watchLateUse(exchange: Exchange): void {
  if (exchange.enteredExits?.has('function')) return;
  const name = exchange.below?.takeLent();
  if (name === undefined) return;
  const tell = (): void => exchange.reports.tell(misuse('INJECT_USED_LATE', exchange.title, name), 'request');
  exchange.transport?.whenWritten?.(tell);
}

/** Whether native code injected dependencies. They stay open while it runs. */
export function hasInjected({ below }: Exchange): boolean {
  return below?.hasInjected === true;
}

/** Whether an endpoint is running. It runs to its end, even after its client has gone. */
export function isAnswering({ endpoints }: Exchange): boolean {
  return endpoints > 0;
}

/** Whether native code may still use what the request has entered. */
export function isHolding(exchange: Exchange): boolean {
  return hasInjected(exchange) || exchange.enteredExits?.isEmpty === false;
}
