import { misuse, toError } from '../errors.js';
import type { Response } from '../http/response.js';
import { isNativeView, sealResponse } from '../http/response-parts.js';
import type { Below } from '../middleware/compose.js';
import type { Stage } from '../tracing/stage.js';
import { enterLayer, leaveLayer } from './enter-layer.js';
import type { Exchange } from './exchange.js';
import { errorHeadersOf, handleOutside, noteFailure, recover } from './failure.js';
import { type Freezable, type FrozenLayer, freeze } from './frozen-layer.js';
import { takeOvertaking } from './native-failure.js';
import { finish, idle, isDoneWith } from './over.js';
import { phases } from './phase.js';
import { goThrough } from './run-layer.js';
import { settleResponses } from './superseded.js';
import { endRequest, type Outlet, tracedOutlet } from './traced-request.js';
import type { Delivery, Transport } from './transport.js';
import { watchedTask } from './watched-task.js';

/**
 * One request from its first middleware to its last task: **the order that callnext promises**. Resolves when
 * the response is on its way; never rejects.
 *
 * `below` is what is under the layer: native code, or an endpoint.
 */
export async function runExchange(exchange: Exchange, layer: Freezable, below: Below): Promise<void> {
  const { tracing, transport: given } = exchange;
  const transport = tracing ? tracedOutlet(tracing, given as Transport) : (given as Transport);
  const stage = tracing?.begin('request', exchange.request.method, { kind: 'http' });
  let sending: Promise<Delivery>;
  try {
    // 1–5: in through the middleware, and out again
    const plan = freeze(layer);
    const place = enterLayer(exchange, plan);
    let response: Response;
    try {
      response = await (stage?.run(handled, exchange, plan, below) ?? goThrough(exchange, plan, below));
    } catch (thrown) {
      if (stage) throw thrown;
      response = await handleOutside(exchange, plan, toError(thrown));
    } finally {
      leaveLayer(exchange, place);
    }
    exchange.ownStatus = response.status;
    if (exchange.failures) response = await latestAnswer(exchange, plan, response);
    exchange.phase = phases.sending;
    exchange.response = response;
    sending = sent(exchange, transport, response); // 6: sent, to its last byte
  } catch (thrown) {
    sending = failed(exchange, transport, thrown);
  }
  const goOn = (delivery: Delivery): void => delivered(exchange, stage, delivery); // 7–9
  // Not awaited: a response may last for hours, and would keep what this function has.
  sending.then(goOn, thrown => failed(exchange, transport, thrown).then(goOn));
}

/** Goes through a layer in a stage, whose context the handler for `Error` needs too. */
async function handled(exchange: Exchange, plan: FrozenLayer, below: Below): Promise<Response> {
  try {
    return await goThrough(exchange, plan, below);
  } catch (thrown) {
    return handleOutside(exchange, plan, toError(thrown));
  }
}

/** The response is out, or never will be. */
function delivered(exchange: Exchange, stage: Stage | undefined, delivery: Delivery): void {
  const { response } = exchange;
  exchange.delivery = delivery;
  if (stage) endRequest(stage, exchange);
  if (response) sealResponse(response);
  if (isDoneWith(exchange, response, delivery)) void finish(exchange, alreadyAnswered);
  else void afterResponse(exchange, response, delivery);
}

/**
 * Native code that holds dependencies may have failed since it answered: no success is sent that is rolled
 * back.
 */
async function latestAnswer(exchange: Exchange, plan: FrozenLayer, answer: Response): Promise<Response> {
  const failure = takeOvertaking(exchange);
  if (failure === undefined) return answer;
  exchange.replaced(answer);
  try {
    return await recover(exchange, failure);
  } catch (thrown) {
    return handleOutside(exchange, plan, toError(thrown));
  }
}

/** What native code has written keeps an async context of its own. */
function sent(exchange: Exchange, transport: Outlet, response: Response): Promise<Delivery> {
  if (isNativeView(response)) return transport.send(response);
  return exchange.inContext(() => transport.send(response));
}

/** What nobody handled goes to the framework, in place of a response. */
function failed(exchange: Exchange, transport: Outlet, thrown: unknown): Promise<Delivery> {
  const unanswered = takeOvertaking(exchange);
  if (unanswered) exchange.reports.tell(unanswered, 'request');
  const passedOn = toError(thrown);
  exchange.failing.passedOn = passedOn;
  return transport.fail(passedOn, errorHeadersOf(exchange));
}

/** Steps 7 to 9, in the async context of the request. */
function afterResponse(
  exchange: Exchange,
  response: Response | undefined,
  delivery: Delivery,
): Promise<unknown> {
  const { trace, below, enteredExits } = exchange;
  const isBusy = trace || below || enteredExits?.failure;
  return exchange.inContext(() =>
    isBusy ? whenQuiet(exchange, response, delivery) : leave(exchange, response, delivery),
  );
}

/** What still runs below keeps its dependencies, and a test that looks on has the response first. */
async function whenQuiet(
  exchange: Exchange,
  response: Response | undefined,
  delivery: Delivery,
): Promise<void> {
  const { trace } = exchange;
  trace?.add(response ? `${delivery.outcome} ${response.status}` : `${delivery.outcome} by the framework`);
  if (trace) await trace.received?.();
  await idle(exchange);
  await leave(exchange, response, delivery);
}

function leave(exchange: Exchange, response: Response | undefined, { error }: Delivery): Promise<unknown> {
  exchange.phase = phases.leaving;
  const goOn = (): Promise<unknown> => {
    const known = noteFailure(exchange, 'response', error, undefined) ?? exchange.failures?.failed;
    return runAfterResponse(exchange, response, known);
  };
  return settleResponses(exchange, response)?.then(goOn) ?? goOn();
}

function alreadyAnswered(): Error {
  return misuse('ALREADY_ANSWERED');
}

/** Steps 7 to 9. Resolves with what the exits have failed with, which is reported; never rejects. */
export async function runAfterResponse(
  exchange: Exchange,
  response: Response | undefined,
  known: Error | undefined,
): Promise<Error | undefined> {
  const { enteredExits: exits, reports, trace, tracing } = exchange;
  const tell = (error: Error, task: string): void => reports.tell(error, 'background', task);
  const runTask = trace || tracing ? watchedTask(exchange) : undefined;
  const leaving = exits?.leave('request', response, known); // 7
  const left = leaving instanceof Promise ? await leaving : (leaving ?? known);
  const failure = noteFailure(exchange, 'exit', left, known);
  exchange.phase = phases.tasks;
  const running = exchange.addedTasks?.runAll(tell, false, runTask); // 8
  const taskFailure = running && (await running);
  const before = failure ?? taskFailure;
  const closing = exits?.leave('background', response, before); // 9
  const closed = closing instanceof Promise ? await closing : (closing ?? before);
  const last = noteFailure(exchange, 'exit', closed, before);
  // What those exits have added.
  const late = exchange.addedTasks?.runAll(tell, !exchange.below?.isGivenUp, runTask);
  if (late) await late;
  const letGo = finish(exchange, failure ? () => failure : alreadyAnswered);
  if (letGo) await letGo;
  return last === before ? failure : last;
}
