import { ClientDisconnect, isMisuse, misuse, toError } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import { sourceOf } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import type { Exchange } from './exchange.js';
import { recoverOutside } from './failure.js';
import { attach } from './over.js';

/** A middleware is through before what is below it, which keeps its dependencies until it has ended. */
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
 * A layer gives up on what has not answered in its time, and will wait as long again before it takes the
 * dependencies from it.
 */
export function giveUp(exchange: Exchange, below: Promise<Response>, timeout: number): Promise<Response> {
  const error = misuse('LAYER_TIMEOUT', timeout);
  exchange.reports.tell(error, 'request');
  // What it answers later is not sent, and has tasks all the same.
  below.then(
    response => exchange.replaced(response),
    () => undefined,
  );
  abandon(exchange, below);
  exchange.busy.loseInterestAfter(timeout);
  sourceOf(exchange.request).abort?.(error);
  return recoverOutside(exchange, new HTTPException(504, undefined, { cause: error }));
}

/** Keeps the exits from running until native code has what it injects; whoever began it hears how. */
export function busyWith(exchange: Exchange, work: Promise<unknown>): void {
  exchange.busy.hasInjected = true;
  attach(exchange);
  exchange.busy.busyWith(work);
}

/** Keeps the exits, those of scope `function` too, from running before a block of native code has ended. */
export function runsBlock(exchange: Exchange, block: Promise<unknown>): void {
  exchange.exits.keep(block);
  busyWith(exchange, block);
}

/**
 * Waits for native code that has answered and may still use its dependencies of scope `function`. Where it
 * waits for its answer to be sent, these exit later, when it has ended.
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
 * Keeps what is open for native code that has answered, until that code has ended. Its answer goes on at
 * once.
 */
export function keepForNative(exchange: Exchange): void {
  const work = exchange.transport?.nativeWork?.();
  if (work) exchange.busy.native = work;
}

/** Reports native code that goes on to write although what it was given has exited. */
export function watchLateUse(exchange: Exchange): void {
  if (exchange.enteredExits?.has('function')) return;
  const name = exchange.below?.takeLent();
  if (name === undefined) return;
  const tell = (): void => exchange.reports.tell(misuse('INJECT_USED_LATE', exchange.title, name), 'request');
  exchange.transport?.whenWritten?.(tell);
}

/** Whether native code has dependencies of its own: they are not taken from it while it works. */
export function hasInjected({ below }: Exchange): boolean {
  return below?.hasInjected === true;
}

/** Whether an endpoint works: it comes to its end, also when its client has gone. */
export function isAnswering({ endpoints }: Exchange): boolean {
  return endpoints > 0;
}

/** Whether native code may still use what the request has entered. */
export function isHolding(exchange: Exchange): boolean {
  return hasInjected(exchange) || exchange.enteredExits?.isEmpty === false;
}
