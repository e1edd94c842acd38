import { misuse, misuseWith } from '../errors.js';
import { type Answered, accept } from '../http/accept.js';
import { discard } from '../http/discard.js';
import type { Request } from '../http/request.js';
import { changedRequest } from '../http/request-change.js';
import type { Response } from '../http/response.js';
import { isResponseLike } from '../http/response-like.js';
import type { Trace } from '../http/shared.js';
import type { Stopwatch, Timings } from '../http/timings.js';
import type { Stage } from '../tracing/stage.js';
import type { Tracing } from '../tracing/tracing.js';
import type { CallNext, Middleware } from './middleware.js';

/** What the onion needs of the request that runs through it. */
export interface OnionRun extends Answered {
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  readonly tracing: Tracing | undefined;
}

/** What a request does for its middlewares. */
export interface OnionPort<Run> {
  /** The response of the handler for an exception that leaves a middleware; rejects if it has no handler. */
  recoverOutside(run: Run, thrown: unknown): Promise<Response>;
  /** Reports an error to `onError`. */
  report(run: Run, error: Error): void;
  /** A middleware has finished before what is below it: a timeout. */
  abandon(run: Run, below: Promise<unknown>): void;
}

/** What is below an onion. */
export type Below = (request: Request) => Promise<Response>;

/** An onion, folded: runs the middlewares and what is below them. */
export type Onion<Run> = (request: Request, run: Run, below: Below) => Promise<Response>;

/**
 * Folds middlewares, outermost first, into one function, once per layer. `names` are the names of the
 * middlewares; `innermost` calls what is below the layer.
 */
export function compose<Run extends OnionRun>(
  middlewares: readonly Middleware[],
  names: readonly string[],
  port: OnionPort<Run>,
  innermost: Onion<Run>,
): Onion<Run> {
  const fold = (inner: Onion<Run>, middleware: Middleware, index: number): Onion<Run> =>
    guarded({ name: names[index] as string, inner, port }, middleware);
  return middlewares.reduceRight(fold, innermost);
}

/** Where a middleware stands in its onion. */
interface Ring<Run> {
  readonly name: string;
  readonly inner: Onion<Run>;
  readonly port: OnionPort<Run>;
}

function guarded<Run extends OnionRun>(ring: Ring<Run>, middleware: Middleware): Onion<Run> {
  // Without `async`: what that keeps of a call is much of what a middleware costs.
  return function runMiddleware(request, run, below) {
    const waiter = new Waiter(ring, request, run, below);
    return started(middleware, request, waiter).then(
      returned => waiter.settle(returned),
      (thrown: unknown) => waiter.fail(thrown),
    );
  };
}

/** A middleware may throw, or return a response and no promise. */
function started<Run extends OnionRun>(
  middleware: Middleware,
  request: Request,
  waiter: Waiter<Run>,
): Promise<unknown> {
  try {
    const { stage } = waiter;
    const callNext: CallNext = given => waiter.next(given);
    const returned: unknown = stage
      ? stage.run(middleware, request, callNext)
      : middleware(request, callNext);
    return returned instanceof Promise ? returned : Promise.resolve(returned);
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}

/**
 * `fresh` → `waiting` at its `callNext` → `answered`, or `failed` → `through`. A middleware that returns
 * earlier leaves it `unused`, or what is below `abandoned`.
 */
type State = 'fresh' | 'waiting' | 'answered' | 'failed' | 'through' | 'unused' | 'abandoned';

/** One run of one middleware: guards `callNext` and takes what is returned. */
class Waiter<Run extends OnionRun> {
  readonly #ring: Ring<Run>;
  readonly #request: Request;
  readonly #run: Run;
  readonly #below: Below;
  readonly #watch: Stopwatch | undefined;
  readonly #trace: Trace | undefined;
  readonly stage: Stage | undefined;
  #state: State = 'fresh';
  /** What `callNext` has given. */
  #given: Promise<Response> | undefined;
  #received: Response | undefined;

  constructor(ring: Ring<Run>, request: Request, run: Run, below: Below) {
    this.#ring = ring;
    this.#request = request;
    this.#run = run;
    this.#below = below;
    this.#watch = run.timings?.beginMiddleware(ring.name);
    this.#trace = run.trace;
    this.#trace?.add(`${ring.name} before`);
    this.stage = run.tracing?.begin('middleware', ring.name, { request });
  }

  next(given: Parameters<CallNext>[0]): Promise<Response> {
    if (this.#state !== 'fresh') return this.#refuse();
    this.#state = 'waiting';
    this.#watch?.pause();
    this.#given = this.#goOn(given).then(
      response => this.#receive(response),
      (thrown: unknown) => this.#rejected(thrown),
    );
    return this.#given;
  }

  /** The middleware has returned this. */
  settle(returned: unknown): Response | Promise<Response> {
    try {
      if (!isResponseLike(returned)) throw this.#notAResponse(returned);
      const accepted = accept(this.#run, returned, this.#request);
      if (!('status' in accepted)) return this.#settleLater(accepted);
      if (this.#received === accepted && this.#state === 'answered') this.#state = 'through';
      else this.#leave(accepted);
      this.#trace?.add(`${this.#ring.name} after ${accepted.status}`);
      this.#watch?.stop();
      this.stage?.end({ response: accepted });
      return accepted;
    } catch (thrown) {
      return this.fail(thrown);
    }
  }

  /** The middleware, or what is made of its response, has failed. */
  fail(thrown: unknown): Promise<Response> {
    // `callNext(request).headers` without an `await` is a TypeError that says nothing of its cause.
    if (this.#state === 'waiting' && thrown instanceof TypeError) this.#explain(thrown);
    this.#leave(undefined);
    this.#trace?.add(`${this.#ring.name} failed`);
    this.#watch?.stop();
    this.stage?.fail(thrown);
    return this.#ring.port.recoverOutside(this.#run, thrown);
  }

  async #settleLater(accepting: Promise<Response>): Promise<Response> {
    this.#leave(undefined);
    try {
      const response = await accepting;
      this.#trace?.add(`${this.#ring.name} after ${response.status}`);
      this.#watch?.stop();
      this.stage?.end({ response });
      return response;
    } catch (thrown) {
      return await this.fail(thrown);
    }
  }

  #notAResponse(returned: unknown): Error {
    discard(returned);
    const { name } = this.#ring;
    return returned === undefined || returned === null
      ? misuse('NOTHING_RETURNED', name, this.#state !== 'fresh')
      : misuse('NOT_A_RESPONSE', `The middleware \`${name}\``, returned);
  }

  #explain(cause: TypeError): void {
    const { name, port } = this.#ring;
    port.report(this.#run, misuseWith({ cause }, 'CALL_NEXT_NOT_AWAITED', name));
  }

  /** Called when the middleware has ended, with this response or with an exception. */
  #leave(response: Response | undefined): void {
    const state = this.#state;
    if (state === 'fresh') this.#state = 'unused';
    else if (state === 'waiting') {
      this.#state = 'abandoned';
      this.#ring.port.abandon(this.#run, this.#given as Promise<Response>);
    } else if (state === 'answered' || state === 'failed') {
      this.#state = 'through';
      if (this.#received !== undefined && this.#received !== response) this.#run.replaced(this.#received);
    }
  }

  #refuse(): Promise<Response> {
    const code = this.#state === 'unused' ? 'CALL_NEXT_LATE' : 'CALL_NEXT_TWICE';
    return handled(Promise.reject(misuse(code, this.#ring.name)));
  }

  #goOn(given: Parameters<CallNext>[0]): Promise<Response> {
    const own = this.#request;
    try {
      const request = given === own ? own : changedRequest(own, given);
      return this.#ring.inner(request, this.#run, this.#below);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #receive(response: Response): Response {
    if (this.#state === 'abandoned') {
      this.#state = 'through';
      this.#run.replaced(response);
    } else {
      this.#state = 'answered';
      this.#watch?.resume();
    }
    this.#received = response;
    return response;
  }

  /**
   * An ignored promise must not cause an unhandled rejection: a late failure is reported to the run.
   */
  #rejected(thrown: unknown): never {
    if (this.#given) handled(this.#given);
    if (this.#state === 'abandoned') this.#state = 'through';
    else {
      this.#state = 'failed';
      this.#watch?.resume();
    }
    throw thrown;
  }
}

function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

function ignore(): void {
  // Deliberately empty.
}
