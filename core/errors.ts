import { requestMessages } from './errors/request-messages.js';
import { setupMessages } from './errors/setup-messages.js';
import { causeOf, isObject } from './errors/thrown.js';

export {
  adapterOf,
  isAsyncFunction,
  isClass,
  isFactory,
  isGeneratorFunction,
  madeBy,
  markFactory,
} from './errors/kinds.js';
export { classOf, nameOf, show } from './errors/show.js';
export { asThrown, carries, toError } from './errors/thrown.js';

const messages = { ...setupMessages, ...requestMessages };

/** The codes of the misuses that callnext detects; each is listed in docs/reference/errors.md. */
export type ErrorCode = keyof typeof messages;

/** A misuse of callnext. `code` is stable and `message` names the thing and the cure. */
export class CallnextError extends Error {
  override readonly name = 'CallnextError';
  readonly code: ErrorCode;
  /**
   * The chain of dependencies from the endpoint on, where the error is about dependencies. Else there is no
   * such property.
   */
  declare readonly path: readonly string[] | undefined;
  /** Where it came up, such as `POST /orders`, when it has reached a layer. */
  declare readonly request: string | undefined;

  readonly #isOne = true;

  /** Unlike `instanceof`, it does not fail for a proxy that cannot be looked at. Internal. */
  static isOne(value: object): value is CallnextError {
    return #isOne in value;
  }

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; path?: readonly string[] } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    if (options.path) this.path = options.path;
  }
}

/** Makes the error of a misuse; the caller throws it. */
export function misuse<Code extends ErrorCode>(
  code: Code,
  ...details: Parameters<(typeof messages)[Code]>
): CallnextError {
  return new CallnextError(code, messageOf(code, details));
}

/** The same with the error that led to it, or the path of dependencies. */
export function misuseWith<Code extends ErrorCode>(
  options: { cause?: unknown; path?: readonly string[] },
  code: Code,
  ...details: Parameters<(typeof messages)[Code]>
): CallnextError {
  return new CallnextError(code, messageOf(code, details), options);
}

/**
 * Says in the message of a misuse, and of those among its causes, at which request it came up; once. Returns
 * the error.
 */
export function located<E>(error: E, where: () => string): E {
  let depth = 0;
  for (let each: unknown = error; isObject(each) && depth < mostLocated; each = causeOf(each as Error)) {
    if (CallnextError.isOne(each) && each.request === undefined) locate(each, where());
    depth += 1;
  }
  return error;
}

/** A misuse is at most the cause of an exception, or the cause of another misuse. */
const mostLocated = 4;

/** An error that is frozen stays as it is. */
function locate(error: CallnextError, where: string): void {
  const { message, stack } = error;
  const hidden = { configurable: true, writable: true, enumerable: false };
  Reflect.defineProperty(error, 'request', { ...hidden, value: where, enumerable: true });
  if (message.includes(where)) return;
  const located = `${message} (${where})`;
  Reflect.defineProperty(error, 'message', { ...hidden, value: located });
  if (typeof stack !== 'string') return;
  Reflect.defineProperty(error, 'stack', { ...hidden, value: stack.replace(message, () => located) });
}

function messageOf(code: ErrorCode, details: readonly unknown[]): string {
  return (messages[code] as (...details: readonly unknown[]) => string)(...details);
}

/** Whether an error is a misuse of one of these codes, also where another copy of the package has made it. */
export function isMisuse(error: Error, ...codes: readonly ErrorCode[]): boolean {
  return error.name === 'CallnextError' && codes.includes((error as CallnextError).code);
}

/** All codes, for the documentation's test. */
export const errorCodes: readonly ErrorCode[] = Object.freeze(Object.keys(messages) as ErrorCode[]);

/** The client went away before it had its response. No exception handler is asked for it. */
export class ClientDisconnect extends Error {
  override readonly name = 'ClientDisconnect';

  constructor() {
    super('The client closed the connection before the response was complete.');
  }
}
