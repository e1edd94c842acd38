import { type ExitObserver, type ExitRunner, leaveIn, type Slot } from '../dependencies/exit-stack.js';
import { print } from '../errors/print.js';
import { classOf } from '../errors/show.js';
import { carries, located, toError } from '../errors.js';
import { isExpected } from '../exceptions/http-exception.js';
import type { Request } from '../http/request.js';
import type { Response } from '../http/response.js';
import type { Trace } from '../http/shared.js';
import type { Timings } from '../http/timings.js';
import type { Tracing } from '../tracing/tracing.js';

/** The part of a request that a reported error comes from. */
export type ErrorPhase = 'request' | 'response' | 'exit' | 'background';

/** Where a reported error comes from. */
export interface ErrorContext {
  readonly request: Request;
  readonly phase: ErrorPhase;
  /** The method and path, such as `POST /orders`; outside a request, `run` and the name of its function. */
  readonly where: string;
  /** The background task or dependency that failed, if known. */
  readonly name: string | undefined;
}

/** Receives every error that no response can carry. */
export type ErrorReporter = (error: Error, context: ErrorContext) => void;

/** A request, or a function that runs outside one. */
interface Reported {
  /** The request as the running code sees it. */
  readonly request: Request;
  readonly title: string;
  readonly trace: Trace | undefined;
  readonly tracing: Tracing | undefined;
  readonly timings: Timings | undefined;
  readonly isSending: boolean;
  /**
   * The layer whose `onError` receives errors: the innermost one, or the last one entered when all were left.
   */
  readonly told: { readonly onError: ErrorReporter | undefined } | undefined;
  /** Without a transport, the caller knows which function it ran, so errors do not name it. */
  readonly transport: object | undefined;
}

/** Reports the errors of one request that no response can carry. */
export class Reports implements ExitObserver {
  readonly #of: Reported;
  /** The reporters for errors of exits: that of the layer in which the dependency was entered. */
  #own: WeakMap<Error, ErrorReporter> | undefined;
  #told: WeakSet<Error> | undefined;
  /** The dependency that each error came from. */
  #sources: WeakMap<object, string> | undefined;

  constructor(of: Reported) {
    this.#of = of;
  }

  /** The reporter for dependencies that are entered now. */
  get owner(): ErrorReporter | undefined {
    return this.#of.told?.onError;
  }

  exiting(slot: Slot, response: Response | undefined, thrown: Error | undefined): ExitRunner | undefined {
    const { trace, tracing, timings, isSending } = this.#of;
    trace?.add(thrown ? `${slot.name} exit with ${classOf(thrown)}` : `${slot.name} exit`);
    // The header of `serverTiming()` has gone with the response.
    const watch = isSending ? undefined : timings?.begin(`${slot.name} exit`);
    if (!tracing && !watch) return undefined;
    return async (exit, ...outcome) => {
      const stage = tracing?.dependency('dependency.exit', slot, { response, thrown });
      const failure = await (stage ? leaveIn(stage, exit, ...outcome) : exit.leave(...outcome));
      watch?.stop();
      return failure;
    };
  }

  exitFailed(failure: Error, owner: unknown, name: string): void {
    this.cameFrom(failure, name);
    this.#own ??= new WeakMap();
    this.#own.set(failure, (owner as ErrorReporter | undefined) ?? printError);
  }

  failureLost(lost: Error): void {
    this.tellOnce(lost, this.#of.isSending ? 'response' : 'request');
  }

  /**
   * Returns an error that replaces another one. The other is reported unless the first carries it as a cause.
   */
  causedBy(error: Error, failure: Error): Error {
    if (!carries(error, failure)) this.failureLost(failure);
    return error;
  }

  /** Notes which dependency threw this; the innermost is noted first and kept. */
  cameFrom(thrown: unknown, dependency: string): void {
    if (typeof thrown !== 'object' || thrown === null) return;
    this.#sources ??= new WeakMap();
    if (!this.#sources.has(thrown)) this.#sources.set(thrown, dependency);
  }

  has(error: Error): boolean {
    return this.#told?.has(error) === true;
  }

  tellOnce(error: Error, phase: ErrorPhase): void {
    if (!this.has(error)) this.tell(error, phase);
  }

  /** Adds the request to the message of a misuse. */
  locate(error: Error): Error {
    return this.#of.transport ? located(error, () => this.#of.title) : error;
  }

  /**
   * Calls `onError`; an error that it throws goes to the console, never further. `task` is the background
   * task that failed.
   */
  tell(given: Error, phase: ErrorPhase, task?: string): void {
    // A stream may be destroyed with any value, not only an error.
    const error = this.locate(toError(given));
    this.#told ??= new WeakSet();
    this.#told.add(error);
    const failed = (thrown: unknown): void =>
      print('callnext: `onError` failed while it handled an error.', toError(thrown), error);
    try {
      const onError = this.#own?.get(error) ?? this.owner ?? printError;
      const { request, title: where } = this.#of;
      const name = task ?? this.#sources?.get(error);
      this.#of.tracing?.report(error, phase, name);
      const told: unknown = onError(error, { request, phase, where, name });
      // A promise of another realm is not an instance of `Promise`, but its rejection must be handled too.
      if (typeof told === 'object' && told !== null) new Promise(resolve => resolve(told)).catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/** The default `onError`. Stays silent about tasks dropped because of an expected error, such as a 404. */
function printError(error: Error, { phase, where, name }: ErrorContext): void {
  if (phase === 'background' && isOfExpected(error)) return;
  const kind = phase === 'background' ? 'task' : 'dependency';
  const source = name === undefined ? where : `${kind} ${name}`;
  // In a worker, the task is not part of a request.
  const place = source === where ? where : `${source} of ${where}`;
  print(`callnext (${phase}): ${place}:`, error);
}

function isOfExpected(error: Error): boolean {
  const { code } = error as { code?: unknown };
  return code === 'TASK_DROPPED' && isExpected(toError(error.cause));
}
