import { HTTPException } from '../http/http-exception.js';
import type { Request } from '../http/request.js';
import type { Response } from '../http/response.js';
import { isNativeView } from '../http/response-parts.js';
import type { Below } from '../middleware/compose.js';
import type { Exchange } from './exchange.js';
import { recover } from './failure.js';
import { failedNatively, takeObserved, takeOvertaking } from './native-failure.js';
import { keepForNative, watchLateUse, whenNativeHasEnded } from './unfinished.js';

/**
 * What is below a layer answers; then the dependencies of scope `function` exit, unless an endpoint's have
 * before.
 */
export function answerNative(exchange: Exchange, below: Below, request: Request): Promise<Response> {
  const watch = exchange.timings?.beginNative('handler');
  const stage = exchange.tracing?.begin('endpoint', 'native code', { request, kind: 'native' });
  return (stage ? stage.run(started, below, request) : started(below, request)).then(
    response => {
      watch?.stop();
      stage?.end({ response, route: exchange.tracing?.route });
      return settleNative(exchange, response);
    },
    (thrown: unknown) => {
      watch?.stop();
      stage?.fail(thrown, { route: exchange.tracing?.route });
      return recover(exchange, thrown);
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
  const observed = exchange.failures && takeObserved(exchange);
  const failed = observed ?? (response.status < 500 ? undefined : serverError(exchange, response));
  const { enteredExits } = exchange;
  if (failed || enteredExits?.has('function')) return leaveNative(exchange, response, failed);
  if (enteredExits?.isEmpty === false) {
    keepForNative(exchange);
    if (exchange.below) watchLateUse(exchange);
  }
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
    await whenNativeHasEnded(exchange);
    const overtaking = takeOvertaking(exchange);
    if (overtaking) {
      exchange.replaced(response);
      return recover(exchange, overtaking);
    }
    thrown ??= takeObserved(exchange);
  } else keepForNative(exchange);
  if (thrown) await failedNatively(exchange, thrown);
  if (exits.isEmpty) return response;
  const known = exits.failure;
  const failure = await exits.leave('function', response, known);
  // What has failed below after it had answered does not take the answer back.
  if (failure === known) {
    watchLateUse(exchange);
    return response;
  }
  exchange.replaced(response);
  return recover(exchange, failure);
}

/** Native code has answered with a server error, and kept what led to it to itself. */
function serverError(exchange: Exchange, response: Response): Error | undefined {
  const { status } = response;
  if (exchange.isSending || !isNativeView(response) || status === exchange.ownStatus) return undefined;
  return new HTTPException(status <= 599 ? status : 500);
}
