import { adapterOf, isClass, isFactory, isGeneratorFunction, misuse, misuseWith, nameOf } from '../errors.js';
import { type Answered, accept } from '../http/accept.js';
import type { Request } from '../http/request.js';
import { changedRequest } from '../http/request-change.js';
import type { Response } from '../http/response.js';
import { isResponseLike } from '../http/response-like.js';
import type { Trace } from '../http/shared.js';
import type { Stopwatch, Timings } from '../http/timings.js';
import type { CallNext, Middleware } from './middleware.js';

/** What the onion needs of the exchange that runs through it. */
export interface OnionRun extends Answered {
  readonly timings: Timings | undefined;
  readonly trace: Trace | undefined;
  /** An exception that leaves a middleware, as the response of its handler; rejects with the exception where it has none. */
  recoverOutside(thrown: unknown): Promise<Response>;
  /** Tells `onError`. */
  report(error: Error, phase: 'request'): void;
  /** A middleware is through before what is below it: a timeout. */
  abandon(below: Promise<unknown>): void;
}

/** What is below an onion. */
export type Below = (request: Request) => Promise<Response>;

/** An onion, folded: runs the middlewares and what is below them. */
export type Onion = (request: Request, run: OnionRun, below: Below) => Promise<Response>;

/** Throws `MIDDLEWARE_NOT_A_FUNCTION`, `MIDDLEWARE_NATIVE` and `UNCALLED`. */
export function checkedMiddleware(middleware: unknown): Middleware {
  if (typeof middleware !== 'function' || !mayReturnResponse(middleware))
    throw misuse('MIDDLEWARE_NOT_A_FUNCTION', middleware);
  if (isFactory(middleware)) throw misuse('UNCALLED', nameOf(middleware, 'middleware'));
  if (middleware.length > 2) throw misuse('MIDDLEWARE_NATIVE', nameOf(middleware, 'middleware'));
  return middleware as Middleware;
}

function mayReturnResponse(fn: object): boolean {
  return !isClass(fn) && !isGeneratorFunction(fn) && adapterOf(fn) === undefined;
}

/**
 * Folds middlewares, outermost first, into one function. It is done once; a request only walks through it.
 * `names` are those of the middlewares.
 */
export function compose(middlewares: readonly Middleware[], names: readonly string[]): Onion {
  const innermost: Onion = (request, _run, below) => below(request);
  const fold = (inner: Onion, middleware: Middleware, index: number): Onion =>
    guarded(names[index] as string, middleware, inner);
  return middlewares.reduceRight(fold, innermost);
}

function guarded(name: string, middleware: Middleware, inner: Onion): Onion {
  return async function runMiddleware(request, run, below) {
    const watch = run.timings?.beginMiddleware(name);
    const { trace } = run;
    const call = new Call(name, inner, run, below, watch);
    try {
      trace?.add(`${name} before`);
      const returned = await middleware(request, given => call.next(request, given));
      const settled = call.settle(returned, request);
      const response = settled instanceof Promise ? await settled : settled;
      trace?.add(`${name} after ${response.status}`);
      return response;
    } catch (thrown) {
      call.explain(thrown);
      call.leave(undefined);
      trace?.add(`${name} failed`);
      return run.recoverOutside(thrown);
    } finally {
      watch?.stop();
    }
  };
}

/** One run of one middleware: guards `callNext` and takes what is returned. */
class Call {
  readonly #name: string;
  readonly #inner: Onion;
  readonly #run: OnionRun;
  readonly #below: Below;
  readonly #watch: Stopwatch | undefined;
  #isOver = false;
  #called = false;
  #pending: Promise<Response> | undefined;
  #received: Response | undefined;

  constructor(name: string, inner: Onion, run: OnionRun, below: Below, watch: Stopwatch | undefined) {
    this.#name = name;
    this.#inner = inner;
    this.#run = run;
    this.#below = below;
    this.#watch = watch;
  }

  next(request: Request, given: Parameters<CallNext>[0]): Promise<Response> {
    const refused = this.#called ? 'CALL_NEXT_TWICE' : this.#isOver ? 'CALL_NEXT_LATE' : undefined;
    if (refused) return handled(Promise.reject(misuse(refused, this.#name)));
    this.#called = true;
    this.#watch?.pause();
    const received = this.#goOn(request, given).then(
      response => this.#receive(response),
      (thrown: unknown) => this.#fail(thrown),
    );
    this.#pending = received;
    return received;
  }

  settle(returned: unknown, request: Request): Response | Promise<Response> {
    if (returned === undefined || returned === null)
      throw misuse('NOTHING_RETURNED', this.#name, this.#called);
    if (!isResponseLike(returned))
      throw misuse('NOT_A_RESPONSE', `The middleware \`${this.#name}\``, returned);
    const accepted = accept(this.#run, returned, request);
    this.leave(accepted instanceof Promise ? undefined : accepted);
    return accepted;
  }

  /** `callNext(request).headers` without an `await` is a TypeError that says nothing of its cause. */
  explain(thrown: unknown): void {
    if (this.#pending === undefined || this.#isOver || !(thrown instanceof TypeError)) return;
    this.#run.report(misuseWith({ cause: thrown }, 'CALL_NEXT_NOT_AWAITED', this.#name), 'request');
  }

  /** The middleware is through, with this response or with an exception. */
  leave(response: Response | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#received !== undefined && this.#received !== response) this.#run.replaced(this.#received);
    if (this.#pending) this.#run.abandon(this.#pending);
  }

  #goOn(request: Request, given: Parameters<CallNext>[0]): Promise<Response> {
    try {
      return this.#inner(changedRequest(request, given), this.#run, this.#below);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #receive(response: Response): Response {
    this.#pending = undefined;
    if (this.#isOver) this.#run.replaced(response);
    else this.#watch?.resume();
    this.#received = response;
    return response;
  }

  /** Whoever ignores the promise must not make an unhandled rejection of it: a late failure is told to the run. */
  #fail(thrown: unknown): never {
    if (this.#pending) handled(this.#pending);
    this.#pending = undefined;
    if (!this.#isOver) this.#watch?.resume();
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
