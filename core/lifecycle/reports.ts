import type { ExitObserver } from '../dependencies/exit-stack.js';
import { classOf } from '../errors/show.js';
import { carries, located, toError } from '../errors.js';
import { isExpected } from '../exceptions/http-exception.js';
import type { Request } from '../http/request.js';
import type { Trace } from '../http/shared.js';

/** The part of a request that a reported error comes from. */
export type ErrorPhase = 'request' | 'response' | 'exit' | 'background';

/** Where a reported error comes from. */
export interface ErrorContext {
  readonly request: Request;
  readonly phase: ErrorPhase;
  /**
   * The method and the path, such as `POST /orders`; outside a request `run` and the name of its function.
   */
  readonly where: string;
  /** The background task, or the dependency, that has failed, where it is known. */
  readonly name: string | undefined;
}

/** Told of every error that no response can carry any more. */
export type ErrorReporter = (error: Error, context: ErrorContext) => void;

/** A request, or what is run outside of one. */
interface Reported {
  /** As the code that runs at the time sees it. */
  readonly request: Request;
  readonly title: string;
  readonly trace: Trace | undefined;
  readonly isSending: boolean;
  /** The layer whose `onError` is told: the innermost one, or what it was when all had been left. */
  readonly told: { readonly onError: ErrorReporter | undefined } | undefined;
  /** Without one, whoever runs the function knows what it has run, and errors do not name it. */
  readonly transport: object | undefined;
}

/** Who is told of the errors of one request that no response can carry any more. */
export class Reports implements ExitObserver {
  readonly #of: Reported;
  /** Told of an error wherever it comes up: that of the layer in which its dependency was entered. */
  #own: WeakMap<Error, ErrorReporter> | undefined;
  #told: WeakSet<Error> | undefined;
  /** The dependencies that errors come from. */
  #sources: WeakMap<object, string> | undefined;

  constructor(of: Reported) {
    this.#of = of;
  }

  /** Who is told of failures of the dependencies that are entered now. */
  get owner(): ErrorReporter | undefined {
    return this.#of.told?.onError;
  }

  exiting(name: string, failure: Error | undefined): void {
    this.#of.trace?.add(failure ? `${name} exit with ${classOf(failure)}` : `${name} exit`);
  }

  exitFailed(failure: Error, owner: unknown, name: string): void {
    this.cameFrom(failure, name);
    this.#own ??= new WeakMap();
    this.#own.set(failure, (owner as ErrorReporter | undefined) ?? printError);
  }

  failureLost(lost: Error): void {
    this.tellOnce(lost, this.#of.isSending ? 'response' : 'request');
  }

  /** An error that takes the place of another one. What it does not carry as its cause is told by itself. */
  causedBy(error: Error, failure: Error): Error {
    if (!carries(error, failure)) this.failureLost(failure);
    return error;
  }

  /** Notes which dependency has thrown this, the innermost one first. */
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

  /** Says in the message of a misuse at which request it came up. */
  locate(error: Error): Error {
    return this.#of.transport ? located(error, () => this.#of.title) : error;
  }

  /**
   * Tells `onError`; what that throws goes to the console, never further. `task` is the background task that
   * failed.
   */
  tell(given: Error, phase: ErrorPhase, task?: string): void {
    // A stream may be destroyed with any value, which then stands where Node has errors.
    const error = this.locate(toError(given));
    this.#told ??= new WeakSet();
    this.#told.add(error);
    const failed = (thrown: unknown): void =>
      print('callnext: `onError` failed while it was told of an error.', toError(thrown), error);
    try {
      const onError = this.#own?.get(error) ?? this.owner ?? printError;
      const { request, title: where } = this.#of;
      const name = task ?? this.#sources?.get(error);
      const told: unknown = onError(error, { request, phase, where, name });
      // A promise of another realm is no `Promise` here, and its rejection must not be unhandled either.
      if (typeof told === 'object' && told !== null) new Promise(resolve => resolve(told)).catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/**
 * Prints errors, whatever is in them: the inspector reads fields that may throw, and follows all that it
 * finds.
 */
function print(message: string, ...errors: readonly Error[]): void {
  try {
    console.error(message, ...errors);
  } catch {
    printAsText(message, errors);
  }
}

function printAsText(message: string, errors: readonly Error[]): void {
  try {
    console.error(message, ...errors.map(error => error.stack ?? String(error)));
  } catch {
    // Nothing is left to print with: the console itself fails.
  }
}

/** The default of `onError`. Tasks that an expected answer dropped, such as a 404, are no news. */
function printError(error: Error, { phase, where, name }: ErrorContext): void {
  if (phase === 'background' && isOfExpected(error)) return;
  const kind = phase === 'background' ? 'task' : 'dependency';
  const place = name === undefined ? where : `${kind} ${name} of ${where}`;
  print(`callnext (${phase}): ${place}:`, error);
}

function isOfExpected(error: Error): boolean {
  const { code } = error as { code?: unknown };
  return code === 'TASK_DROPPED' && isExpected(toError(error.cause));
}
