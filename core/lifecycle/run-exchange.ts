import { checkGraphIn } from '../dependencies/dependency-graph.js';
import { noValues, refuseUnbegun, solveDependencies } from '../dependencies/solve.js';
import type { Endpoint } from '../endpoint/endpoint.js';
import { runEndpoint } from '../endpoint/run-endpoint.js';
import { misuse, toError } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import type { Request } from '../http/request.js';
import { refuseTooLarge } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import { isNativeView, sealResponse } from '../http/response-parts.js';
import type { Below } from '../middleware/compose.js';
import type { Delivery, Exchange } from './exchange.js';
import { type Freezable, type FrozenLayer, freeze } from './frozen-layer.js';
import { within } from './in-flight.js';

/**
 * One request from its first middleware to its last task: **the order that callnext promises**. Never rejects.
 *
 * `below` is what is under the layer: native code, or an endpoint.
 */
export async function runExchange(exchange: Exchange, layer: Freezable, below: Below): Promise<void> {
  const { transport } = exchange;
  let response: Response | undefined;
  let delivery: Delivery;
  try {
    const answer = await runLayer(exchange, layer, below); // 1–5: in through the middleware, and out again
    const overtaking = exchange.takeOvertaking();
    const latest = overtaking ? await answerInstead(exchange, layer, answer, overtaking) : answer;
    response = latest;
    exchange.sending(latest);
    delivery = await sent(exchange, latest); // 6: sent, to its last byte
  } catch (thrown) {
    const unanswered = exchange.takeOvertaking();
    if (unanswered) exchange.report(unanswered, 'request');
    exchange.passedOn = toError(thrown);
    delivery = await transport.fail(exchange.passedOn, exchange.errorHeaders);
  }
  const { outcome } = delivery;
  const { trace } = exchange;
  trace?.add(response ? `${outcome} ${response.status}` : `${outcome} by the framework`);
  exchange.isSent = true;
  if (response) sealResponse(response);
  const isDone = trace === undefined && exchange.isDoneWith(response, delivery);
  const leaving = isDone ? exchange.finish(alreadyAnswered) : afterResponse(exchange, response, delivery); // 7–9
  if (leaving) await leaving;
}

function afterResponse(
  exchange: Exchange,
  response: Response | undefined,
  delivery: Delivery,
): Promise<void> {
  return exchange.inContext(async () => {
    if (exchange.trace) await exchange.trace.received?.();
    await exchange.idle();
    const closing = exchange.settleResponses(response);
    if (closing) await closing;
    const known = exchange.noteFailure('response', delivery.error, undefined) ?? exchange.failed;
    await runAfterResponse(exchange, response, known);
  });
}

/** What native code has written keeps an async context of its own. */
function sent(exchange: Exchange, response: Response): Promise<Delivery> {
  const { transport } = exchange;
  if (isNativeView(response)) return transport.send(response);
  return exchange.inContext(() => transport.send(response));
}

function alreadyAnswered(): Error {
  return misuse('ALREADY_ANSWERED');
}

/** Native code that holds dependencies has failed since it answered: the client is not told of a success that is rolled back. */
async function answerInstead(
  exchange: Exchange,
  layer: Freezable,
  answer: Response,
  failure: Error,
): Promise<Response> {
  exchange.replaced(answer);
  try {
    return await exchange.recover(failure);
  } catch (thrown) {
    return exchange.handleOutside(freeze(layer), toError(thrown));
  }
}

/** Steps 7 to 9. Resolves with what the exits have failed with, which is reported; never rejects. */
export async function runAfterResponse(
  exchange: Exchange,
  response: Response | undefined,
  known: Error | undefined,
): Promise<Error | undefined> {
  const isIdle = !exchange.hasEntered && exchange.backgroundTasks.isEmpty;
  if (isIdle && exchange.isSettled) exchange.closeTasks();
  const { failure, last } = isIdle
    ? { failure: known, last: known }
    : await leaveAndRun(exchange, response, known);
  await exchange.finish(failure ? () => failure : alreadyAnswered);
  return last;
}

async function leaveAndRun(
  exchange: Exchange,
  response: Response | undefined,
  known: Error | undefined,
): Promise<{ failure: Error | undefined; last: Error | undefined }> {
  const { exits, backgroundTasks } = exchange;
  const report = (error: Error, task: string): void => exchange.report(error, 'background', task);
  const begin = (name: string): void => exchange.trace?.add(`task ${name}`);
  const leaving = exits.leave('request', response, known); // 7
  const left = leaving instanceof Promise ? await leaving : leaving;
  const failure = exchange.noteFailure('exit', left, known);
  const taskFailure = await backgroundTasks.runAll(report, false, begin); // 8
  const before = failure ?? taskFailure;
  const closing = exits.leave('background', response, before); // 9
  const closed = closing instanceof Promise ? await closing : closing;
  const last = exchange.noteFailure('exit', closed, before);
  await backgroundTasks.runAll(report, exchange.isSettled, begin); // what those exits have added
  return { failure, last: last === before ? failure : last };
}

/**
 * Steps 1 to 5 of one layer, which may stand inside another one: its middleware, its dependencies, what is below.
 * Rejects with an exception that nobody inside handled.
 */
export async function runLayer(exchange: Exchange, layer: Freezable, below: Below): Promise<Response> {
  const plan = freeze(layer);
  exchange.enterLayer(plan);
  const goIn = (): Promise<Response> =>
    plan.onion(exchange.request, exchange, request => {
      if (exchange.isSending) return Promise.reject(misuse('ALREADY_ANSWERED'));
      exchange.goBelow(request);
      // Without any, native code runs in the very tick in which the request came, as without a layer.
      return plan.hasDependencies
        ? answerWithDependencies(exchange, plan, below, request)
        : answerNative(exchange, below, request);
    });
  try {
    const isOpen = !plan.inFlight.isClosed && plan.lifespan === undefined;
    const answering = isOpen ? goIn() : goInWhenReady(exchange, plan, goIn);
    const isTimed = plan.timeout !== undefined;
    const response = await (isTimed ? inTime(exchange, plan.timeout, answering) : answering);
    exchange.ownStatus = response.status;
    return response;
  } catch (thrown) {
    return await exchange.handleOutside(plan, toError(thrown));
  } finally {
    exchange.leaveLayer(plan);
  }
}

/** A layer with a lifespan is entered when that is; one that has been closed refuses. */
async function goInWhenReady(
  exchange: Exchange,
  layer: FrozenLayer,
  goIn: () => Promise<Response>,
): Promise<Response> {
  const { inFlight, lifespan } = layer;
  try {
    if (inFlight.isClosed && !exchange.isTakenBy(layer)) throw refusal();
    if (lifespan?.isReady === false) await lifespan.start();
    // It was left meanwhile: the time to close the layer was up.
    if (lifespan?.isReady === false) throw refusal();
  } catch (thrown) {
    return exchange.recoverOutside(thrown);
  }
  // The layer has given up meanwhile.
  if (exchange.isSending) throw misuse('ALREADY_ANSWERED');
  exchange.takeState(lifespan?.state);
  return goIn();
}

/** The connection is not to be used again: this server is going away (RFC 9110, 15.6.4). */
function refusal(): HTTPException {
  return new HTTPException(503, undefined, {
    headers: { connection: 'close' },
    cause: misuse('LAYER_CLOSED'),
  });
}

async function answerWithDependencies(
  exchange: Exchange,
  plan: FrozenLayer,
  below: Below,
  request: Request,
): Promise<Response> {
  try {
    checkGraphIn(exchange, plan.dependencies, 'layer');
    const values = noValues();
    const solving = solveDependencies(plan.dependencies, values, exchange);
    if (solving) await solving;
    refuseUnbegun(plan.dependencies, values);
  } catch (thrown) {
    return exchange.recover(thrown);
  }
  if (exchange.isSending) throw misuse('ALREADY_ANSWERED');
  return answerNative(exchange, below, request);
}

/** What is below a layer answers; then the dependencies of scope `function` exit, unless an endpoint's have before. */
function answerNative(exchange: Exchange, below: Below, request: Request): Promise<Response> {
  const watch = exchange.timings?.beginNative('handler');
  return started(below, request).then(
    response => {
      watch?.stop();
      return settleNative(exchange, response);
    },
    (thrown: unknown) => {
      watch?.stop();
      return exchange.recover(thrown);
    },
  );
}

function started(below: Below, request: Request): Promise<Response> {
  try {
    return below(request);
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/** Native code has answered: what has to be waited for before the answer goes on. */
function settleNative(exchange: Exchange, response: Response): Response | Promise<Response> {
  const failed = exchange.takeObserved() ?? serverError(exchange, response);
  if (failed || exchange.hasEntered) return leaveNative(exchange, response, failed);
  return response;
}

async function leaveNative(
  exchange: Exchange,
  response: Response,
  failed: Error | undefined,
): Promise<Response> {
  const { exits } = exchange;
  let thrown = failed;
  if (exits.has('function')) {
    await exchange.whenNativeHasEnded();
    const overtaking = exchange.takeOvertaking();
    if (overtaking) {
      exchange.replaced(response);
      return exchange.recover(overtaking);
    }
    thrown ??= exchange.takeObserved();
  } else if (exchange.hasEntered) exchange.keepForNative();
  if (thrown) await exchange.failedNatively(thrown);
  if (exits.isEmpty) return response;
  const known = exits.failure;
  const failure = await exits.leave('function', response, known);
  // What has failed below after it had answered does not take the answer back.
  if (failure === known) {
    exchange.watchLateUse();
    return response;
  }
  exchange.replaced(response);
  return exchange.recover(failure);
}

/** Native code has answered with a server error, and kept what led to it to itself. */
function serverError(exchange: Exchange, response: Response): Error | undefined {
  const { status } = response;
  if (status < 500 || exchange.isSending || !isNativeView(response) || status === exchange.ownStatus)
    return undefined;
  return new HTTPException(status <= 599 ? status : 500);
}

/** Steps 2 to 4 of an endpoint; an exception becomes the response of its handler. Rejects with one that has none. */
export async function answerEndpoint(exchange: Exchange, endpoint: Endpoint): Promise<Response> {
  if (exchange.isSending) throw misuse('ALREADY_ANSWERED');
  exchange.goBelow(exchange.request);
  exchange.timings?.enter();
  const response = await exchange.answering(async () => {
    try {
      refuseTooLarge(exchange.request);
      return await runEndpoint(endpoint, exchange);
    } catch (thrown) {
      return exchange.recover(thrown);
    }
  });
  exchange.ownStatus = response.status;
  return response;
}

/** Waits for a layer's answer, and answers in its place when its time is up. */
async function inTime(exchange: Exchange, timeout: number, answering: Promise<Response>): Promise<Response> {
  return (await within(timeout, answering)) ? answering : exchange.giveUp(answering, timeout);
}
