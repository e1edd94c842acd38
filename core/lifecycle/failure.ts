import { classOf, nameOf } from '../errors/show.js';
import { ClientDisconnect, misuse, toError } from '../errors.js';
import { builtInResponse, type ExceptionHandler } from '../exceptions/exception-handlers.js';
import { errorResponse, isExpected } from '../exceptions/http-exception.js';
import { accept } from '../http/accept.js';
import { discard } from '../http/discard.js';
import { fillHeaders } from '../http/header-rules.js';
import type { Headers } from '../http/headers.js';
import { sourceOf } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import { isResponseLike } from '../http/response-like.js';
import { claimFor } from '../http/response-parts.js';
import type { Exchange } from './exchange.js';
import type { Surroundings } from './place.js';
import type { ErrorPhase } from './reports.js';
import { closeBegun, dropTasks, isClosedInTime } from './superseded.js';

/**
 * What happens to an exception: it is thrown into every dependency that is open, the tasks are dropped, and
 * its handler, looked up from the innermost layer outwards, makes the response. Rejects with what has no
 * handler.
 */
export async function recover(exchange: Exchange, thrown: unknown): Promise<Response> {
  const { failing } = exchange;
  if (thrown !== undefined && thrown === failing.disconnected) throw thrown;
  failing.observed = undefined;
  const failure = await unwind(exchange, toError(thrown));
  if (failure === failing.unhandled) throw failure;
  if (!(failure instanceof ClientDisconnect)) {
    const handled = await askHandlers(exchange, failure);
    if (handled) return handled;
  }
  failing.unhandled = failure;
  const builtIn = attempt(exchange, failure, () => builtInResponse(failure));
  if (!builtIn) throw failure;
  failing.unhandled = undefined;
  return claimFor(exchange, builtIn);
}

/** An exception leaves a middleware: as it is, or as a response with the headers that are meant for it. */
export async function recoverOutside(exchange: Exchange, thrown: unknown): Promise<Response> {
  return withErrorHeaders(exchange, await recover(exchange, thrown));
}

/** The handler for `Error` of a layer, which stands outside its middleware. */
export async function handleOutside(
  exchange: Exchange,
  layer: Surroundings,
  failure: Error,
): Promise<Response> {
  const { catchAll } = layer.handlers;
  if (!catchAll || failure instanceof ClientDisconnect) throw failure;
  exchange.reports.tellOnce(failure, 'request');
  exchange.failing.unhandled = undefined;
  return withErrorHeaders(exchange, await handle(exchange, catchAll, failure));
}

/** The headers that an exception takes along to whatever answers it. */
export function errorHeadersOf({ request }: Exchange): Headers | undefined {
  return sourceOf(request).shared?.errorHeaders;
}

function withErrorHeaders(exchange: Exchange, response: Response): Response {
  const headers = errorHeadersOf(exchange);
  if (headers) fillHeaders(response.headers, headers);
  return response;
}

/**
 * What a handler throws, the exception again or another one, is for the layers further out. It has no
 * built-in response: a handler that throws an HTTPException gives it to the framework. Rejects with what none
 * of them handles.
 */
async function askHandlers(exchange: Exchange, failure: Error): Promise<Response | undefined> {
  let isRefused = false;
  let current = failure;
  // A handler may enter other layers, so use the layers as they are now.
  for (const { handlers } of layersAround(exchange)) {
    const handler = attempt(exchange, current, () => handlers.find(current));
    if (!handler) continue;
    try {
      const response = await handle(exchange, handler, current);
      exchange.failing.unhandled = undefined;
      return response;
    } catch (thrown) {
      isRefused = true;
      current = thrown as Error;
    }
  }
  if (isRefused) throw current;
  return undefined;
}

function layersAround({ place }: Exchange): Surroundings[] {
  const layers: Surroundings[] = [];
  for (let around = place; around; around = around.around) layers.push(around.layer);
  return layers;
}

/** The response that a handler makes. What it throws itself has no handler in its layer. */
async function handle(exchange: Exchange, handler: ExceptionHandler, failure: Error): Promise<Response> {
  try {
    const made = await handler(exchange.request, failure);
    if (!isResponseLike(made)) {
      discard(made);
      const name = nameOf(handler, `of ${classOf(failure)}`);
      throw misuse('NOT_A_RESPONSE', `The exception handler \`${name}\``, made);
    }
    return await accept(exchange, made, exchange.request);
  } catch (thrown) {
    const unhandled = exchange.reports.causedBy(toError(thrown), failure);
    exchange.failing.unhandled = unhandled;
    throw unhandled;
  }
}

/**
 * What is made of an exception; what that fails with, as where its headers are invalid, goes on in its place.
 */
function attempt<T>(exchange: Exchange, failure: Error, make: () => T): T {
  try {
    return make();
  } catch (thrown) {
    throw exchange.reports.causedBy(toError(thrown), failure);
  }
}

/**
 * Throws a failure into every open dependency and drops the tasks of the failed request. If code that a
 * middleware did not wait for still runs below, waits for it first.
 */
export async function unwind(exchange: Exchange, thrown: Error): Promise<Error> {
  const failed = exchange.reports.locate(thrown);
  exchange.failing.failed = failed;
  if (!exchange.isIdle) exchange.exits.failure ??= thrown;
  if (exchange.below?.isAbandoned) return thrown;
  if (!(await isNativeAtWork(exchange))) return exchange.reports.locate(await unwindNow(exchange, thrown));
  exchange.exits.failure ??= thrown;
  return thrown;
}

/**
 * Whether native code still works that has answered. It does not where its own failure is the one at hand.
 */
async function isNativeAtWork({ below }: Exchange): Promise<boolean> {
  const native = below?.native;
  if (native === undefined) return false;
  await undefined;
  return native.isAtWork();
}

export async function unwindNow(exchange: Exchange, thrown: Error): Promise<Error> {
  const closing = closeBegun(exchange);
  if (closing) await isClosedInTime(exchange, closing);
  const { exits, solved } = exchange;
  const left = exits.entered;
  const failure = await exchange.inContext(() => exits.unwind(thrown));
  // A dependency that has exited is no longer given to anyone.
  solved.clear(left);
  dropTasks(exchange, failure);
  return failure;
}

/**
 * The response of an adapter that has no framework to give an exception to which nobody handled: by the
 * `status`, `expose` and `headers` that it carries. One of 500 and above, and one without a status, is
 * reported.
 */
export function answerUnhandled(exchange: Exchange, error: Error, phase: ErrorPhase): Response {
  if (!isExpected(error)) exchange.reports.tell(error, phase);
  return errorResponse(error);
}

/** A failure after the response: it is reported and the tasks are dropped, once for each. */
export function noteFailure(
  exchange: Exchange,
  phase: 'response' | 'exit',
  failure: Error | undefined,
  known: Error | undefined,
): Error | undefined {
  if (failure === undefined || failure === known) return failure;
  // Outside a request, the caller receives the failure as a rejection.
  if (exchange.transport) exchange.reports.tellOnce(failure, phase);
  dropTasks(exchange, failure);
  return failure;
}
