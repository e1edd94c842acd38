import { dependencyMessages } from './errors/dependency-messages.js';
import { documentMessages } from './errors/document-messages.js';
import { parameterMessages } from './errors/parameter-messages.js';
import { requestMessages } from './errors/request-messages.js';
import { setupMessages } from './errors/setup-messages.js';
import { taskMessages } from './errors/task-messages.js';
import { causeOf, isObject } from './errors/thrown.js';

export {
  adapterOf,
  isAsyncFunction,
  isClass,
  isFactory,
  isGeneratorFunction,
  madeBy,
  markFactory,
  mountedIn,
} from './errors/kinds.js';
export { classOf, nameOf, show } from './errors/show.js';
export { asThrown, carries, toError } from './errors/thrown.js';

const messages = {
  ...setupMessages,
  ...dependencyMessages,
  ...parameterMessages,
  ...documentMessages,
  ...requestMessages,
  ...taskMessages,
};

/** The codes of misuse errors; docs/reference/errors.md lists them. */
export type ErrorCode = keyof typeof messages;

/** A misuse of callnext. `code` is stable; `message` says what went wrong and what to do. */
export class CallnextError extends Error {
  override readonly name = 'CallnextError';
  readonly code: ErrorCode;
  /** The chain of dependencies, from the endpoint inward; absent from errors of other kinds. */
  declare readonly path: readonly string[] | undefined;
  /** The method and path of the request, such as `POST /orders`, once the error has reached a layer. */
  declare readonly request: string | undefined;

  readonly #isOne = true;

  /** Internal. Unlike `instanceof`, never throws for a hostile proxy. */
  static isOne(value: object): value is CallnextError {
    return #isOne in value;
  }

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; path?: readonly string[] } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    if (options.path) this.path = options.path;
  }
}

/** Creates a misuse error; the caller throws it. */
export function misuse<Code extends ErrorCode>(
  code: Code,
  ...details: Parameters<(typeof messages)[Code]>
): CallnextError {
  return new CallnextError(code, messageOf(code, details));
}

/** Creates a misuse error with a cause or a path of dependencies. */
export function misuseWith<Code extends ErrorCode>(
  options: { cause?: unknown; path?: readonly string[] },
  code: Code,
  ...details: Parameters<(typeof messages)[Code]>
): CallnextError {
  return new CallnextError(code, messageOf(code, details), options);
}

/** Adds the request, once, to the messages of misuse errors in `error` and its causes. Returns `error`. */
export function located<E>(error: E, where: () => string): E {
  let depth = 0;
  for (let each: unknown = error; isObject(each) && depth < mostLocated; each = causeOf(each as Error)) {
    if (CallnextError.isOne(each) && each.request === undefined) locate(each, where());
    depth += 1;
  }
  return error;
}

/** How many causes are searched; a misuse error is rarely deeper than the cause of another one. */
const mostLocated = 4;

/** Leaves a frozen error unchanged. */
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

/** Whether an error has one of these codes, even if another copy of the package created it. */
export function isMisuse(error: Error, ...codes: readonly ErrorCode[]): boolean {
  return error.name === 'CallnextError' && codes.includes((error as CallnextError).code);
}

/** All codes, for the test of the documentation. */
export const errorCodes: readonly ErrorCode[] = Object.freeze(Object.keys(messages) as ErrorCode[]);

/** The client left before the response was complete. Exception handlers do not see it. */
export class ClientDisconnect extends Error {
  override readonly name = 'ClientDisconnect';

  constructor() {
    super('The client closed the connection before the response was complete.');
  }
}
