import { checkGraphIn } from '../dependencies/dependency-graph.js';
import { checkNames } from '../dependencies/depends.js';
import type { Dependencies, Injected, Solved } from '../dependencies/marker.js';
import { contextOf, noValues, solveDependencies } from '../dependencies/solve.js';
import { checkHandler } from '../endpoint/endpoint.js';
import { asThrown, misuse, nameOf, toError } from '../errors.js';
import { Headers } from '../http/headers.js';
import { Request } from '../http/request.js';
import type { RequestSource } from '../http/request-source.js';
import { type Delivery, Exchange, type Transport } from './exchange.js';
import { type ErrorPhase, type Freezable, type FrozenLayer, look } from './frozen-layer.js';
import { runAfterResponse } from './run-exchange.js';

/** A function that is given what it declares, as an endpoint is. */
type Work<D extends Dependencies, Result> = (context: Solved<D> & Injected) => Result;

/**
 * A function with dependencies outside a request, in the order of a request without middleware and without a response.
 * Resolves with its result when its last task has run. Rejects with what it throws, as its dependencies make it, and with
 * what their exits fail with.
 */
export async function runOutside<D extends Dependencies, Result>(
  layer: Freezable,
  dependencies: D,
  work: Work<D, Result>,
): Promise<Awaited<Result>> {
  checkHandler('layer.run', dependencies, work);
  const plan = look(layer);
  if (plan.inFlight.isClosed) throw misuse('LAYER_CLOSED');
  const exchange = new OutsideExchange(`run ${nameOf(work, '')}`.trimEnd());
  exchange.enterLayer(plan);
  let result: Awaited<Result> | undefined;
  let failure: Error | undefined;
  try {
    result = await answer(exchange, plan, dependencies, work);
  } catch (thrown) {
    failure = await exchange.unwind(toError(thrown));
  }
  exchange.leaveLayer(plan);
  exchange.isSent = true;
  const late = await exchange.inContext(() => runAfterResponse(exchange, undefined, failure));
  const thrown = failure ?? late;
  if (thrown) throw asThrown(thrown);
  return result as Awaited<Result>;
}

/** Tells `onError` of what failed when nobody waited for it any more. */
export function reportOutside(layer: Freezable, name: string, error: Error, phase: ErrorPhase): void {
  const exchange = new OutsideExchange(name);
  exchange.enterLayer(look(layer));
  exchange.report(error, phase);
  exchange.end();
}

/** Steps 2 to 4. */
async function answer<D extends Dependencies, Result>(
  exchange: OutsideExchange,
  { lifespan }: FrozenLayer,
  dependencies: D,
  work: Work<D, Result>,
): Promise<Awaited<Result>> {
  checkNames(dependencies, exchange.name);
  checkGraphIn(exchange, dependencies, exchange.name);
  if (lifespan?.isReady === false) await lifespan.start();
  if (lifespan?.isReady === false) throw misuse('LAYER_CLOSED');
  exchange.takeState(lifespan?.state);
  exchange.goBelow(exchange.request);
  const values = noValues();
  await solveDependencies(dependencies, values, exchange);
  const result = await work(contextOf(values, exchange.injected));
  const failure = await exchange.exits.leave('function', undefined);
  if (failure) throw failure;
  return result;
}

/** What is run without a request: whoever waits for it is told of its failures by a rejection. */
class OutsideExchange extends Exchange {
  override readonly name: string;

  constructor(name: string) {
    const source = new NoRequest(name);
    super(new Request(source), source);
    this.name = name;
  }

  /** The caller knows what it has run. */
  override locate(error: Error): Error {
    return error;
  }

  override noteFailure(
    _phase: unknown,
    failure: Error | undefined,
    known: Error | undefined,
  ): Error | undefined {
    if (failure !== undefined && failure !== known) this.dropTasks(failure);
    return failure;
  }
}

/** What stands where there is no request, and no connection. */
class NoRequest implements RequestSource, Transport {
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

  /** Aborts when the layer is being closed and the time for it is up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
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

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  async send(): Promise<Delivery> {
    return { outcome: 'sent' };
  }

  async fail(): Promise<Delivery> {
    return { outcome: 'sent' };
  }
}
