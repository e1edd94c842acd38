import { misuse } from '../errors.js';
import { HTTPException, isHTTPException, isHTTPExceptionClass } from '../http/http-exception.js';
import type { Request } from '../http/request.js';
import type { Response } from '../http/response.js';
import type { ResponseLike } from '../http/response-like.js';
import { httpExceptionResponse } from './http-exception.js';
import { isRequestValidationError, validationResponse } from './validation-error.js';

/** Makes the response for an exception. The response's `background` runs although the request failed. */
export type ExceptionHandler<E extends Error = Error> = (
  request: Request,
  exception: E,
) => ResponseLike | Promise<ResponseLike>;

/** The key of a handler: an error class, or the status of HTTPExceptions. */
export type ExceptionKey<E extends Error = Error> = (abstract new (...args: never[]) => E) | number;

/**
 * The exception handlers of a layer.
 *
 * A handler for `Error` or 500 is the outermost: it runs outside all middleware, for errors that no other
 * handler takes.
 */
export class ExceptionHandlers {
  readonly #byStatus = new Map<number, ExceptionHandler>();
  readonly #byPrototype = new Map<object, ExceptionHandler>();
  #catchAll: ExceptionHandler | undefined;

  add(key: unknown, handler: unknown): void {
    if (typeof handler !== 'function') throw misuse('EXCEPTION_HANDLER', handler);
    if (handler.length > 2) throw misuse('PARAMETERS', 'exception handler', handler);
    const known = handler as ExceptionHandler;
    if (key === 500 || key === Error) this.#catchAll = known;
    else if (typeof key === 'number' && Number.isInteger(key) && key >= 200 && key <= 599)
      this.#byStatus.set(key, known);
    else if (typeof key === 'function' && isErrorPrototype(key.prototype))
      this.#byPrototype.set(isHTTPExceptionClass(key) ? HTTPException.prototype : key.prototype, known);
    else throw misuse('EXCEPTION_KEY', key);
  }

  get catchAll(): ExceptionHandler | undefined {
    return this.#catchAll;
  }

  /**
   * Finds a handler by status for an HTTPException, then by class, the nearest ancestor first; for other
   * errors only by class. Recognizes an HTTPException of another copy of the package.
   */
  find(error: Error): ExceptionHandler | undefined {
    if (!isHTTPException(error)) return this.#findByClass(error);
    return (
      this.#byStatus.get(error.status) ??
      this.#findByClass(error) ??
      this.#byPrototype.get(HTTPException.prototype)
    );
  }

  #findByClass(error: Error): ExceptionHandler | undefined {
    if (this.#byPrototype.size === 0) return undefined;
    for (let each = Object.getPrototypeOf(error); each; each = Object.getPrototypeOf(each)) {
      const handler = this.#byPrototype.get(each);
      if (handler) return handler;
    }
    return undefined;
  }

  /** The registered keys, for `describe()`. */
  keys(): string[] {
    const classes = [...this.#byPrototype.keys()].map(prototype => prototype.constructor.name);
    return [...[...this.#byStatus.keys()].map(String), ...classes, ...(this.#catchAll ? ['Error'] : [])];
  }
}

/** Works across realms, as for platform errors in jest. */
function isErrorPrototype(prototype: unknown): boolean {
  for (let each = prototype; typeof each === 'object' && each !== null; each = Object.getPrototypeOf(each))
    if (each === Error.prototype || (each.constructor as { name?: unknown } | undefined)?.name === 'Error')
      return true;
  return false;
}

/**
 * The default response of an HTTPException or of invalid parameters. Other errors go to the framework, which
 * renders their `status` and `headers` itself.
 */
export function builtInResponse(error: Error): Response | undefined {
  if (isRequestValidationError(error)) return validationResponse(error);
  return isHTTPException(error) ? httpExceptionResponse(error) : undefined;
}
