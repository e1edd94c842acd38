import { appNeedsOf } from '../dependencies/app-needs.js';
import { checkGraphIn } from '../dependencies/dependency-graph.js';
import { contextOf, noValues } from '../dependencies/dependency-run.js';
import { checkNames } from '../dependencies/depends.js';
import type { Dependencies, Injected, Solved } from '../dependencies/marker.js';
import { solveDependencies } from '../dependencies/solve.js';
import { checkHandler } from '../endpoint/endpoint.js';
import { nameOf } from '../errors/show.js';
import { asThrown, isGeneratorFunction, misuse, toError } from '../errors.js';
import { Request } from '../http/request.js';
import type { Stage } from '../tracing/stage.js';
import type { Tracing } from '../tracing/tracing.js';
import type { LayerEnd } from './app-exits.js';
import { enterLayer, leaveLayer, takeState } from './enter-layer.js';
import { Exchange } from './exchange.js';
import { unwind } from './failure.js';
import { type Freezable, type FrozenLayer, look } from './frozen-layer.js';
import type { LifespanContext } from './lifespan.js';
import { NoRequest } from './no-request.js';
import { end } from './over.js';
import { phases } from './phase.js';
import type { Place, Surroundings } from './place.js';
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
  return inStage(
    exchange,
    tracing => tracing.begin('request', exchange.title, ofRun),
    () => runThrough(exchange, [plan], plan.lifespan, dependencies, work),
  );
}

/**
 * Runs a function with dependencies inside layers, the outermost first, as `runOutside` does. Starts the
 * lifespan if it is given.
 */
export async function runThrough<D extends Dependencies, State extends object, Result>(
  exchange: Exchange,
  layers: readonly Surroundings[],
  lifespan: LifespanContext | undefined,
  dependencies: D,
  work: Work<D, State, Result>,
): Promise<Awaited<Result>> {
  const places = layers.map(layer => enterLayer(exchange, layer));
  let result: Awaited<Result> | undefined;
  let failure: Error | undefined;
  try {
    checkNames(dependencies, exchange.title);
    checkGraphIn(exchange, dependencies, exchange.title);
    await getReady(exchange, places, lifespan);
    result = await answer(exchange, dependencies, work);
  } catch (thrown) {
    failure = await unwind(exchange, toError(thrown));
  }
  for (const place of places.toReversed()) leaveLayer(exchange, place);
  exchange.phase = phases.sending;
  exchange.delivery = { outcome: 'sent' };
  const late = await exchange.inContext(() => runAfterResponse(exchange, undefined, failure));
  const thrown = failure ?? late;
  if (thrown) throw asThrown(thrown);
  return result as Awaited<Result>;
}

/**
 * Enters the lifespan of a layer and the dependencies of scope `app` that its own dependencies need, in the
 * order of a request, then starts its queue. Rejects with the first failure, and with `LAYER_CLOSED`.
 */
export async function startOutside(layer: Freezable, dependencies: Dependencies): Promise<void> {
  const plan = look(layer);
  if (plan.inFlight.isClosed) throw misuse('LAYER_CLOSED');
  const exchange = outside('start');
  const place = enterLayer(exchange, plan);
  try {
    await inStage(
      exchange,
      tracing => tracing.begin('request', 'start', ofRun),
      () => startIn(exchange, plan, place, dependencies),
    );
  } finally {
    leaveLayer(exchange, place);
    end(exchange);
  }
}

async function startIn(
  exchange: Exchange,
  { lifespan, tasks }: FrozenLayer,
  place: Place,
  dependencies: Dependencies,
): Promise<void> {
  checkGraphIn(exchange, dependencies, 'layer');
  await lifespan?.start(exchange);
  for (const need of appNeedsOf(dependencies, exchange)) await place.solveApp(need, noValues(), exchange);
  await tasks?.start();
}

/** Runs something that is no request in a stage, if somebody listens. */
export function inStage<T>(
  { tracing }: Pick<Exchange, 'tracing'>,
  begin: (tracing: Tracing) => Stage,
  run: () => Promise<T>,
): Promise<T> {
  if (!tracing) return run();
  return begin(tracing)
    .around(run)
    .finally(() => tracing.settled());
}

/** Reports a failure that no caller waits for to `onError`. */
export function reportOutside(
  layer: Freezable,
  name: string,
  error: Error,
  phase: ErrorPhase,
  task?: string,
): void {
  const exchange = outside(name);
  enterLayer(exchange, look(layer));
  exchange.reports.tell(error, phase, task);
  end(exchange);
}

/** Where the end of a layer reports its failures and its stages. */
export function endOf(layer: Freezable): LayerEnd {
  return {
    report: (failure, name) => reportOutside(layer, name, failure, 'exit'),
    get tracing() {
      return outside('close').tracing;
    },
  };
}

/** An exchange without a transport; its caller receives failures as a rejection. */
function outside(name: string): Exchange {
  return new Exchange(new Request(new NoRequest(name)), undefined, name);
}

/** Rejects with the error of the lifespan, and with `LAYER_CLOSED`. */
async function getReady(
  exchange: Exchange,
  places: readonly Place[],
  lifespan: LifespanContext | undefined,
): Promise<void> {
  if (lifespan?.isReady === false) await lifespan.start(exchange);
  if (lifespan?.isReady === false) throw misuse('LAYER_CLOSED');
  for (const { layer } of places) takeState(exchange, layer.app?.state);
}

/** Steps 2 to 4. */
async function answer<D extends Dependencies, State extends object, Result>(
  exchange: Exchange,
  dependencies: D,
  work: Work<D, State, Result>,
): Promise<Awaited<Result>> {
  exchange.goBelow(exchange.request);
  const values = noValues();
  await solveDependencies(dependencies, values, exchange);
  const context = contextOf(values, exchange.injected);
  const { tracing } = exchange;
  const stage = tracing?.begin('endpoint', nameOf(work, 'function'), { kind: 'endpoint' });
  // A lazy query is a thenable, and begins only when it is awaited.
  const result = await (stage ? stage.around(async () => work(context)) : work(context));
  const failure = await exchange.exits.leave('function', undefined);
  if (failure) throw failure;
  return result;
}
