import { checkGraphIn } from '../dependencies/dependency-graph.js';
import { noValues } from '../dependencies/dependency-run.js';
import type { Dependencies } from '../dependencies/marker.js';
import { refuseUnbegun, solveDependencies } from '../dependencies/solve.js';
import type { Endpoint } from '../endpoint/endpoint.js';
import { runEndpoint } from '../endpoint/run-endpoint.js';
import { misuse, toError } from '../errors.js';
import { HTTPException } from '../http/http-exception.js';
import type { Request } from '../http/request.js';
import { refuseTooLarge } from '../http/request-parts.js';
import type { Response } from '../http/response.js';
import type { Below, Onion, OnionPort } from '../middleware/compose.js';
import { answerNative } from './answer-native.js';
import { enterLayer, isTakenBy, leaveLayer, takeState } from './enter-layer.js';
import type { Exchange } from './exchange.js';
import { handleOutside, recover, recoverOutside } from './failure.js';
import { type Freezable, type FrozenLayer, freeze } from './frozen-layer.js';
import { within } from './in-flight.js';
import { attach, isLeftBehind } from './over.js';
import { abandon, giveUp } from './unfinished.js';

/** What the middleware of a layer needs from its request. */
export const onionPort: OnionPort<Exchange> = {
  recoverOutside,
  abandon,
  report: ({ reports }, error) => reports.tell(error, 'request'),
};

/**
 * Runs steps 1 to 5 of one layer, perhaps inside another: its middleware, its dependencies and the handler
 * below. Rejects with an exception that nothing inside handled.
 */
export async function runLayer(exchange: Exchange, layer: Freezable, below: Below): Promise<Response> {
  const plan = freeze(layer);
  const place = enterLayer(exchange, plan);
  try {
    return answered(exchange, await goThrough(exchange, plan, below));
  } catch (thrown) {
    return await handleOutside(exchange, plan, toError(thrown));
  } finally {
    leaveLayer(exchange, place);
  }
}

/** Goes through the middleware of a layer that the request has entered, and what is below. */
export function goThrough(exchange: Exchange, plan: FrozenLayer, below: Below): Promise<Response> {
  const isOpen = !plan.inFlight.isClosed && plan.lifespan === undefined;
  const answer = isOpen
    ? plan.onion(exchange.request, exchange, below)
    : goInWhenReady(exchange, plan, below);
  return plan.timeout === undefined ? answer : inTime(exchange, plan.timeout, answer);
}

/** Continues below the middleware of a layer with dependencies. */
export function belowWith(dependencies: Dependencies): Onion<Exchange> {
  return async (request, exchange, below) => {
    if (exchange.isSending) throw misuse('ALREADY_ANSWERED');
    exchange.goBelow(request);
    try {
      checkGraphIn(exchange, dependencies, 'layer');
      const values = noValues();
      const solving = solveDependencies(dependencies, values, exchange);
      if (solving) await solving;
      refuseUnbegun(dependencies, values);
    } catch (thrown) {
      return recover(exchange, thrown);
    }
    if (exchange.isSending) throw misuse('ALREADY_ANSWERED');
    return answerNative(exchange, below, request);
  };
}

/**
 * Continues below the middleware of a layer without dependencies, in the tick in which the request arrived.
 */
export function goBelow(request: Request, exchange: Exchange, below: Below): Promise<Response> {
  if (exchange.isSending) return Promise.reject(misuse('ALREADY_ANSWERED'));
  exchange.goBelow(request);
  return answerNative(exchange, below, request);
}

/** Enters a layer once its lifespan is ready; a closed layer refuses. */
async function goInWhenReady(exchange: Exchange, plan: FrozenLayer, below: Below): Promise<Response> {
  const { inFlight, lifespan } = plan;
  try {
    if (inFlight.isClosed && !isTakenBy(exchange, plan)) throw refusal();
    if (lifespan?.isReady === false) await lifespan.start(exchange);
    // The lifespan exited meanwhile, because the time to close the layer was up.
    if (lifespan?.isReady === false) throw refusal();
  } catch (thrown) {
    return recoverOutside(exchange, thrown);
  }
  // The request was answered meanwhile, for example by a timeout.
  if (exchange.isSending) throw misuse('ALREADY_ANSWERED');
  takeState(exchange, plan.app?.state);
  return plan.onion(exchange.request, exchange, below);
}

/** Closes the connection too, because this server is going away (RFC 9110, 15.6.4). */
function refusal(): HTTPException {
  return new HTTPException(503, undefined, {
    headers: { connection: 'close' },
    cause: misuse('LAYER_CLOSED'),
  });
}

/** Waits for a layer's answer, or answers in its place when its time is up. */
async function inTime(exchange: Exchange, timeout: number, answer: Promise<Response>): Promise<Response> {
  return (await within(timeout, answer)) ? answer : giveUp(exchange, answer, timeout);
}

/**
 * Runs steps 2 to 4 of an endpoint; an exception becomes the response of its handler. Rejects with an
 * exception that has no handler.
 */
export async function answerEndpoint(exchange: Exchange, endpoint: Endpoint): Promise<Response> {
  if (exchange.isSending || isLeftBehind(exchange)) throw misuse('ALREADY_ANSWERED');
  exchange.goBelow(exchange.request);
  exchange.timings?.enter();
  // The endpoint counts as running until its response is made, even after its client has gone.
  exchange.endpoints += 1;
  attach(exchange);
  try {
    refuseTooLarge(exchange.request);
    return answered(exchange, await runEndpoint(endpoint, exchange));
  } catch (thrown) {
    return answered(exchange, await recover(exchange, thrown));
  } finally {
    exchange.endpoints -= 1;
  }
}

/** Our own code reports failures by exceptions, so its status never signals one. */
function answered(exchange: Exchange, response: Response): Response {
  exchange.ownStatus = response.status;
  return response;
}
