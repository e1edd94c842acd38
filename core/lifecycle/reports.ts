import { toError } from '../errors.js';
import { isExpected } from '../exceptions/http-exception.js';
import type { Request } from '../http/request.js';
import type { ErrorContext, ErrorPhase, ErrorReporter } from './frozen-layer.js';

/** A request, or what is run outside of one. */
interface Reported {
  /** That which the code that runs at the time sees. */
  readonly request: Request;
  readonly title: string;
  /** Says in an error where it came up. */
  locate(error: Error): Error;
}

/** Who is told of the errors of one request that no response can carry any more. */
export class Reports {
  readonly #of: Reported;
  #onError: ErrorReporter | undefined;
  /** Of the innermost layer: told of what happens when all layers have been left. */
  #innermost: ErrorReporter | undefined;
  /** Told of an error wherever it comes up: that of the layer in which its dependency was entered. */
  #own: WeakMap<Error, ErrorReporter> | undefined;
  #told: WeakSet<Error> | undefined;
  /** The dependencies that errors come from. */
  #sources: WeakMap<object, string> | undefined;

  /** `of`: whose errors they are; its request is the one that the code which runs at the time sees. */
  constructor(of: Reported) {
    this.#of = of;
  }

  /** The `onError` of the layer that the request is in, or of the nearest one around it that has one. */
  get onError(): ErrorReporter | undefined {
    return this.#onError;
  }

  enterLayer(onError: ErrorReporter | undefined): void {
    this.#onError = onError ?? this.#onError;
    this.#innermost = this.#onError;
  }

  /** A layer was left, and the request is in one of these again, outermost first; in none when the outermost was left. */
  leaveTo(around: readonly { readonly onError: ErrorReporter | undefined }[]): void {
    const isIn = around.length > 0;
    this.#onError = isIn ? around.findLast(({ onError }) => onError)?.onError : this.#innermost;
  }

  /** Notes which dependency has thrown this, the innermost one first. */
  cameFrom(thrown: unknown, dependency: string): void {
    if (typeof thrown !== 'object' || thrown === null) return;
    this.#sources ??= new WeakMap();
    if (!this.#sources.has(thrown)) this.#sources.set(thrown, dependency);
  }

  /** An error that is told to the `onError` that was in force when its dependency was entered. */
  tellOwner(error: Error, owner: ErrorReporter | undefined): void {
    this.#own ??= new WeakMap();
    this.#own.set(error, owner ?? printError);
  }

  has(error: Error): boolean {
    return this.#told?.has(error) === true;
  }

  /** Tells `onError`; what that throws goes to the console, never further. */
  tell(given: Error, phase: ErrorPhase, task: string | undefined): void {
    // A stream may be destroyed with any value, which then stands where Node has errors.
    const error = this.#of.locate(toError(given));
    this.#told ??= new WeakSet();
    this.#told.add(error);
    const failed = (thrown: unknown): void =>
      print('callnext: `onError` failed while it was told of an error.', toError(thrown), error);
    try {
      const onError = this.#own?.get(error) ?? this.#onError ?? printError;
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

/** Prints errors, whatever is in them: the inspector reads fields that may throw, and follows all that it finds. */
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
