import { appNeedsOf } from '../dependencies/app-needs.js';
import { checkGraphIn } from '../dependencies/dependency-graph.js';
import { contextOf, noValues } from '../dependencies/dependency-run.js';
import { checkNames } from '../dependencies/depends.js';
import type { Dependencies, Injected, Solved } from '../dependencies/marker.js';
import { solveDependencies } from '../dependencies/solve.js';
import { checkHandler } from '../endpoint/endpoint.js';
import { nameOf } from '../errors/show.js';
import { asThrown, isGeneratorFunction, misuse, toError } from '../errors.js';
import { Headers } from '../http/headers.js';
import { Request } from '../http/request.js';
import type { RequestSource } from '../http/request-source.js';
import type { Tracing } from '../tracing/tracing.js';
import { enterLayer, leaveLayer, takeState } from './enter-layer.js';
import { Exchange } from './exchange.js';
import { unwind } from './failure.js';
import { type Freezable, type FrozenLayer, look } from './frozen-layer.js';
import { end } from './over.js';
import { phases } from './phase.js';
import type { Place } from './place.js';
import type { ErrorPhase } from './reports.js';
import { runAfterResponse } from './run-exchange.js';

/** A function that receives what it declares, as an endpoint does. */
type Work<D extends Dependencies, State extends object, Result> = (
  context: Solved<D> & Injected<State>,
) => Result;

const ofRun = { kind: 'run' } as const;

/**
 * Runs a function with dependencies outside a request, in the order of a request without middleware or a
 * response. Resolves with its result after its last task. Rejects with its error, as its dependencies change
 * it, and with errors of their exits.
 */
export async function runOutside<D extends Dependencies, State extends object, Result>(
  layer: Freezable,
  dependencies: D,
  work: Work<D, State, Result>,
): Promise<Awaited<Result>> {
  checkHandler('layer.run', dependencies, work);
  if (isGeneratorFunction(work)) throw misuse('ENDPOINT_HANDLER', 'layer.run', work);
  const plan = look(layer);
  if (plan.inFlight.isClosed) throw misuse('LAYER_CLOSED');
  const exchange = outside(`run ${nameOf(work, '')}`.trimEnd());
  const place = enterLayer(exchange, plan);
  const stage = exchange.tracing?.begin('request', exchange.title, ofRun);
  let result: Awaited<Result> | undefined;
  let failure: Error | undefined;
  try {
    result = await (stage
      ? stage.run(() => answer(exchange, plan, dependencies, work))
      : answer(exchange, plan, dependencies, work));
  } catch (thrown) {
    failure = await unwind(exchange, toError(thrown));
  }
  leaveLayer(exchange, place);
  exchange.phase = phases.sending;
  exchange.delivery = { outcome: 'sent' };
  if (failure) stage?.fail(failure);
  else stage?.end();
  const late = await exchange.inContext(() => runAfterResponse(exchange, undefined, failure));
  const thrown = failure ?? late;
  if (thrown) throw asThrown(thrown);
  return result as Awaited<Result>;
}

/**
 * Enters the lifespan of a layer and the dependencies of scope `app` that its own dependencies need, in the
 * order of a request. Rejects with the first failure, and with `LAYER_CLOSED`.
 */
export async function startOutside(layer: Freezable, dependencies: Dependencies): Promise<void> {
  const plan = look(layer);
  if (plan.inFlight.isClosed) throw misuse('LAYER_CLOSED');
  const exchange = outside('start');
  const place = enterLayer(exchange, plan);
  const start = (): Promise<void> => startIn(exchange, plan, place, dependencies);
  try {
    await (exchange.tracing?.begin('request', 'start', ofRun).around(start) ?? start());
  } finally {
    leaveLayer(exchange, place);
    end(exchange);
  }
}

async function startIn(
  exchange: Exchange,
  { lifespan }: FrozenLayer,
  place: Place,
  dependencies: Dependencies,
): Promise<void> {
  checkGraphIn(exchange, dependencies, 'layer');
  await lifespan?.start(exchange);
  for (const need of appNeedsOf(dependencies, exchange)) await place.solveApp(need, noValues(), exchange);
}

/** Reports a failure that no caller waits for to `onError`. */
export function reportOutside(layer: Freezable, name: string, error: Error, phase: ErrorPhase): void {
  const exchange = outside(name);
  enterLayer(exchange, look(layer));
  exchange.reports.tell(error, phase);
  end(exchange);
}

/** The tracing of something that is no request, if somebody listens. */
export function tracingOutside(name: string): Tracing | undefined {
  return outside(name).tracing;
}

/** An exchange without a transport; its caller receives failures as a rejection. */
function outside(name: string): Exchange {
  return new Exchange(new Request(new NoRequest(name)), undefined, name);
}

/** Steps 2 to 4. */
async function answer<D extends Dependencies, State extends object, Result>(
  exchange: Exchange,
  { lifespan, app }: FrozenLayer,
  dependencies: D,
  work: Work<D, State, Result>,
): Promise<Awaited<Result>> {
  checkNames(dependencies, exchange.title);
  checkGraphIn(exchange, dependencies, exchange.title);
  if (lifespan?.isReady === false) await lifespan.start(exchange);
  if (lifespan?.isReady === false) throw misuse('LAYER_CLOSED');
  takeState(exchange, app?.state);
  exchange.goBelow(exchange.request);
  const values = noValues();
  await solveDependencies(dependencies, values, exchange);
  const context = contextOf(values, exchange.injected);
  const { tracing } = exchange;
  const stage = tracing?.begin('endpoint', nameOf(work, 'function'), { kind: 'endpoint' });
  const result = await (stage ? stage.around(work, context) : work(context));
  const failure = await exchange.exits.leave('function', undefined);
  if (failure) throw failure;
  return result;
}

/** The `request` of a function outside a request: it has a state, and a signal for the end of the layer. */
class NoRequest implements RequestSource {
  readonly method = 'GET';
  readonly url: string;
  readonly path: string;
  readonly headers = new Headers();
  readonly host = undefined;
  readonly raw = undefined;
  readonly client = null;
  readonly pathParams = {};
  maxBodySize = 0;
  bodyLimit = 0;
  readonly #controller = new AbortController();

  constructor(name: string) {
    this.path = encodeURIComponent(name);
    this.url = `callnext:${this.path}`;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  body(): null {
    return null;
  }

  parsedBody(): undefined {
    return undefined;
  }

  decode(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return body;
  }

  async readForm(): Promise<FormData> {
    return new FormData();
  }
}
