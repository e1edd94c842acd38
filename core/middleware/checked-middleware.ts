import { adapterOf, isClass, isFactory, isGeneratorFunction } from '../errors/kinds.js';
import { nameOf } from '../errors/show.js';
import { misuse } from '../errors.js';
import type { Middleware } from './middleware.js';

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
